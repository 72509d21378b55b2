package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	mdns "github.com/miekg/dns"
)

// transport carries one packed question to a server and brings back what it makes of the answers. accept
// says of each datagram whether it is the one; others are dropped, as forgeries are (RFC 5452 §9.1).
type transport interface {
	udp(ctx context.Context, s netip.AddrPort, query []byte, accept func([]byte) bool) error
	tcp(ctx context.Context, s netip.AddrPort, query []byte, accept func([]byte) bool) error
}

var (
	errUnreadable = errors.New("the answer can not be read")
	errForeign    = errors.New("the answer is to another question")
)

// converse asks one server: by UDP, by TCP if the answer is cut or odd, without EDNS if the server does not
// know it (RFC 6891 §7, RFC 7766 §5).
func (r *Resolver) converse(ctx context.Context, s netip.AddrPort, name string, qtype uint16) (*mdns.Msg, error) {
	m, err := r.once(ctx, s, question(name, qtype, true, r.c.CaseRandom))
	if err == nil && m.IsEdns0() == nil && (m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented) {
		return r.once(ctx, s, question(name, qtype, false, r.c.CaseRandom))
	}
	return m, err
}

func (r *Resolver) once(ctx context.Context, s netip.AddrPort, q *mdns.Msg) (*mdns.Msg, error) {
	query, err := q.Pack()
	if err != nil {
		return nil, err
	}
	j := &jury{q: q}
	if err := r.carry(ctx, r.wire.udp, s, query, j.datagram); err != nil {
		return nil, err
	}
	if j.m != nil && !j.m.Truncated {
		return j.m, nil
	}
	if err := r.carry(ctx, r.wire.tcp, s, query, j.stream); err != nil {
		return nil, err
	}
	return j.m, j.err
}

type carrier func(context.Context, netip.AddrPort, []byte, func([]byte) bool) error

func (r *Resolver) carry(ctx context.Context, c carrier, s netip.AddrPort, query []byte, accept func([]byte) bool) error {
	ctx, cancel := context.WithTimeout(ctx, r.c.Timeout)
	defer cancel()
	return c(ctx, s, query, accept)
}

// question makes a query with recursion and the AD bit asked for (RFC 6840 §5.7) and a random id.
func question(name string, qtype uint16, edns, caseRandom bool) *mdns.Msg {
	var rnd [2]byte
	_, _ = rand.Read(rnd[:]) // never fails on the systems Go supports (crypto/rand)
	if caseRandom {
		name = randomCase(name)
	}
	m := &mdns.Msg{Question: []mdns.Question{{Name: name, Qtype: qtype, Qclass: mdns.ClassINET}}}
	m.Id = binary.BigEndian.Uint16(rnd[:])
	m.RecursionDesired = true
	m.AuthenticatedData = true
	if edns {
		m.SetEdns0(maxMessage, false)
	}
	return m
}

// randomCase spells letters outside escapes at random (draft-vixie-dnsext-dns0x20).
func randomCase(name string) string {
	b := []byte(name)
	rnd := make([]byte, len(b))
	_, _ = rand.Read(rnd)
	for i := range b {
		if 'a' <= b[i] && b[i] <= 'z' && rnd[i]&1 == 1 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// jury decides whether bytes are the answer to q. Invariant: m is set only to a message that is.
type jury struct {
	q   *mdns.Msg
	m   *mdns.Msg
	err error
}

// datagram ends the waiting when the datagram is the answer, or when it has the right id but can not be
// taken as it is: then TCP, which is hard to forge, shall tell.
func (j *jury) datagram(b []byte) bool {
	if !j.mine(b) {
		return false
	}
	m := new(mdns.Msg)
	switch {
	case m.Unpack(b) != nil:
		return true
	case fits(j.q, m):
		j.m = m
		return true
	}
	return sameButCase(j.q, m)
}

func (j *jury) stream(b []byte) bool {
	j.m, j.err = nil, errForeign
	if !j.mine(b) {
		return true
	}
	m := new(mdns.Msg)
	switch {
	case m.Unpack(b) != nil || m.Truncated:
		j.err = errUnreadable
	case fits(j.q, m) || sameButCase(j.q, m):
		j.m, j.err = m, nil
	}
	return true
}

// mine looks at the id and at QR, the only parts an unreadable answer has for sure.
func (j *jury) mine(b []byte) bool {
	return len(b) >= 12 && binary.BigEndian.Uint16(b) == j.q.Id && b[2]&0x80 != 0
}

// fits wants the answer's question to be ours, byte for byte. A server that could not read the question may
// leave it out.
func fits(q, m *mdns.Msg) bool {
	if m.Opcode != mdns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented
	}
	return len(m.Question) == 1 && m.Question[0] == q.Question[0]
}

func sameButCase(q, m *mdns.Msg) bool {
	if m.Opcode != mdns.OpcodeQuery || len(m.Question) != 1 {
		return false
	}
	a, b := q.Question[0], m.Question[0]
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && fold(a.Name) == fold(b.Name)
}

// network is the transport of the real world: a new socket, and so a new random port, for each question.
type network struct{}

func (network) udp(ctx context.Context, s netip.AddrPort, query []byte, accept func([]byte) bool) error {
	conn, err := dial(ctx, "udp", s)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(query); err != nil {
		return orContext(ctx, err)
	}
	buf := make([]byte, maxMessage)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return orContext(ctx, err)
		}
		if accept(buf[:n]) {
			return nil
		}
	}
}

func (network) tcp(ctx context.Context, s netip.AddrPort, query []byte, accept func([]byte) bool) error {
	conn, err := dial(ctx, "tcp", s)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	framed := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(query)), uint16(len(query))), query...)
	if _, err := conn.Write(framed); err != nil {
		return orContext(ctx, err)
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return orContext(ctx, err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return orContext(ctx, err)
	}
	accept(buf)
	return nil
}

func dial(ctx context.Context, network string, s netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, s.String())
	return conn, orContext(ctx, err)
}

// orContext puts the reason why a context ended in the place of the deadline error it caused.
func orContext(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func kindOf(err error) Kind {
	switch {
	case errors.Is(err, errUnreadable), errors.Is(err, errForeign):
		return Malformed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	}
	return Network
}

func silent(err error) bool { return kindOf(err) != Malformed }
