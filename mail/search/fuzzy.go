package search

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail/mailbox"
)

// Fuzzy is a search as people type it (RFC 6203): words in any order, and "phrases in quotes". All of them must be
// in a message. A word also finds words that begin with it, words that it stands in with an Arabic proclitic, and
// its other spellings, which count less. There is no stemming: no library we have does it for Arabic and Persian.
type Fuzzy struct {
	In    Field
	Text  string
	Limit int // of hits; 0: all
}

// Hit is a message with its relevancy.
type Hit struct {
	Msg   mailbox.MsgNo
	Score uint8 // 1 to 100 (RFC 6203 §4); the best one has 100
}

// Ranking is what a Fuzzy found.
type Ranking struct {
	Hits []Hit         // best first. Messages that were expunged may be among them
	Upto mailbox.MsgNo // messages above were not looked at
}

// Limits of a Fuzzy.
const (
	maxClauses   = 32  // words and phrases
	maxPrefixed  = 256 // terms that a word is the beginning of, in one segment
	minPrefix    = 2   // characters a word must have to be the beginning of others
	catchUp      = 500 * time.Millisecond
	phraseWeight = 2
)

// ErrTooLong: a Fuzzy has too many words.
var ErrTooLong = errors.New("search: too many words")

// How much a word counts, by how it is there.
const (
	asTyped    = 1.0
	proclitic  = 0.8
	respelled  = 0.7
	beginsWith = 0.4
)

// How much a place counts.
const (
	weightSubject = 3
	weightAddress = 2
	weightFile    = 2
	weightHeader  = 0.3
)

// Fuzzy ranks the messages that hold what is searched. Messages that are not indexed yet are, as far as that takes
// no longer than catchUp.
func (a *Account) Fuzzy(ctx context.Context, f Fuzzy) (*Ranking, error) {
	started := a.x.opt.Now()
	if err := a.catchUp(ctx); err != nil {
		return nil, err
	}
	clauses, err := f.clauses()
	if err != nil || len(clauses) == 0 {
		return &Ranking{}, err
	}
	r := &ranker{a: a, f: &f, clauses: clauses, found: make([]int64, len(clauses))}
	err = a.view(ctx, func(rd kv.Reader) error { return r.run(ctx, rd) })
	if errors.Is(err, kv.ErrCorrupt) {
		a.damaged(err)
		return &Ranking{}, nil
	}
	if err != nil {
		return nil, err
	}
	a.x.opt.Metrics.query("fuzzy", a.x.opt.Now().Sub(started))
	return &Ranking{Hits: r.hits(), Upto: r.upto}, nil
}

// catchUp indexes what waits, for a moment. Only an end of ctx is an error.
func (a *Account) catchUp(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	_ = a.Sync(short) // what it did not come to is above Ranking.Upto
	return ctx.Err()
}

// clause is a word or a phrase, with the other ways to write it.
type clause struct {
	phrases []phrasing
	words   []variant
}

// phrasing is words that must follow one another, folded.
type phrasing struct {
	words  []string
	weight float64
}

// variant is one way to write a word.
type variant struct {
	term   string
	how    how
	weight float64
}

// clauses reads what was typed.
func (f *Fuzzy) clauses() (out []clause, err error) {
	add := func(c clause) {
		if len(c.phrases)+len(c.words) > 0 {
			out = append(out, c)
		}
	}
	for i, part := range strings.Split(f.Text, `"`) {
		if i%2 == 1 {
			add(newPhrase(part))
			continue
		}
		for _, w := range strings.Fields(part) {
			add(newClause(w))
		}
	}
	if len(out) > maxClauses {
		return nil, ErrTooLong
	}
	return out, nil
}

// newClause makes a clause of a word as typed: several terms, as an address has, are a phrase. A word with a ZWNJ is
// also the phrase that it is with a space.
func newClause(w string) clause {
	var c clause
	for i, form := range text.NewNeedle(w).Forms() {
		weight := asTyped
		if i > 0 {
			weight = respelled
		}
		ts := tokens(string(form))
		if len(ts) != 1 {
			c.addPhrase(ts, weight)
			continue
		}
		c.add(ts[0], whole, weight)
		for _, p := range text.Proclitics(ts[0]) {
			c.add(p, whole, weight*proclitic)
		}
		if utf8.RuneCountInString(ts[0]) >= minPrefix {
			c.add(ts[0], prefix, weight*beginsWith)
		}
	}
	return c
}

// newPhrase makes a clause of words that follow one another, as they are between quotes.
func newPhrase(quoted string) clause {
	var c clause
	ts := tokens(text.FoldString(quoted))
	if len(ts) == 1 {
		c.add(ts[0], whole, asTyped)
	} else {
		c.addPhrase(ts, asTyped)
	}
	if strings.ContainsRune(quoted, zwnj) {
		c.addPhrase(tokens(string(text.FoldSpaced(nil, quoted))), respelled)
	}
	return c
}

// zwnj stands within words, or a space instead.
const zwnj = '\u200c'

func (c *clause) addPhrase(ts []string, weight float64) {
	if len(ts) > 1 {
		c.phrases = append(c.phrases, phrasing{ts, weight})
	}
}

