package intake

import (
	"net/netip"
	"strings"
	"time"

	"barid/flow/policy"
	"barid/mail"
)

// dateForm is RFC 5322 §3.3.
const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// trace are the facts that our trace fields tell.
type trace struct {
	host    string
	id      string
	client  *mail.Client
	from    string // reverse-path with its brackets
	mailbox string // the same without, "" for the null one
	to      string // the one forward-path with its brackets, "" when there are several
	utf8    bool   // SMTPUTF8 was used
	found   []policy.Finding
	now     time.Time
}

// append adds the fields of RFC 5321 §4.4 and RFC 8601 §2 that stand before a message we deliver.
func (t *trace) append(b []byte) []byte {
	b = append(b, "Return-Path: "...)
	b = append(b, t.from...)
	b = append(b, "\r\n"...)
	b = t.authRes(b)
	return t.received(b)
}

// authRes adds Authentication-Results: who logged in, and what the checks found. It is there also when there
// is nothing to say ("none"), so that a reader can rely on our field being the first.
func (t *trace) authRes(b []byte) []byte {
	b = append(b, "Authentication-Results: "...)
	b = append(b, t.host...)
	some := false
	if t.client.Login != 0 {
		some = true
		b = append(b, ";\r\n\tauth=pass"...)
		if t.mailbox != "" {
			b = appendProp(b, "smtp.mailfrom", t.mailbox)
		}
	}
	for i := range t.found {
		f := &t.found[i]
		if f.Props == nil {
			continue
		}
		some = true
		b = append(b, ";\r\n\t"...)
		b = append(b, f.Check...)
		b = append(b, '=')
		b = append(b, f.Result...)
		for _, p := range f.Props {
			b = appendProp(b, p.Name, p.Value)
		}
	}
	if !some {
		b = append(b, "; none"...)
	}
	return append(b, "\r\n"...)
}

// appendProp adds " ptype.property=value" (RFC 8601 §2.2).
func appendProp(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=')
	if isPValue(value) {
		return append(b, value...)
	}
	b = append(b, '"')
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ' || c == 0x7f:
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// isPValue tells whether a value may stand without quotes: a token of RFC 2045 §5.1, or an address of such.
func isPValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// received adds the Received field of RFC 5321 §4.4.
func (t *trace) received(b []byte) []byte {
	c := t.client
	b = append(b, "Received: from "...)
	b = t.appendPeer(b)
	b = append(b, "\r\n\tby "...)
	b = append(b, t.host...)
	b = append(b, " with "...)
	b = append(b, c.Protocol(t.utf8)...)
	if c.TLS != "" {
		b = append(b, " ("...)
		b = append(b, c.TLS...)
		b = append(b, ')')
	}
	b = append(b, " id "...)
	b = append(b, t.id...)
	if t.to != "" {
		b = append(b, "\r\n\tfor "...)
		b = append(b, t.to...)
	}
	b = append(b, ";\r\n\t"...)
	b = t.now.AppendFormat(b, dateForm)
	return append(b, "\r\n"...)
}

// appendPeer adds "helo (name [192.0.2.1])". A HELO argument that could break out of its place in the field
// is not repeated; the address literal stands there instead.
func (t *trace) appendPeer(b []byte) []byte {
	ip := t.client.Remote.Addr().Unmap().WithZone("")
	if t.client.Role == mail.RoleLocal && !ip.IsValid() {
		return t.appendLocal(b)
	}
	if safeName(t.client.Helo, t.utf8) {
		b = append(b, t.client.Helo...)
	} else {
		b = appendLiteral(b, ip)
	}
	b = append(b, " ("...)
	if name := t.confirmed(); name != "" {
		b = append(b, name...)
		b = append(b, ' ')
	}
	b = appendLiteral(b, ip)
	return append(b, ')')
}

// appendLocal adds "localhost (user www-data)": a program on this machine (RFC 5321 §4.4: a name and a comment).
func (t *trace) appendLocal(b []byte) []byte {
	b = append(b, "localhost"...)
	if safeName(t.client.User, false) {
		b = append(b, " (user "...)
		b = append(b, t.client.User...)
		b = append(b, ')')
	}
	return b
}

// confirmed is the peer's name as iprev confirmed it, "" if it did not.
func (t *trace) confirmed() string {
	for i := range t.found {
		f := &t.found[i]
		if f.Check == "iprev" && f.Result == policy.Pass && safeName(f.Note, false) {
			return f.Note
		}
	}
	return ""
}

// appendLiteral adds an address literal of RFC 5321 §4.1.3.
func appendLiteral(b []byte, ip netip.Addr) []byte {
	b = append(b, '[')
	switch {
	case !ip.IsValid():
		b = append(b, "unknown"...)
	case ip.Is6():
		b = append(b, "IPv6:"...)
		b = ip.AppendTo(b)
	default:
		b = ip.AppendTo(b)
	}
	return append(b, ']')
}

// safeName tells whether s consists only of what domains and address literals are made of.
func safeName(s string, utf8 bool) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		case c >= 0x80 && utf8:
		default:
			return false
		}
	}
	return true
}
