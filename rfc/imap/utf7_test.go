package imap

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ wire, name string }{
		{"INBOX", "INBOX"},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"}, // RFC 3501 §5.1.3
		{"Tom &- Jerry", "Tom & Jerry"},
		{"&BjUGRgYvBkgGQg-", "صندوق"},
		{"&BjUGRgYvBkgGQg-/&BkYGJwZFBkcgDAZHBic-", "صندوق/نامه\u200cها"},
		{"&2D3cjA-", "💌"},
		{"a&AOQ-b", "aäb"},
	} {
		if got, err := DecodeName(c.wire); err != nil || got != c.name {
			t.Errorf("decode %s: %q, %v", c.wire, got, err)
		}
		if got := EncodeName(c.name); got != c.wire {
			t.Errorf("encode %s: %s", c.name, got)
		}
	}
	for what, s := range map[string]string{
		"not closed":         "a&AOQ",
		"lying ASCII":        "&AGEAYg-",   // "ab" must stand for itself
		"superfluous shift":  "&AOQ-&AOQ-", // one run is the only form
		"half a surrogate":   "&2D0-",      //
		"surrogates swapped": "&3Izcjg-",   //
		"odd bytes":          "&AAA-",      //
		"bits left over":     "&AOR-",      //
		"padding":            "&AOQ=-",     //
		"slash of base64":    "&U/BTFw-",   //
		"raw UTF-8":          "صندوق",      //
		"control":            "a\tb",       //
		"hidden control":     "&AAo-",      // CR LF must not come in this way either
		"hidden delimiter":   "&AC8-",      //
		"too long":           strings.Repeat("a", MaxName+1),
	} {
		if got, err := DecodeName(s); err == nil {
			t.Errorf("%s: %q was taken as %q", what, s, got)
		}
	}
}

// TestNamesInUTF8 is RFC 6855 §3: they are taken from who did not choose them, too, level by level.
func TestNamesInUTF8(t *testing.T) {
	for _, c := range []struct {
		wire, name string
		err        error
	}{
		{"\"صندوق\"", "صندوق", nil},
		{"{10+}\r\nصندوق", "صندوق", nil},
		{"\"&BjUGRgYvBkgGQg-/نامه\"", "صندوق/نامه", nil},
		{"\"R&D صندوق\"", "R&D صندوق", nil},
		{"\"R&D/صندوق\"", "", ErrName},
		{"\"R&D\"", "", ErrName},
		{"\"a\xd9\"", "", errors.New("imap: mailbox name is not UTF-8 at byte 4")},
	} {
		lim := BeforeLogin()
		p := NewParser([]byte(c.wire), &lim)
		got, err := p.Name(), p.End()
		if got != c.name && c.err == nil || (err == nil) != (c.err == nil) || err != nil && err.Error() != c.err.Error() {
			t.Errorf("%s: %q, %v", c.wire, got, err)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"INBOX", "&BjUGRgYvBkgGQg-", "a&-b", "&2D3cjA-", "&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := DecodeName(s)
		if err == nil && (!utf8.ValidString(name) || EncodeName(name) != s) {
			t.Fatalf("%q is %q is %q", s, name, EncodeName(name))
		}
		if wire := EncodeName(s); utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) && len(wire) <= MaxName {
			if back, err := DecodeName(wire); err != nil || back != s {
				t.Fatalf("%q went out as %q and came back as %q, %v", s, wire, back, err)
			}
		}
	})
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "INBOX", true},
		{"*", "a/b/c", true},
		{"%", "a", true},
		{"%", "a/b", false},
		{"", "", true},
		{"a", "a", true},
		{"a", "b", false},
		{"inbox", "INBOX", true},
		{"InB%", "INBOX", true},
		{"inbox/x", "INBOX/x", true},
		{"inbox/X", "INBOX/x", false},
		{"iN%/%", "INBOX/x", true},
		{"*nBox*", "INBOX/x", true},
		{"inboxes", "INBOXES", false},
		{"inbox/x", "inbox/x", true},
		{"a/inbox", "a/INBOX", false},
		{"A\u030A%", "\u00C5/x", false},
		{"A\u030A*", "\u00C5/x", true},
		{"\u2126", "\u03A9", true},
		{"a/%", "a/b", true},
		{"a/%", "a/b/c", false},
		{"a/*", "a/b/c", true},
		{"*b", "a/b", true},
		{"%b", "a/b", false},
		{"%/%", "a/b", true},
		{"%/%", "a/b/c", false},
		{"*c*", "a/b/c/d", true},
		{"a%b*c", "axxb/y/c", true},
		{"a%b*c", "a/b/y/c", false},
		{"**", "x", true},
		{"%*", "a/b", true},
		{"*%", "a/b", true},
		{"a*", "b", false},
		{"صن%", "صندوق", true},
		{"صن%/نامه*", "صندوق/نامه\u200cها", true},
	} {
		if got := NewMatcher(c.pattern).Match(c.name); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.name, got)
		}
	}
}

// slowMatch is the definition of matching, in exponential time.
func slowMatch(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] != '*' && p[0] != '%' {
		return s != "" && s[0] == p[0] && slowMatch(p[1:], s[1:])
	}
	return slowMatch(p[1:], s) || s != "" && (p[0] == '*' || s[0] != '/') && slowMatch(p, s[1:])
}

func FuzzMatch(f *testing.F) {
	f.Add("a%b*c", "axxb/y/c")
	f.Add("%*%", "a/b/c")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 12 || strings.HasPrefix(s, "INBOX") || !norm.NFC.IsNormalString(p) {
			return
		}
		if got := NewMatcher(p).Match(s); got != slowMatch(p, s) {
			t.Fatalf("%q on %q: %v", p, s, got)
		}
	})
}

func TestMatchingIsLinear(t *testing.T) {
	m := NewMatcher(strings.Repeat("*a", 400) + "b")
	name := strings.Repeat("a", 1000)
	began := time.Now()
	for range 1000 {
		m.Match(name)
	}
	if took := time.Since(began); took > 20*time.Second { // it is some 100 ms; backtracking would never end
		t.Errorf("1,000 hostile names took %v", took)
	}
}