func (c *clause) add(term string, h how, weight float64) {
	if len(term) > text.MaxPiece {
		term, h = term[:text.MaxPiece], inside
	}
	c.words = append(c.words, variant{term, h, weight})
}

// wholePart looks for the words of a phrase as they are.
func wholePart(tokens []string, i int) (string, how) {
	if t := tokens[i]; len(t) > text.MaxPiece {
		return t[:text.MaxPiece], inside
	}
	return tokens[i], whole
}

// ranker is one Fuzzy being done.
type ranker struct {
	a        *Account
	f        *Fuzzy
	clauses  []clause
	upto     mailbox.MsgNo
	docs     int64
	words    int64
	found    []int64 // messages that have each clause
	segments []ranked
}

// ranked is what one segment has.
type ranked struct {
	s     *segmentInfo
	norms []byte
	heavy [][]float32 // for each clause and message how much it counts; 0: it is not there
}

func (r *ranker) run(ctx context.Context, rd kv.Reader) error {
	m, err := readManifest(rd)
	if err != nil {
		return err
	}
	r.upto = m.cursor
	for i := range m.segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &m.segments[i]
		d, err := r.a.dictionary(rd, s)
		if err != nil {
			return err
		}
		r.docs += s.docs
		r.words += s.words
		g := ranked{s: s, norms: d.norms}
		v := &lookup{r: rd, s: s, d: d}
		for k := range r.clauses {
			heavy, err := r.weigh(v, &r.clauses[k])
			if err != nil {
				return err
			}
			for _, h := range heavy {
				if h > 0 {
					r.found[k]++
				}
			}
			g.heavy = append(g.heavy, heavy)
		}
		r.segments = append(r.segments, g)
	}
	return nil
}

// weigh gives for each message of a segment how much a clause counts in it.
func (r *ranker) weigh(v *lookup, c *clause) ([]float32, error) {
	heavy := make([]float32, v.s.hi-v.s.lo+1)
	for _, p := range c.phrases {
		set, err := v.phrase(p.words, r.f.In, wholePart)
		if err != nil {
			return nil, err
		}
		weight := float32(phraseWeight * p.weight)
		set.All(func(m mailbox.MsgNo) { heavy[m-v.s.lo] = max(heavy[m-v.s.lo], weight) })
	}
	for _, w := range c.words {
		f := v.terms(w.term, w.how)
		terms := f.terms
		if f.bytes > maxRead {
			terms = terms[:min(len(terms), maxPrefixed)]
		}
		if w.how != whole && len(terms) > maxPrefixed {
			slices.SortFunc(terms, func(a, b int) int { return cmp.Compare(v.size(b), v.size(a)) })
			terms = terms[:maxPrefixed]
		}
		for _, i := range terms {
			if err := r.weighTerm(v, i, w.weight, heavy); err != nil {
				return nil, err
			}
		}
	}
	return heavy, nil
}

func (r *ranker) weighTerm(v *lookup, i int, weight float64, heavy []float32) error {
	b, err := v.postings(i)
	if err != nil {
		return err
	}
	rd := newPostingReader(b, v.s, false)
	for rd.next() {
		heavy[rd.p.msg-v.s.lo] += float32(weight * r.places(&rd.p))
	}
	if rd.d.bad {
		return errDamaged
	}
	return nil
}

// places weighs where a message has a term.
func (r *ranker) places(p *posting) (w float64) {
	f := p.fields & r.f.In
	if f&Subject != 0 {
		w += weightSubject * float64(p.times[0])
	}
	if f&Body != 0 {
		w += float64(p.times[1])
	}
	if f&(From|To|Cc|Bcc) != 0 {
		w += weightAddress
	}
	if f&File != 0 {
		w += weightFile
	}
	if f&Header != 0 {
		w += weightHeader
	}
	return w
}

// Constants of BM25.
const (
	saturation = 1.2
	byLength   = 0.5
)

// hits ranks the messages that have all clauses.
func (r *ranker) hits() []Hit {
	type scored struct {
		m mailbox.MsgNo
		s float64
	}
	var all []scored
	average := float64(max(r.words, 1)) / float64(max(r.docs, 1))
	rare := make([]float64, len(r.clauses))
	for k, n := range r.found {
		rare[k] = math.Log(1 + (float64(r.docs-n)+0.5)/(float64(n)+0.5))
	}
	best := 0.0
	for _, g := range r.segments {
		for i, n := range g.norms {
			if n == 0 {
				continue
			}
			s := 0.0
			for k, heavy := range g.heavy {
				h := float64(heavy[i])
				if h == 0 {
					s = 0
					break
				}
				s += rare[k] * h * (saturation + 1) / (h + saturation*(1-byLength+byLength*length(n)/average))
			}
			if s > 0 {
				all = append(all, scored{g.s.lo + mailbox.MsgNo(i), s})
				best = max(best, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.s, a.s), cmp.Compare(b.m, a.m)) })
	if r.f.Limit > 0 && len(all) > r.f.Limit {
		all = all[:r.f.Limit]
	}
	out := make([]Hit, len(all))
	for i, s := range all {
		out[i] = Hit{s.m, uint8(math.Round(1 + 99*s.s/best))}
	}
	return out
}
