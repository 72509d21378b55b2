package mime

import (
	"encoding/binary"
	"errors"

	"barid/rfc/addr"
)

// ErrFormat is returned for bytes that AppendBinary did not make.
var ErrFormat = errors.New("mime: damaged structure")

// maxStoredDepth bounds the recursion for damaged bytes; Limits.Depth is far below it.
const maxStoredDepth = 1000

// DecodeMessage reads what AppendBinary made. The parts of the result share a few allocations; strings are parts
// of one copy of b. Whatever b holds, the offsets of the result fulfil the invariants of Part.
func DecodeMessage(b []byte) (*Message, error) {
	if len(b) == 0 || b[0] != binaryVersion {
		return nil, ErrFormat
	}
	r := reader{s: string(b[1:])}
	marks := r.uint()
	m := &Message{
		Has8bit: marks&mark8bit != 0, HasNUL: marks&markNUL != 0, HasBareCR: marks&markBareCR != 0,
		HasBareLF: marks&markBareLF != 0, Truncated: marks&markTruncated != 0, HasLong: marks&markLong != 0,
		Size: r.int(), Lines: r.int(),
	}
	r.parts = make([]Part, r.count(partMinBytes))
	r.params = make([]Param, r.count(paramMinBytes))
	r.children = make([]*Part, max(len(r.parts)-1, 0))
	m.Root = r.part(0, m.Size, maxStoredDepth)
	if r.bad || len(r.parts) != 0 {
		return nil, ErrFormat
	}
	return m, nil
}

// The fewest bytes that things take, so that a damaged number can not make us allocate.
const (
	partMinBytes  = 9
	paramMinBytes = 3
	itemMinBytes  = 6
)

type reader struct {
	s        string // what is left
	parts    []Part
	params   []Param
	children []*Part
	bad      bool
}

func (r *reader) fail() { r.bad, r.s = true, "" }

func (r *reader) uint() uint64 {
	var n uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		c := r.s[i]
		n |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			r.s = r.s[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

// int reads a number that is an offset or a length.
func (r *reader) int() int64 {
	n := r.uint()
	if n > 1<<62 {
		r.fail()
		return 0
	}
	return int64(n)
}

// count reads the number of things that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.s)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.s)) {
		r.fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *reader) string() string { return r.take(r.uint()) }

func (r *reader) name(list []string) string {
	n := r.uint()
	if n&1 == 1 {
		return r.take(n / 2)
	}
	if n/2 >= uint64(len(list)) {
		r.fail()
		return ""
	}
	return list[n/2]
}

// part reads a part that lies in [from, to).
func (r *reader) part(from, to int64, depth int) *Part {
	if len(r.parts) == 0 || depth == 0 {
		r.fail()
		return &Part{Type: "TEXT", Subtype: "PLAIN"}
	}
	p := &r.parts[0]
	r.parts = r.parts[1:]
	present := r.uint()
	p.Type, p.Subtype, p.Encoding = r.name(names[:]), r.name(names[:]), r.name(names[:])
	p.HeaderOff = r.offset(from, to)
	p.BodyOff = r.offset(p.HeaderOff, to)
	p.End = r.offset(p.BodyOff, to)
	p.Lines = r.int()
	n := r.count(partMinBytes)
	r.fields(p, present)
	if n > len(r.children) || p.IsMultipart() && n == 0 || p.IsMessage() && n != 1 || !p.IsMultipart() && !p.IsMessage() && n > 0 {
		r.fail()
		return p
	}
	p.Children, r.children = r.children[:n:n], r.children[n:]
	if n == 0 {
		p.Children = nil
	}
	from = p.BodyOff
	for i := range p.Children {
		p.Children[i] = r.part(from, p.End, depth-1)
		from = p.Children[i].End
	}
	return p
}

// offset reads a distance from an offset; the result must not be behind to.
func (r *reader) offset(from, to int64) int64 {
	n := r.int()
	if n > to-from {
		r.fail()
		return from
	}
	return from + n
}

func (r *reader) fields(p *Part, present uint64) {
	if present&hasParams != 0 {
		p.Params = r.paramList()
	}
	for _, f := range [...]struct {
		bit uint64
		to  *string
	}{{hasID, &p.ID}, {hasDescription, &p.Description}, {hasMD5, &p.MD5}, {hasLocation, &p.Location}} {
		if present&f.bit != 0 {
			*f.to = r.string()
		}
	}
	if present&hasLanguage != 0 {
		p.Language = make([]string, r.count(1))
		for i := range p.Language {
			p.Language[i] = r.string()
		}
	}
	if present&hasDisposition != 0 {
		p.Disposition = r.string()
	}
	if present&hasDispParams != 0 {
		p.DispParams = r.paramList()
	}
	if present&hasEnvelope != 0 {
		p.Envelope = r.envelope()
	}
}

func (r *reader) paramList() []Param {
	n := r.count(paramMinBytes)
	if n > len(r.params) {
		r.fail()
		return nil
	}
	l := r.params[:n:n]
	r.params = r.params[n:]
	for i := range l {
		p := &l[i]
		p.Name = r.name(paramNames[:])
		bits := r.uint()
		p.Raw = r.string()
		p.Value, p.Extended = p.Raw, bits&paramExtended != 0
		if bits&paramDecoded != 0 {
			p.Value = r.string()
		}
	}
	return l
}

func (r *reader) envelope() *Envelope {
	e := &Envelope{}
	for i := range envelopeTexts {
		if s := r.string(); s == emptyText {
			e.Empty |= 1 << i
		} else {
			*e.text(i) = s
		}
	}
	for _, l := range [...]*[]addr.Item{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc} {
		n := r.count(itemMinBytes)
		if n == 0 {
			continue
		}
		*l = make([]addr.Item, n)
		for i := range *l {
			it := &(*l)[i]
			it.Kind = addr.Kind(r.uint())
			for _, s := range [...]*string{&it.Name, &it.Route, &it.Mailbox.Local, &it.Mailbox.Domain, &it.Group} {
				*s = r.string()
			}
		}
	}
	return e
}
