package event

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"barid/mail"
)

// The first byte of a stored event. formatHop has a Hop behind what format has. A new layout gets the next
// number, and readers take all of them.
const (
	format    = 1
	formatHop = 2
)

// errFormat is a stored event that can not be read: damaged, or from a newer program.
var errFormat = errors.New("event: stored form is not known")

// appendEvent adds the stored form of e to b: format, kind, then varints and length-prefixed texts. The time
// is the row's key.
func appendEvent(b []byte, e *Event) []byte {
	f := byte(format)
	if e.Hop != nil {
		f = formatHop
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
		b = appendHop(b, e.Hop)
	}
	return b
}

func appendHop(b []byte, h *Hop) []byte {
	for _, s := range [...]string{h.Entry, h.Destination, h.Host, h.TLS, h.Text} {
		b = appendText(b, s)
	}
	next := int64(0)
	if !h.Next.IsZero() {
		next = max(h.Next.UnixMilli(), 1)
	}
	b = binary.AppendUvarint(b, uint64(max(h.Attempt, 0)))
	b = binary.AppendUvarint(b, uint64(next))
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
	if len(b) < 3 || b[0] != format && b[0] != formatHop {
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
	e.Rcpts, e.Size = int(d.uint()), d.int()
	e.Stage, e.Code, e.Enhanced, e.Reason = d.text(), int(d.uint()), d.text(), d.text()
	d.durations(&e.Timing.Receive, &e.Timing.Check, &e.Timing.Store, &e.Timing.Deliver)
	if b[0] == formatHop {
		e.Hop = d.hop()
	}
	if d.bad {
		return Event{}, errFormat
	}
	return e, nil
}

func (d *decoder) hop() *Hop {
	h := &Hop{Entry: d.text(), Destination: d.text(), Host: d.text(), TLS: d.text(), Text: d.text(), Attempt: int(d.uint())}
	if next := d.uint(); next != 0 {
		h.Next = time.UnixMilli(int64(min(next, maxMillis))).UTC()
	}
	d.durations(&h.DNS, &h.Connect, &h.Handshake, &h.Dialogue, &h.Data)
	return h
}

// maxMillis bounds times that are read back: the year 9999.
const maxMillis = 253402300799999

func (d *decoder) durations(ps ...*time.Duration) {
	for _, p := range ps {
		*p = time.Duration(d.uint()) * time.Microsecond
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
