package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// form is how the message is given to one server.
type form struct {
	from      string         // reverse-path of MAIL, if no recipient has one of his own
	mail      string         // the parameters of MAIL
	twins     map[int]string // ASCII addresses of recipients, by place, for a server without SMTPUTF8
	bdat      bool
	binary    bool
	converted bool
	short     bool  // made without long lines
	size      int64 // octets, before dots are doubled
	write     func(io.Writer) error
}

// formFor finds the form that a server takes, or why there is none. Recipients whose addresses it can not take
// are held for the next host.
func (a *attempt) formFor(ctx context.Context, s *session) (*form, *trouble) {
	f := &form{bdat: s.caps.has(chunking) && !a.d.set.NoChunking && a.e.Attempts%2 == 0}
	from, unicode, t := a.addresses(ctx, s, f)
	if t != nil || len(a.open) == 0 {
		return f, t
	}
	body, t := a.content(ctx, s, f, unicode)
	if t != nil {
		return nil, t
	}
	if s.caps.maxSize > 0 && f.size > s.caps.maxSize {
		return nil, ours(queue.Failed, spool.StageMail, "5.3.4",
			"the message has "+strconv.FormatInt(f.size, 10)+" octets, the server takes "+strconv.FormatInt(s.caps.maxSize, 10)).from(s.remote)
	}
	by, t := a.deliverBy(s)
	if t != nil {
		return nil, t
	}
	f.from, f.mail = from, a.mailParams(s, f, body, unicode, by)
	return f, nil
}

// addresses finds the envelope that the server can take: as it is, or with ASCII addresses in the place of
// others (RFC 6531 §3.2). unicode: the transaction needs SMTPUTF8.
func (a *attempt) addresses(ctx context.Context, s *session, f *form) (from string, unicode bool, t *trouble) {
	from = a.e.From.String()
	fromUTF8 := a.e.From.NeedsUTF8() && !a.verp(ctx, s)
	unicode = fromUTF8 || a.e.UTF8 && a.e.HasUTF8Header
	for _, place := range a.open {
		unicode = unicode || a.rcpt(place).To.NeedsUTF8()
	}
	if !unicode || s.caps.has(utf8SMTP) {
		return from, unicode, nil
	}
	if fromUTF8 {
		twin, ok := a.d.twin(ctx, a.e.From.Mailbox)
		if !ok {
			return "", true, ours(queue.Failed, spool.StageMail, "5.6.7",
				"the server does not take addresses like the sender's (no SMTPUTF8), and the sender has no ASCII one").from(s.remote).orNext()
		}
		from = "<" + twin + ">"
	}
	for _, place := range append([]int(nil), a.open...) {
		if r := a.rcpt(place); r.To.NeedsUTF8() {
			a.twinOf(ctx, s, f, place)
		}
	}
	return from, true, nil
}

// twinOf finds a recipient's ASCII address, or leaves the recipient to the next host.
func (a *attempt) twinOf(ctx context.Context, s *session, f *form, place int) {
	if twin, ok := a.d.twin(ctx, a.rcpt(place).To.Mailbox); ok {
		if f.twins == nil {
			f.twins = map[int]string{}
		}
		f.twins[place] = twin
		return
	}
	a.heldFor = ours(queue.Failed, spool.StageRcpt, "5.6.7",
		"the server does not take addresses like the recipient's (no SMTPUTF8)").from(s.remote).orNext()
	a.held = append(a.held, place)
	a.close(place)
}

// content finds the form of the message itself and its BODY.
func (a *attempt) content(ctx context.Context, s *session, f *form, unicode bool) (body string, t *trouble) {
	want := conversion{
		header:   unicode && a.e.HasUTF8Header && !s.caps.has(utf8SMTP),
		sevenBit: a.e.Has8bit && !s.caps.has(eightBit) || a.letter.binary && !s.caps.has(binaryMIME|chunking),
	}
	if f.short = a.longLines != nil; f.short {
		want.lines = true
		body, t := a.converted(ctx, s, f, want)
		if t != nil && t.kind == queue.Failed {
			t = a.longLines // what the server said is the reason
		}
		return body, t
	}
	if want != (conversion{}) {
		return a.converted(ctx, s, f, want)
	}
	f.size, f.write = a.letter.size, a.letter.writeTo
	switch {
	case a.letter.binary:
		f.bdat, f.binary = true, true
		return smtp.BodyBinaryMIME, nil
	case a.e.Has8bit:
		return smtp.Body8BitMIME, nil
	}
	return "", nil
}

