package search

import (
	"strings"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// maxAddresses of a field are looked at a second time, the way ENVELOPE tells them.
const maxAddresses = 1000

// Value is what is looked for in a field of a message's header: its text, decoded. FROM, TO, CC and BCC look
// into the envelope (RFC 9051 §6.4.4), where an address has neither comments nor quotes nor spaces of its
// own: addresses that are written with such follow a second time as the envelope has them. Those of which the domain
// is written in A-labels follow with the letters that people see and type: info@مثال.test beside info@xn--mgbh0fb.test.
func Value(f header.Field) string {
	raw := f.Text()
	value := header.DecodeWords(raw)
	if !ofAddresses(f) {
		return value
	}
	odd := !plain(raw)
	if !odd && !strings.Contains(strings.ToLower(raw), "xn--") {
		return value
	}
	items, _ := addr.ParseList(raw, maxAddresses) // those past the limit are found as they are written
	var b strings.Builder
	b.WriteString(value)
	for _, it := range items {
		if it.Mailbox.Local == "" {
			continue
		}
		if odd {
			writeAddress(&b, header.DecodeWords(it.Name), it.Mailbox)
		}
		domain := strings.ToLower(it.Mailbox.Domain)
		if seen := addr.UnicodeDomain(domain); seen != domain {
			writeAddress(&b, "", addr.Mailbox{Local: it.Mailbox.Local, Domain: seen})
		}
	}
	return b.String()
}

// writeAddress adds an address as the envelope has it.
func writeAddress(b *strings.Builder, name string, m addr.Mailbox) {
	b.WriteString(", ")
	if name != "" {
		b.WriteString(name + " ")
	}
	b.WriteString("<" + m.Local)
	if m.Domain != "" {
		b.WriteString("@" + m.Domain)
	}
	b.WriteByte('>')
}

// ofAddresses reports whether f is looked into by a key of its own for addresses.
func ofAddresses(f header.Field) bool {
	return f.Is("From") || f.Is("To") || f.Is("Cc") || f.Is("Bcc")
}

// plain reports whether all addresses of a field stand in it the way the envelope has them: words and dots
// around the "@", nothing in between, and no character escaped.
func plain(v string) bool {
	if strings.IndexByte(v, '\\') >= 0 || strings.Contains(v, " .") || strings.Contains(v, ").") {
		return false
	}
	for rest := v; ; {
		at := strings.IndexByte(rest, '@')
		if at < 0 {
			return true
		}
		if at == 0 || !inAddress(rest[at-1]) || at+1 == len(rest) {
			return false
		}
		rest = rest[at+1:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 0x80 && !inAddress(byte(r)) })
		if end < 0 {
			end = len(rest)
		}
		if end == 0 && rest[0] != '[' || end > 0 && rest[end-1] == '.' {
			return false
		}
	}
}

// inAddress reports whether b can stand beside the "@" of an address that is written plainly.
func inAddress(b byte) bool {
	return b > ' ' && b < 0x7F && strings.IndexByte(`()<>[]:;@\,"`, b) < 0 || b >= 0x80
}
