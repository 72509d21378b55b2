package mailbox

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Inbox is the one name that is found in any case (RFC 9051 §5.1).
const Inbox = "INBOX"

// CleanName gives the form a mailbox name is kept in: UTF-8 in NFC (RFC 9051 §5.1), "/" between levels, a
// first level that is INBOX in any case in capitals. ErrName for names no mailbox can have: empty ones or
// with empty levels, with controls, with the wildcards of LIST, or past the limits.
func CleanName(name string) (string, error) {
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return "", ErrName
	}
	if !norm.NFC.IsNormalString(name) {
		name = norm.NFC.String(name)
	}
	if len(name) > MaxNameBytes || strings.Count(name, "/") >= MaxDepth || strings.ContainsFunc(name, forbidden) {
		return "", ErrName
	}
	first, rest, _ := strings.Cut(name, "/")
	if first == "" || strings.HasSuffix(name, "/") || strings.Contains(rest, "//") || strings.HasPrefix(rest, "/") {
		return "", ErrName
	}
	if len(first) == len(Inbox) && first != Inbox && strings.EqualFold(first, Inbox) {
		name = Inbox + name[len(first):]
	}
	return name, nil
}

// forbidden are controls, line and paragraph separators, byte order marks and what is no character (RFC 5198 §2), and the
// wildcards of LIST.
func forbidden(r rune) bool {
	switch r {
	case '\u2028', '\u2029', '\ufeff', '%', '*', utf8.RuneError:
		return true
	}
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}

// parents gives the names above name, the highest first.
func parents(name string) []string {
	var out []string
	for i := range len(name) {
		if name[i] == '/' {
			out = append(out, name[:i])
		}
	}
	return out
}
