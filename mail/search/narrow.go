package search

import (
	"context"
	"errors"
	"strings"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail/mailbox"
)

// Verdict is what the index knows of a message and a key.
type Verdict byte

// The verdicts. They grow with certainty that the text is there.
const (
	No    Verdict = iota // it is not there
	Maybe                // somebody must look
	Yes                  // it is there
)

// Candidates are what the index knows of all messages and a key. Messages that were expunged may be among
// them; the caller asks for those he has.
type Candidates struct {
	upto  mailbox.MsgNo
	all   bool // nothing is known
	yes   Set
	maybe Set
}

// Of tells what is known of m.
func (c *Candidates) Of(m mailbox.MsgNo) Verdict {
	switch {
	case c.all || m > c.upto:
		return Maybe
	case c.yes.Has(m):
		return Yes
	case c.maybe.Has(m):
		return Maybe
	}
	return No
}

// Upto is the last message that is indexed; those above are Maybe.
func (c *Candidates) Upto() mailbox.MsgNo { return c.upto }

// Counts tells how many indexed messages are Yes, and how many Maybe.
func (c *Candidates) Counts() (yes, maybe int) { return c.yes.Len(), c.maybe.Len() }

// Narrow asks the index for a key. It never fails for a damaged index: then everything is Maybe, and the index is
// made anew in the background.
func (a *Account) Narrow(ctx context.Context, k Key) (*Candidates, error) {
	started := a.x.opt.Now()
	c := &Candidates{}
	err := a.view(ctx, func(r kv.Reader) error {
		m, err := readManifest(r)
		if err != nil {
			return err
		}
		if c.upto = m.cursor; len(m.segments) == 0 {
			return nil
		}
		lo, hi := m.segments[0].lo, m.segments[len(m.segments)-1].hi
		c.yes, c.maybe = *newSet(lo, hi), *newSet(lo, hi)
		q := newNarrowing(a, r, &k)
		for i := range m.segments {
			if err := q.segment(ctx, &m.segments[i], c); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, kv.ErrCorrupt) {
		a.damaged(err)
		c, err = &Candidates{all: true}, nil
	}
	if err == nil {
		a.x.opt.Metrics.query("narrow", a.x.opt.Now().Sub(started))
	}
	return c, err
}

// narrowing is one Narrow being done.
type narrowing struct {
	a     *Account
	r     kv.Reader
	mask  Field
	name  string // of the field looked for by name
	forms []narrowForm
}

// narrowForm is one way to write the needle.
type narrowForm struct {
	empty  bool
	tokens []string
	exact  bool     // it is one term, so a term that holds it is the proof
	value  []string // for a needle that means a field's name: the words of the value; nil if it does not
	named  bool
}

func newNarrowing(a *Account, r kv.Reader, k *Key) *narrowing {
	q := &narrowing{a: a, r: r, mask: k.In, name: k.named()}
	if q.name != "" {
		q.mask = place(q.name)
	}
	names := q.name == "" && k.In&(Header|Body) != 0 && meansName(k.Text)
	for _, f := range k.Text.Forms() {
		form := narrowForm{empty: len(f) == 0, tokens: tokens(string(f))}
		form.exact = len(form.tokens) == 1 && len(f) == len(form.tokens[0]) && len(f) <= text.MaxPiece
		if _, rest, ok := strings.Cut(string(f), ":"); names && ok {
			form.named, form.value = true, tokens(rest)
		}
		q.forms = append(q.forms, form)
	}
	return q
}

// tokens gives the terms of folded text.
func tokens(s string) (out []string) {
	sp := text.Splitter{}
	last := uint32(0)
	sp.Emit = func(term []byte, place uint32) {
		if len(out) > 0 && place == last { // a further window of a long word
			out[len(out)-1] = joinWindows(out[len(out)-1], string(term))
			return
		}
		last = place
		out = append(out, string(term))
	}
	sp.Split(s)
	return out
}

// joinWindows puts the overlapping windows of a long word together again. The last one may overlap by more than
// half.
func joinWindows(a, b string) string {
	for n := min(len(a), text.MaxTerm-1); n >= text.MaxPiece; n-- {
		if strings.HasPrefix(b, a[len(a)-n:]) {
			return a + b[n:]
		}
	}
	return a + b
}

// segment adds what a segment knows to c.
func (q *narrowing) segment(ctx context.Context, s *segmentInfo, c *Candidates) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d, err := q.a.dictionary(q.r, s)
	if err != nil {
		return err
	}
	v := &lookup{r: q.r, s: s, d: d}
	yes, maybe := newSet(s.lo, s.hi), newSet(s.lo, s.hi)
	switch {
	case opaque(q.name):
		maybe.or(d.full)
	default:
		for i := range q.forms {
			if err := q.form(v, &q.forms[i], yes, maybe); err != nil {
				return err
			}
		}
	}
	if err := q.onlyNamed(v, yes, maybe); err != nil {
		return err
	}
	partial, err := v.docs(markPartial, whole, Any)
	if err != nil {
		return err
	}
	maybe.or(partial)
	c.yes.merge(yes)
	c.maybe.merge(maybe)
	return nil
}

// onlyNamed takes account of that the field has a name: the index knows who has it, but not what stands in it.
func (q *narrowing) onlyNamed(v *lookup, yes, maybe *Set) error {
	if q.name == "" || q.mask != Header {
		return nil
	}
	if !q.forms[0].empty {
		maybe.or(yes)
		clear(yes.bits)
	}
	if usual(q.name) {
		return nil
	}
	have, err := v.docs(markName+q.name, whole, Any)
	if err != nil {
		return err
	}
	yes.and(have)
	maybe.and(have)
	return nil
}

// form adds what one form of the needle finds.
func (q *narrowing) form(v *lookup, f *narrowForm, yes, maybe *Set) error {
	switch {
	case f.empty && q.name == "":
		yes.or(v.d.full)
		return nil
	case f.empty && !usual(q.name):
		have, err := v.docs(markName+q.name, whole, Any)
		if err == nil {
			yes.or(have)
		}
		return err
	case len(f.tokens) == 0, f.named && len(f.value) == 0:
		maybe.or(v.d.full)
		return nil
	}
	if f.named {
		found, err := v.all(f.value, prefix, q.mask)
		if err != nil {
			return err
		}
		maybe.or(found)
	}
	if len(f.tokens) > 1 {
		found, err := v.phrase(f.tokens, q.mask, part)
		if err == nil {
			maybe.or(found)
		}
		return err
	}
	found, err := v.inside(f.tokens[0], q.mask)
	if err != nil {
		return err
	}
	if f.exact {
		yes.or(found)
	} else {
		maybe.or(found)
	}
	return nil
}
