package imap

import (
	"slices"
	"strconv"
)

// Star is "*" in a Range: the largest number in use.
const Star uint32 = 0

// MaxUID is the largest UID there can be.
const MaxUID uint32 = 1<<32 - 1

// Range is one member of a set as it came, e.g. 2:4, 7 (Lo and Hi 7), 9:* (Hi is Star), *:3.
type Range struct{ Lo, Hi uint32 }

// SeqSet is a set of message sequence numbers, UIDSet one of unique identifiers: two types, so that they
// can not be mixed up (RFC 3501 §2.3.1).
type (
	SeqSet []Range
	UIDSet []Range
)

// SeqSet reads a sequence set (RFC 3501 §9 sequence-set).
func (p *Parser) SeqSet() SeqSet { return SeqSet(p.set()) }

// UIDSet reads a set of UIDs.
func (p *Parser) UIDSet() UIDSet { return UIDSet(p.set()) }

// Saved takes "$", the result a client had saved (RFC 5182 §2.1), if it is next.
func (p *Parser) Saved() bool { return p.take('$') }

func (p *Parser) set() (out []Range) {
	for {
		if len(out) == p.lim.Ranges {
			p.fail("set has too many members")
			return nil
		}
		r := Range{Lo: p.setNumber()}
		r.Hi = r.Lo
		if p.take(':') {
			r.Hi = p.setNumber()
		}
		out = append(out, r)
		if p.err != nil {
			return nil
		}
		if !p.take(',') {
			return out
		}
	}
}

func (p *Parser) setNumber() uint32 {
	if p.take('*') {
		return Star
	}
	n := p.Number32()
	if n == 0 {
		p.fail("numbers in a set begin at 1")
	}
	return n
}

// Resolve gives the set as ascending, disjoint ranges, "*" being max. Max 0 (an empty mailbox) gives
// what names numbers; ranges of "*" alone give nothing.
func (s SeqSet) Resolve(max uint32) []Range { return resolve(s, max) }

// Resolve is SeqSet.Resolve with max the largest UID in the mailbox.
func (s UIDSet) Resolve(max uint32) []Range { return resolve(s, max) }

// HasStar reports whether the set names "*".
func (s SeqSet) HasStar() bool {
	return slices.ContainsFunc(s, func(r Range) bool { return r.Lo == Star || r.Hi == Star })
}

// Max is the largest number that the set names, "*" aside.
func (s SeqSet) Max() (top uint32) {
	for _, r := range s {
		top = max(top, r.Lo, r.Hi)
	}
	return top
}

func resolve(s []Range, top uint32) []Range {
	out := make([]Range, 0, len(s))
	for _, r := range s {
		if r.Lo == Star {
			r.Lo = top
		}
		if r.Hi == Star {
			r.Hi = top
		}
		if r.Lo > r.Hi {
			r.Lo, r.Hi = r.Hi, r.Lo
		}
		if r.Hi == 0 {
			continue
		}
		r.Lo = max(r.Lo, 1)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Range) int { return int(int64(a.Lo) - int64(b.Lo)) })
	return merge(out)
}

// merge joins ranges that touch; in must ascend by Lo.
func merge(in []Range) []Range {
	out := in[:0]
	for _, r := range in {
		if n := len(out); n > 0 && uint64(r.Lo) <= uint64(out[n-1].Hi)+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// AppendSet writes ranges as a set: 1:3,7. None is written as nothing.
func AppendSet(dst []byte, rs []Range) []byte {
	for i, r := range rs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(r.Lo), 10)
		if r.Hi != r.Lo {
			dst = append(dst, ':')
			dst = strconv.AppendUint(dst, uint64(r.Hi), 10)
		}
	}
	return dst
}
