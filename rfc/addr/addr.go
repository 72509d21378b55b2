// Package addr reads and writes mail addresses: SMTP paths and the address lists of message headers.
//
// Life: the first thing that touches what a peer says in MAIL and RCPT, the reader of From, To and Cc
// for ENVELOPE, and the reader of every address an administrator types.
//
// Promises:
//   - Invariant: no string this package makes holds CR, LF, NUL or another control character, whatever
//     came in.
//   - Invariant: a Mailbox or Path that was parsed gives a String that parses to the same value again.
//   - Every parser works in time linear in its input and does not recurse.
//
// Limits: MaxLocal, MaxDomain, MaxPath for SMTP; the caller's number of items for lists.
// Failure: *Error, which says where and why, and which never repeats the input.
// Standards: RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3; RFC 5322 §3.4, §4.4; RFC 6532; RFC 5890,
// RFC 5891, UTS 46 (non-transitional).
package addr

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The limits of RFC 5321 §4.5.3.1, in octets.
const (
	MaxLocal  = 64  // RFC 5321 §4.5.3.1.1, of the local part without its quotes
	MaxDomain = 255 // RFC 5321 §4.5.3.1.2, in the form with A-labels
	MaxPath   = 256 // RFC 5321 §4.5.3.1.3, with the angle brackets
)

// Mailbox is an address of RFC 5321 §4.1.2. The zero value is no address. Mailboxes made by the parsers
// of paths are canonical and may be compared with ==, but for the case of the local part: see Key.
type Mailbox struct {
	// Local is the content of the local part: without quotes and backslashes, NFC, case as given.
	Local string
	// Domain is lower case with A-labels ("xn--mgb...") or a literal ("[127.0.0.1]", "[IPv6:::1]"). It is
	// empty only for the bare postmaster of RFC 5321 §4.1.1.3.
	Domain string
}

// IsZero reports whether m is no address at all.
func (m Mailbox) IsZero() bool { return m.Local == "" && m.Domain == "" }

// NeedsUTF8 reports whether m can only be said with SMTPUTF8 (RFC 6531): its local part is not ASCII.
func (m Mailbox) NeedsUTF8() bool { return !isASCII(m.Local) }

// Literal gives the address of a domain literal (RFC 5321 §4.1.3). IPv4 within IPv6 is given as IPv4.
func (m Mailbox) Literal() (netip.Addr, bool) {
	d := m.Domain
	if len(d) < 2 || d[0] != '[' || d[len(d)-1] != ']' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.TrimPrefix(d[1:len(d)-1], "IPv6:"))
	return a.Unmap(), err == nil
}

// String gives the form for the wire, the domain in A-labels: `"a b"@xn--mgb.example`.
func (m Mailbox) String() string { return join(m.Local, m.Domain) }

// Unicode gives the form for people, the domain in U-labels.
func (m Mailbox) Unicode() string { return join(m.Local, UnicodeDomain(m.Domain)) }

// ASCII is String for a peer that lacks SMTPUTF8; ok is false if there is no such form.
func (m Mailbox) ASCII() (s string, ok bool) {
	if m.NeedsUTF8() {
		return "", false
	}
	return m.String(), true
}

// Key gives the form that addresses are compared by: Local as FoldLocal gives it, then the domain. It is not for
// the wire: nothing is quoted. Example: Info@Example.TEST → info@example.test.
func (m Mailbox) Key() string {
	if m.Domain == "" {
		return FoldLocal(m.Local)
	}
	return FoldLocal(m.Local) + "@" + m.Domain
}

// FoldLocal gives a local part in lower case and NFC, as addresses of ours are compared.
func FoldLocal(local string) string {
	if isASCII(local) {
		return strings.ToLower(local)
	}
	return norm.NFC.String(strings.Map(unicode.ToLower, local))
}

// Path is a reverse-path or forward-path (RFC 5321 §4.1.2).
type Path struct {
	Mailbox
	Null bool // "<>", RFC 5321 §4.5.5
}

// String gives the path with its brackets: "<a@example.test>" or "<>".
func (p Path) String() string {
	if p.Null {
		return "<>"
	}
	return "<" + p.Mailbox.String() + ">"
}

// join puts an address together, the local part quoted where it must be.
func join(local, domain string) string {
	if !isDotString(local) {
		local = quote(local)
	}
	if domain == "" {
		return local
	}
	return local + "@" + domain
}

// quote makes a Quoted-string of RFC 5321 §4.1.2.
func quote(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(append(b, '"'))
}
