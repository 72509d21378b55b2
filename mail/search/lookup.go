package search

import (
	"cmp"
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

// terms gives the numbers of the terms of which piece is a part, those with the most postings first.
func (v *lookup) terms(piece string, h how) (out []int, bytes int64) {
	v.d.find([]byte(piece), h, func(i int) bool {
		out = append(out, i)
		bytes += v.size(i)
		return true
	})
	return out, bytes
}

func (v *lookup) size(i int) int64 { return int64(v.d.post[i+1] - v.d.post[i]) }

// docs gives the messages that hold a term of which piece is a part in a field of mask.
func (v *lookup) docs(piece string, h how, mask Field) (*Set, error) {
	out := newSet(v.s.lo, v.s.hi)
	terms, bytes := v.terms(piece, h)
	if bytes > maxRead {
		out.or(v.d.full)
		return out, nil
	}
	slices.SortFunc(terms, func(a, b int) int { return cmp.Compare(v.size(b), v.size(a)) })
	for n, i := range terms {
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
	var left *Set
	for i := range tokens {
		piece, h := part(tokens, i)
		found, err := v.docs(piece, h, mask)
		if err != nil {
			return nil, err
		}
		if left == nil {
			left = found
		} else {
			left.and(found)
		}
	}
	if left.Len() == 0 {
		return left, nil
	}
	p := phrase{v: v, left: left, mask: mask}
	for i := range tokens {
		piece, h := part(tokens, i)
		if err := p.word(piece, h, i == 0); err != nil {
			return nil, err
		}
	}
	return p.end(), nil
}

// hit is a place of a word: message from the segment's first <<33 | body<<32 | place.
type hit uint64

// phrase follows words from place to place.
type phrase struct {
	v    *lookup
	left *Set // messages that have all words
	mask Field
	hits []hit // where the words so far end
	// Fields without places: for each number of the segment those in which the message has all words so far.
	loose []Field
	cut   Set // messages of which not all places are kept
}

// word goes on with a word.
func (p *phrase) word(piece string, h how, first bool) error {
	var here []hit
	loose := make([]Field, p.v.s.hi-p.v.s.lo+1)
	if first {
		p.cut = *newSet(p.v.s.lo, p.v.s.hi)
	}
	terms, bytes := p.v.terms(piece, h)
	if bytes > maxRead {
		p.cut.or(p.v.d.full)
		if first {
			p.loose = loose
		}
		return nil
	}
	slices.Sort(terms)
	for _, i := range terms {
		b, err := p.v.postings(i)
		if err != nil {
			return err
		}
		rd := newPostingReader(b, p.v.s, true)
		for rd.next() {
			if p.left.Has(rd.p.msg) {
				here = p.note(here, loose, &rd.p)
			}
		}
		if rd.d.bad {
			return errDamaged
		}
	}
	slices.Sort(here)
	if first {
		p.hits, p.loose = here, loose
		return nil
	}
	p.hits = follow(p.hits, here)
	for i := range p.loose {
		p.loose[i] &= loose[i]
	}
	return nil
}

// note enters where a message has the word.
func (p *phrase) note(here []hit, loose []Field, at *posting) []hit {
	if at.cut {
		p.cut.add(at.msg)
	}
	for k, f := range [...]Field{Subject, Body} {
		if p.mask&f == 0 {
			continue
		}
		for _, place := range at.places[k] {
			here = append(here, hit(at.msg-p.v.s.lo)<<33|hit(k)<<32|hit(place))
		}
	}
	loose[at.msg-p.v.s.lo] |= at.fields & p.mask &^ placed
	return here
}

// follow keeps of next what is at the same place as something in before, or one behind. Both are sorted. Words
// with a ZWNJ have several terms at one place.
func follow(before, next []hit) (out []hit) {
	i := 0
	for _, h := range next {
		for i < len(before) && before[i]+1 < h {
			i++
		}
		if i < len(before) && (before[i] == h || before[i]+1 == h) {
			out = append(out, h)
		}
	}
	return out
}

// end gives the messages.
func (p *phrase) end() *Set {
	out := newSet(p.v.s.lo, p.v.s.hi)
	for _, h := range p.hits {
		out.add(p.v.s.lo + mailbox.MsgNo(h>>33))
	}
	for i, f := range p.loose {
		if f != 0 {
			out.add(p.v.s.lo + mailbox.MsgNo(i))
		}
	}
	p.cut.and(p.left)
	out.or(&p.cut)
	return out
}