// deliverBy gives the BY parameter (RFC 2852 §4). A message that is to be returned when it is late may not go to
// a server that does not promise that.
func (a *attempt) deliverBy(s *session) (string, *trouble) {
	if a.e.DeliverBy.IsZero() {
		return "", nil
	}
	left := int64(a.e.DeliverBy.Sub(a.d.now()) / time.Second)
	orReturn := a.e.ByMode == 'R'
	switch {
	case orReturn && left <= 0:
		return "", ours(queue.Failed, spool.StageLocal, "5.4.7", "the time to deliver the message in is over")
	case orReturn && !s.caps.has(deliverBy):
		return "", ours(queue.Failed, spool.StageMail, "5.3.3", "the server does not promise to deliver in time or return (no DELIVERBY)").
			from(s.remote).orNext()
	case orReturn && left < s.caps.minBy:
		return "", ours(queue.Failed, spool.StageMail, "5.4.7", "the server does not promise to deliver as fast as asked for").
			from(s.remote).orNext()
	case !s.caps.has(deliverBy):
		return "", nil
	}
	by := strconv.FormatInt(max(left, minBy), 10) + ";" + string(rune(a.e.ByMode))
	if a.e.ByTrace {
		by += "T"
	}
	return by, nil
}

// duties are what a server takes over with a message, as MAIL and RCPT tell it.
func (c *capabilities) duties() (p spool.Passed) {
	if c.has(dsn) {
		p |= spool.PassedReport
	}
	if c.has(deliverBy) {
		p |= spool.PassedDeadline
	}
	return p
}

// minBy keeps the number within the nine digits of RFC 2852 §4.
const minBy = -999_999_999

// mailParams builds the parameters of MAIL, of what the server understands.
func (a *attempt) mailParams(s *session, f *form, body string, unicode bool, by string) string {
	b := make([]byte, 0, 120)
	if s.caps.has(size) {
		b = strconv.AppendInt(append(b, " SIZE="...), f.size, 10)
	}
	if body != "" {
		b = append(append(b, " BODY="...), body...)
	}
	if unicode && s.caps.has(utf8SMTP) {
		b = append(b, " SMTPUTF8"...)
	}
	if s.caps.has(dsn) {
		if a.e.Ret != "" {
			b = append(append(b, " RET="...), a.e.Ret...)
		}
		if a.e.EnvID != "" {
			b = smtp.AppendXtext(append(b, " ENVID="...), a.e.EnvID)
		}
	}
	if a.e.RequireTLS {
		b = append(b, " REQUIRETLS"...)
	}
	if by != "" {
		b = append(append(b, " BY="...), by...)
	}
	if a.e.Priority != 0 && s.caps.has(mtPriority) {
		b = strconv.AppendInt(append(b, " MT-PRIORITY="...), int64(a.e.Priority), 10)
	}
	return string(b)
}

// wireORcpt encodes an ORCPT: xtext (RFC 3461 §4.2), for the type utf-8 utf-8-addr-xtext (RFC 6533 §3), which is
// ASCII and legal with and without SMTPUTF8.
func wireORcpt(o string) string {
	kind, address, _ := strings.Cut(o, ";")
	if kind != "utf-8" {
		return string(smtp.AppendXtext([]byte(kind+";"), address))
	}
	b := append(make([]byte, 0, len(o)+32), "utf-8;"...)
	for _, c := range address {
		if c > ' ' && c < 0x7f && c != '+' && c != '=' && c != '\\' {
			b = append(b, byte(c))
			continue
		}
		if c == utf8.RuneError {
			c = '?'
		}
		b = append(b, fmt.Sprintf(`\x{%02X}`, c)...)
	}
	return string(b)
}
