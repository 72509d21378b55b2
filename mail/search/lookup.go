package search

import (
	"cmp"
	"math/bits"
	"slices"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail"
	"barid/mail/mailbox"
)

// maxRead bounds the postings that are read in one segment for one piece of a needle, bytes. Past it all messages
// are candidates.
const maxRead = 64 << 20

// lookup reads postings of one segment.
type lookup struct {
	r kv.Reader
	s *segmentInfo
	d *dictionary

	page   int // in bytes; the number plus one
	bytes  []byte
	joined []byte
}

// postings gives the postings of the i-th term; valid until the next call.
func (v *lookup) postings(i int) ([]byte, error) {
	from, to := int64(v.d.post[i]), int64(v.d.post[i+1])
	if from == to {
		return nil, errDamaged
	}
	first, last := int(from/postingsPage), int((to-1)/postingsPage)
	v.joined = v.joined[:0]
	for p := first; p <= last; p++ {
		if err := v.load(p); err != nil {
			return nil, err
		}
		lo, hi := max(from-int64(p)*postingsPage, 0), min(to-int64(p)*postingsPage, postingsPage)
		if hi > int64(len(v.bytes)) {
			return nil, errDamaged
		}
		if first == last {
			return v.bytes[lo:hi], nil
		}
		v.joined = append(v.joined, v.bytes[lo:hi]...)
	}
	return v.joined, nil
}

func (v *lookup) load(p int) error {
	if v.page == p+1 {
		return nil
	}
	b, ok, err := v.r.Get(mail.TableSearch, rowKey(v.s.id, kindPostings, p))
	if err == nil && !ok {
		err = errDamaged
	}
	v.page, v.bytes = p+1, b
	return err
}

// found are terms of a dictionary by number, and how many bytes of postings they have.
type found struct {
	terms []int
	bytes int64
}

// terms gives the terms of which piece is a part.
func (v *lookup) terms(piece string, h how) (f found) {
	v.d.find([]byte(piece), h, func(i int) bool {
		f.terms = append(f.terms, i)
		f.bytes += v.size(i)
		return true
	})
	return f
}

func (v *lookup) size(i int) int64 { return int64(v.d.post[i+1] - v.d.post[i]) }

// docs gives the messages that hold a term of which piece is a part in a field of mask.
func (v *lookup) docs(piece string, h how, mask Field) (*Set, error) {
	return v.docsOf(v.terms(piece, h), mask)
}

// docsOf gives the messages that hold one of some terms in a field of mask.
func (v *lookup) docsOf(f found, mask Field) (*Set, error) {
	out := newSet(v.s.lo, v.s.hi)
	if f.bytes > maxRead {
		out.or(v.d.full)
		return out, nil
	}
	order := slices.SortedFunc(slices.Values(f.terms), func(a, b int) int { return cmp.Compare(v.size(b), v.size(a)) })
	slices.Sort(order[min(16, len(order)):]) // those with the most postings first, the others as they lie on the disk
	for n, i := range order {
		b, err := v.postings(i)
		if err != nil {
			return nil, err
		}
		if err := addDocs(out, b, v.s, mask); err != nil {
			return nil, err
		}
		if (n < 16 || n%64 == 0) && out.covers(v.d.full) {
			break
		}
	}
	return out, nil
}

// addDocs adds the messages of postings.
func addDocs(out *Set, b []byte, s *segmentInfo, mask Field) error {
	rd := newPostingReader(b, s, false)
	for rd.next() {
		if rd.p.fields&mask != 0 {
			out.add(rd.p.msg)
		}
	}
	if rd.d.bad {
		return errDamaged
	}
	return nil
}

// inside gives the messages with a word that holds token. Of a long token the ends are looked for.
func (v *lookup) inside(token string, mask Field) (*Set, error) {
	if len(token) <= text.MaxPiece {
		return v.docs(token, inside, mask)
	}
	out, err := v.docs(token[:text.MaxPiece], inside, mask)
	if err != nil {
		return nil, err
	}
	end, err := v.docs(token[len(token)-text.MaxPiece:], inside, mask)
	if err == nil {
		out.and(end)
	}
	return out, err
}

// part says which piece of the i-th of n words is looked for, and how: the first word of a needle is the end of a
// word, the last one the beginning of one. Of long words the piece at the open end is looked for.
func part(tokens []string, i int) (string, how) {
	t := tokens[i]
	long := len(t) > text.MaxPiece
	switch {
	case i == 0:
		return t[max(0, len(t)-text.MaxPiece):], suffix
	case i == len(tokens)-1:
		return t[:min(len(t), text.MaxPiece)], prefix
	case long:
		return t[:text.MaxPiece], inside
	}
	return t, whole
}

