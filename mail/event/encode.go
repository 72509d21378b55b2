package event

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"time"

	"barid/mail"
)

// The first byte of a stored event. formatHop has a Hop behind what format has; formatParts has parts there,
// each a tag, a length of two octets and what it holds, and a reader steps over parts that it does not know.
// A new layout gets the next number, and readers take all of them.
const (
	format      = 1
	formatHop   = 2
	formatParts = 3
)

// The tags of parts.
const (
	partHop    = 1
	partFacts  = 2
	partOther  = 3
	partPlaces = 4
)

// errFormat is a stored event that can not be read: damaged, or from a newer program.
var errFormat = errors.New("event: stored form is not known")

// appendEvent adds the stored form of e to b: format, kind, then varints and length-prefixed texts. The time
// is the row's key.
func appendEvent(b []byte, e *Event) []byte {
	f := byte(format)
	if e.Hop != nil || e.Facts != nil || e.Other != "" || len(e.Places) > 0 {
		f = formatParts
	}
	b = append(b, f, byte(e.Kind), byte(e.Role))
	b = appendText(b, e.Session)
	b = appendText(b, e.ID)
	b = binary.AppendUvarint(b, uint64(e.Login))
	b = binary.AppendUvarint(b, uint64(len(e.Accounts)))
	for _, a := range e.Accounts {
		b = binary.AppendUvarint(b, uint64(a))
	}
	ip := e.Remote.AsSlice()
	b = append(b, byte(len(ip)))
	b = append(b, ip...)
	b = appendText(b, e.From)
	b = binary.AppendUvarint(b, uint64(len(e.To)))
	for _, to := range e.To {
		b = appendText(b, to)
	}
	b = binary.AppendUvarint(b, uint64(e.Rcpts))
	b = binary.AppendVarint(b, e.Size)
	b = appendText(b, e.Stage)
	b = binary.AppendUvarint(b, uint64(e.Code))
	b = appendText(b, e.Enhanced)
	b = appendText(b, e.Reason)
	b = appendDurations(b, e.Timing.Receive, e.Timing.Check, e.Timing.Store, e.Timing.Deliver)
	if e.Hop != nil {
		b = appendPart(b, partHop, func(b []byte) []byte { return appendHop(b, e.Hop) })
	}
	if e.Facts != nil {
		b = appendPart(b, partFacts, func(b []byte) []byte { return appendFacts(b, e.Facts) })
	}
	if e.Other != "" {
		b = appendPart(b, partOther, func(b []byte) []byte { return appendText(b, e.Other) })
	}
	if len(e.Places) > 0 {
		b = appendPart(b, partPlaces, func(b []byte) []byte { return appendPlaces(b, e.Places) })
	}
	return b
}

// appendPart adds what f adds, behind its tag and length. The limits of texts and lists keep it below 64 KiB.
func appendPart(b []byte, tag byte, f func([]byte) []byte) []byte {
	at := len(b) + 1
	b = f(append(b, tag, 0, 0))
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

func appendFacts(b []byte, f *Facts) []byte {
	b = binary.AppendUvarint(b, uint64(millis(f.Started)))
	for _, s := range [...]string{f.Helo, f.TLS, f.User, f.Application, f.Protocol, f.EnvID, f.MessageID} {
		b = appendText(b, s)
	}
	n := min(len(f.Findings), maxFindings)
	b = binary.AppendUvarint(b, uint64(n))
	for _, s := range f.Findings[:n] {
		b = appendText(b, s)
	}
	return b
}

func appendPlaces(b []byte, ps []Place) []byte {
	ps = ps[:min(len(ps), MaxTo)]
	b = binary.AppendUvarint(b, uint64(len(ps)))
	for _, p := range ps {
		b = binary.AppendUvarint(b, uint64(p.Account))
		b = binary.AppendUvarint(b, uint64(p.Mailbox))
		b = binary.AppendUvarint(b, uint64(p.UID))
	}
	return b
}

// millis gives milliseconds since 1970, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

func appendHop(b []byte, h *Hop) []byte {
	for _, s := range [...]string{h.Entry, h.Destination, h.Host, h.TLS, h.Text} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(max(h.Attempt, 0)))
	b = binary.AppendUvarint(b, uint64(millis(h.Next)))
	return appendDurations(b, h.DNS, h.Connect, h.Handshake, h.Dialogue, h.Data)
}

