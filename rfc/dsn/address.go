package dsn

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"barid/rfc/addr"
)

// The address types that we write (RFC 3461 §4.2, RFC 6533 §3).
const (
	TypeRFC822 = "rfc822"
	TypeUTF8   = "utf-8"
)

// Address is an address with its type, decoded: {"rfc822", "info@example.test"}. The zero value is none.
type Address struct{ Type, Text string }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.Text == "" }

// AddressOf gives the typed address of a mailbox; its type is utf-8 only if it has to be.
func AddressOf(m addr.Mailbox) Address {
	if m.NeedsUTF8() {
		return Address{TypeUTF8, m.Unicode()}
	}
	return Address{TypeRFC822, m.String()}
}

// ParseAddress reads "type;address", as ORCPT and the fields of a report have it. An address without a type is
// taken as rfc822. The \x{HEX} of RFC 6533 §3 is decoded, white space and controls at the ends are dropped, and
// an address in <> loses them.
func ParseAddress(s string) Address {
	kind, text, ok := strings.Cut(s, ";")
	if !ok || !isWord(strings.TrimSpace(kind)) {
		kind, text = TypeRFC822, s
	}
	a := Address{Type: lowerASCII(strings.TrimSpace(kind)), Text: strings.TrimSpace(text)}
	if n := len(a.Text); n > 1 && a.Text[0] == '<' && a.Text[n-1] == '>' {
		a.Text = strings.TrimSpace(a.Text[1 : n-1])
	}
	a.Text = Clean(a.Text, addr.MaxPath*2)
	if a.Type == TypeUTF8 {
		a.Text = decodeUnitext(a.Text)
	}
	if a.Type != TypeUTF8 && a.Type != TypeRFC822 && strings.Contains(a.Text, "@") && a.Type != "x400" {
		a.Type = TypeRFC822 // "internet;", "smtp;" and the like
	}
	if a.Text == "" {
		return Address{}
	}
	return a
}

// Mailbox gives the address in canonical form; ok is false if it is none of SMTP's.
func (a Address) Mailbox() (addr.Mailbox, bool) {
	if a.Type != TypeRFC822 && a.Type != TypeUTF8 {
		return addr.Mailbox{}, false
	}
	m, err := addr.ParseMailbox(a.Text, true)
	return m, err == nil
}

// IsASCII tells whether the address has only ASCII characters.
func (a Address) IsASCII() bool { return isASCII(a.Text) }

// field gives the value of a field. global is for message/global-delivery-status, where UTF-8 may stand;
// elsewhere it becomes utf-8-addr-xtext (RFC 6533 §3).
func (a Address) field(global bool) string {
	kind, text := a.Type, Clean(a.Text, addr.MaxPath*2)
	switch {
	case isASCII(text):
		if kind == TypeUTF8 && !global {
			text = encodeUnitext(text)
		}
	case global:
		if kind == TypeRFC822 {
			kind = TypeUTF8
		}
	default:
		kind, text = TypeUTF8, encodeUnitext(text)
	}
	return kind + ";" + text
}

// encodeUnitext gives utf-8-addr-xtext: what is not QCHAR becomes \x{HEX} (RFC 6533 §3).
func encodeUnitext(s string) string {
	b := make([]byte, 0, len(s)*4)
	for _, r := range s {
		if r > ' ' && r < 0x7F && r != '+' && r != '=' && r != '\\' {
			b = append(b, byte(r))
			continue
		}
		b = appendEscape(b, r)
	}
	return string(b)
}

// appendEscape adds EmbeddedUnicodeChar: at least two hexadecimal digits in upper case (RFC 6533 §3).
func appendEscape(b []byte, r rune) []byte {
	hex := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	b = append(b, `\x{`...)
	if len(hex) < 2 {
		b = append(b, '0')
	}
	return append(append(b, hex...), '}')
}

// decodeUnitext undoes encodeUnitext; what does not make sense stays as it is. A control character is never
// decoded.
func decodeUnitext(s string) string {
	if !strings.Contains(s, `\x{`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for s != "" {
		if r, n := scanEscape(s); n > 0 {
			b = utf8.AppendRune(b, r)
			s = s[n:]
			continue
		}
		b = append(b, s[0])
		s = s[1:]
	}
	return string(b)
}

// scanEscape reads \x{HEX} at the beginning of s and tells its length, 0 if there is none.
func scanEscape(s string) (rune, int) {
	const head, maxHex = `\x{`, 6
	if !strings.HasPrefix(s, head) {
		return 0, 0
	}
	end := strings.IndexByte(s[:min(len(s), len(head)+maxHex+1)], '}')
	if end < 0 {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[len(head):end], 16, 32)
	r := rune(v)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(r) || harmful(r) {
		return 0, 0
	}
	return r, end + 1
}

// isWord tells whether s is made of letters, digits and hyphens, as address types are.
func isWord(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
