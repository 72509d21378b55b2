package imap

import "strconv"

// SearchReturn is what RETURN asks of a search (RFC 4466 §2.6.1, RFC 4731 §3.1). The zero value: RETURN was
// not given.
type SearchReturn struct {
	Given     bool
	Min, Max  bool
	All       bool // also when RETURN () was given
	Count     bool
	Save      bool          // RFC 5182 §2.1
	Update    bool          // RFC 5267 §4.3
	Fetch     []FetchItem   // of messages that come into what is kept up to date (RFC 5465 §7)
	Context   bool          // RFC 5267 §4.2, a hint
	Relevancy bool          // RFC 6203 §4
	Partial   *PartialRange // RFC 5267 §4.4, RFC 9394 §3.1
}

// Answers reports whether something is to be told at all: not if the result is only saved.
func (r SearchReturn) Answers() bool {
	return r.Min || r.Max || r.All || r.Count || r.Relevancy || r.Partial != nil
}

// PartialRange is a window of results by place, 1 the first; FromEnd: 1 is the last (RFC 9394 §3.1).
type PartialRange struct {
	Lo, Hi  uint32 // Lo <= Hi
	FromEnd bool
	Text    string // as the client wrote it, for the answer
}

// Window gives the results that the range means as indexes lo <= i < hi of n.
func (r PartialRange) Window(n int) (lo, hi int) {
	lo, hi = int(min(uint64(r.Lo)-1, uint64(n))), int(min(uint64(r.Hi), uint64(n)))
	if r.FromEnd {
		return n - hi, n - lo
	}
	return lo, hi
}

// SearchReturn reads "RETURN (" options ")" and the space behind it if that is next.
func (p *Parser) SearchReturn() (r SearchReturn) {
	at := p.i
	if upper(p.span(isAtomChar)) != "RETURN" {
		p.i = at
		return r
	}
	r.Given = true
	n := 0
	p.SP().List(func() { n++; p.returnOption(&r) })
	r.All = r.All || n == 0
	if r.All && r.Partial != nil {
		p.fail("ALL and PARTIAL exclude one another")
	}
	p.SP()
	return r
}

func (p *Parser) returnOption(r *SearchReturn) {
	switch p.Word() {
	case "MIN":
		r.Min = true
	case "MAX":
		r.Max = true
	case "ALL":
		r.All = true
	case "COUNT":
		r.Count = true
	case "SAVE":
		r.Save = true
	case "UPDATE":
		r.Update = true
		if p.nextAre(" (") {
			r.Fetch = p.SP().FetchItems()
		}
	case "CONTEXT":
		r.Context = true
	case "RELEVANCY":
		r.Relevancy = true
	case "PARTIAL":
		if r.Partial != nil {
			p.fail("PARTIAL can be given once")
		}
		x := p.SP().PartialRange()
		r.Partial = &x
	default:
		p.fail("no such result option")
	}
}

// PartialRange reads 1:500 or -1:-500; the ends may come in either order (RFC 9394 §4).
func (p *Parser) PartialRange() (r PartialRange) {
	number := func() uint32 {
		if r.FromEnd {
			p.want('-')
		}
		n := p.Number32()
		if n == 0 {
			p.fail("results are counted from 1")
		}
		return n
	}
	r.FromEnd = p.peek() == '-'
	a := number()
	p.want(':')
	b := number()
	sign := ""
	if r.FromEnd {
		sign = "-"
	}
	r.Text = sign + strconv.FormatUint(uint64(a), 10) + ":" + sign + strconv.FormatUint(uint64(b), 10)
	r.Lo, r.Hi = min(a, b), max(a, b)
	return r
}