// all gives the messages that have all words in some fields of mask; h says how the last one is looked for.
func (v *lookup) all(words []string, h how, mask Field) (*Set, error) {
	var out *Set
	for i, t := range words {
		piece, how := t, whole
		if i == len(words)-1 {
			how = h
		}
		if len(piece) > text.MaxPiece {
			piece, how = piece[:text.MaxPiece], inside
		}
		found, err := v.docs(piece, how, mask)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = found
		} else {
			out.and(found)
		}
	}
	return out, nil
}

// phrase gives the messages in which the words can follow one another; part says how each is looked for.
func (v *lookup) phrase(tokens []string, mask Field, part func(tokens []string, i int) (string, how)) (*Set, error) {
	words := make([]found, len(tokens))
	rarest := 0
	for i := range tokens {
		if words[i] = v.terms(part(tokens, i)); words[i].bytes < words[rarest].bytes {
			rarest = i
		}
	}
	left, err := v.docsOf(words[rarest], mask)
	if err != nil || left.Len() == 0 {
		return left, err
	}
	p := newTrails(v, left, mask)
	for i := range words {
		if err := p.word(words[i], i == 0); err != nil {
			return nil, err
		}
	}
	return p.end(), nil
}

// phrase follows words from place to place.
type phrase struct {
	v      *lookup
	left   *Set     // messages that have the rarest word
	before []uint32 // how many messages of left are before each 64 of it
	mask   Field
	// Of each message of left, in their order:
	far  []trail // how far the words so far lead
	here []trail // what it has of the word at hand
}

// trail is what a message has of a phrase.
type trail struct {
	at  [2]places // in Subject, in Body
	in  Field     // fields without places that have all words so far
	has bool      // it has all words so far, somewhere
	cut bool      // not all places are kept
}

func newTrails(v *lookup, left *Set, mask Field) *phrase {
	p := &phrase{v: v, left: left, mask: mask, before: make([]uint32, len(left.bits))}
	n := 0
	for i, w := range left.bits {
		p.before[i] = uint32(n)
		n += bits.OnesCount64(w)
	}
	p.far, p.here = make([]trail, n), make([]trail, n)
	return p
}

// trail gives what is known of a message; nil if it is not one of left.
func (p *phrase) trail(of []trail, m mailbox.MsgNo) *trail {
	i := uint64(m - p.left.base)
	w, bit := p.left.bits[i/64], uint64(1)<<(i%64)
	if w&bit == 0 {
		return nil
	}
	return &of[p.before[i/64]+uint32(bits.OnesCount64(w&(bit-1)))]
}

// word goes on with a word.
func (p *phrase) word(w found, first bool) error {
	here := p.here
	if first {
		here = p.far
	}
	clear(here)
	if w.bytes > maxRead {
		for i := range p.far {
			p.far[i].cut, p.far[i].has = true, first || p.far[i].has
		}
		return nil
	}
	for _, i := range w.terms {
		b, err := p.v.postings(i)
		if err != nil {
			return err
		}
		if err := p.read(here, b); err != nil {
			return err
		}
	}
	if !first {
		for i := range p.far {
			p.far[i].follow(&here[i])
		}
	}
	return nil
}

// read enters the postings of one term.
func (p *phrase) read(here []trail, b []byte) error {
	rd := newPostingReader(b, p.v.s, true)
	loose := p.mask &^ placed
	for rd.next() {
		t := p.trail(here, rd.p.msg)
		if t == nil {
			continue
		}
		if p.mask&rd.p.fields&Subject != 0 {
			t.at[0].or(rd.p.places[0])
		}
		if p.mask&rd.p.fields&Body != 0 {
			t.at[1].or(rd.p.places[1])
		}
		t.in |= rd.p.fields & loose
		t.has, t.cut = t.has || rd.p.fields&p.mask != 0, t.cut || rd.p.cut
	}
	if rd.d.bad {
		return errDamaged
	}
	return nil
}

// follow goes on to what is at the same place, or one behind. Words with a ZWNJ have several terms at one place.
func (t *trail) follow(next *trail) {
	t.at[0], t.at[1] = t.at[0].follow(next.at[0]), t.at[1].follow(next.at[1])
	t.in &= next.in
	t.has, t.cut = t.has && next.has, t.cut || next.cut
}

// end gives the messages.
func (p *phrase) end() *Set {
	out := newSet(p.v.s.lo, p.v.s.hi)
	i := 0
	p.left.All(func(m mailbox.MsgNo) {
		if t := &p.far[i]; !t.at[0].none() || !t.at[1].none() || t.in != 0 || t.cut && t.has {
			out.add(m)
		}
		i++
	})
	return out
}