// appendDurations adds microseconds.
func appendDurations(b []byte, ds ...time.Duration) []byte {
	for _, d := range ds {
		b = binary.AppendUvarint(b, uint64(max(d, 0)/time.Microsecond))
	}
	return b
}

// appendText adds s, cut at maxText.
func appendText(b []byte, s string) []byte {
	if len(s) > maxText {
		s = s[:maxText]
	}
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decode reads what appendEvent made. Texts are copies.
func decode(b []byte) (Event, error) {
	var e Event
	if len(b) < 3 || b[0] < format || b[0] > formatParts {
		return e, errFormat
	}
	e.Kind, e.Role = Kind(b[1]), mail.Role(b[2])
	d := decoder{b: b[3:]}
	e.Session, e.ID = d.text(), d.text()
	e.Login = mail.AccountID(d.uint())
	for n := d.count(); n > 0; n-- {
		e.Accounts = append(e.Accounts, mail.AccountID(d.uint()))
	}
	e.Remote = d.addr()
	e.From = d.text()
	for n := d.count(); n > 0; n-- {
		e.To = append(e.To, d.text())
	}
	e.Rcpts, e.Size = d.number(), d.int()
	e.Stage, e.Code, e.Enhanced, e.Reason = d.text(), d.number(), d.text(), d.text()
	d.durations(&e.Timing.Receive, &e.Timing.Check, &e.Timing.Store, &e.Timing.Deliver)
	switch b[0] {
	case formatHop:
		e.Hop = d.hop()
	case formatParts:
		d.parts(&e)
	}
	if d.bad {
		return Event{}, errFormat
	}
	return e, nil
}

// parts reads what stands behind the fields that every event has.
func (d *decoder) parts(e *Event) {
	for len(d.b) > 0 && !d.bad {
		head := d.take(3)
		if d.bad {
			return
		}
		p := decoder{b: d.take(int(binary.BigEndian.Uint16(head[1:])))}
		switch head[0] {
		case partHop:
			e.Hop = p.hop()
		case partFacts:
			e.Facts = p.facts()
		case partOther:
			e.Other = p.text()
		case partPlaces:
			e.Places = p.places()
		}
		d.bad = d.bad || p.bad
	}
}

func (d *decoder) facts() *Facts {
	f := &Facts{Started: d.millis()}
	for _, p := range [...]*string{&f.Helo, &f.TLS, &f.User, &f.Application, &f.Protocol, &f.EnvID, &f.MessageID} {
		*p = d.text()
	}
	for n := d.count(); n > 0; n-- {
		f.Findings = append(f.Findings, d.text())
	}
	return f
}

func (d *decoder) places() (ps []Place) {
	for n := d.count(); n > 0; n-- {
		ps = append(ps, Place{mail.AccountID(d.uint()), uint32(d.uint()), uint32(d.uint())})
	}
	return ps
}

// millis is the zero time for 0.
func (d *decoder) millis() time.Time {
	ms := d.uint()
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(min(ms, maxMillis))).UTC()
}

func (d *decoder) hop() *Hop {
	h := &Hop{Entry: d.text(), Destination: d.text(), Host: d.text(), TLS: d.text(), Text: d.text(), Attempt: d.number(), Next: d.millis()}
	d.durations(&h.DNS, &h.Connect, &h.Handshake, &h.Dialogue, &h.Data)
	return h
}

// maxMillis bounds times that are read back: the year 9999.
const maxMillis = 253402300799999

// maxMicros bounds durations that are read back, maxNumber counts.
const (
	maxMicros = math.MaxInt64 / 1000
	maxNumber = math.MaxInt32
)

func (d *decoder) durations(ps ...*time.Duration) {
	for _, p := range ps {
		*p = time.Duration(min(d.uint(), maxMicros)) * time.Microsecond
	}
}

// decoder reads varints and texts; after the first thing that does not fit it is bad and gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// number is a uint that fits everywhere.
func (d *decoder) number() int { return int(min(d.uint(), maxNumber)) }

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count is a number of things of at least one byte each, so that damage can not ask for much memory.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string { return string(d.take(d.count())) }

func (d *decoder) addr() netip.Addr {
	n := d.take(1)
	if len(n) == 0 {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(d.take(int(n[0])))
	return a
}
