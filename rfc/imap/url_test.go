package imap

import (
	"fmt"
	"strings"
	"testing"
)

func showURL(u URL, why string) string {
	if why != "" {
		return "! " + why
	}
	out := fmt.Sprintf("%q %q %q %d %d %s", u.Host, u.User, u.Mailbox, u.UIDValidity, u.UID, u.Section.appendLabel(nil))
	if u.Partial {
		out += fmt.Sprintf(" <%d.%d>", u.Offset, u.Count)
	}
	if !u.Expire.IsZero() {
		out += " " + u.Expire.UTC().String()
	}
	if u.Access != "" {
		out += fmt.Sprintf(" %s %q %s %x of %s", u.Access, u.For, u.Mechanism, u.Token, u.Signed)
	}
	return out
}

// TestURLs has the examples of RFC 5092 §4, RFC 4467 §7 and RFC 4469 §3.
func TestURLs(t *testing.T) {
	lim := AfterLogin(100)
	token := "91354a473744909de610943775f92038"
	for in, want := range map[string]string{
		"imap://michael@example.org/INBOX/;uid=20":                                               `"example.org" "michael" "INBOX" 0 20 []`,
		"imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024":  `"minbari.example.org" "" "gray-council" 385759045 20 [] <0.1024>`,
		"imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97;UID=1": `"psicorp.example.org" "" "~peter/日本語/台北" 0 1 []`,
		"imap://;AUTH=GSSAPI@Minbari.example.org:143/gray-council/;uid=20/;section=1.2":          `"minbari.example.org" "" "gray-council" 0 20 [1.2]`,
		"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER":                                  `"" "" "Drafts" 385759045 20 [HEADER]`,
		";UID=20/;SECTION=2.MIME":                   `"" "" "" 0 20 [2.MIME]`,
		"/foo;UID=1/;PARTIAL=9223372036854775807":   `"" "" "foo" 0 1 [] <9223372036854775807.0>`,
		"/foo;UID=1/;PARTIAL=0.9223372036854775808": "! a number in the URL is out of range", "/foo;UID=1/;PARTIAL=0.0": "! a number in the URL is out of range",
		"/foo/;UID=20/..": "! a number in the URL is out of range",
		"/;UID=20":        `"" "" "" 0 20 []`,
		"/INBOX/;uid=20/;section=HEADER.FIELDS%20(Date%20%22a%22)":              `"" "" "INBOX" 0 20 [HEADER.FIELDS (Date a)]`,
		"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred": `"example.com" "joe" "INBOX" 0 20 [1.2] submit "fred"   of imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred`,
		"imap://owner%40host@example.com/INBOX;UID=2;EXPIRE=2030-01-02T03:04:05Z;URLAUTH=USER+%D9%81:internal:" + token: `"example.com" "owner@host" "INBOX" 0 2 [] 2030-01-02 03:04:05 +0000 UTC user "ف" INTERNAL ` + token +
			` of imap://owner%40host@example.com/INBOX;UID=2;EXPIRE=2030-01-02T03:04:05Z;URLAUTH=USER+%D9%81`,
		"imap://a@b/c;UID=2;URLAUTH=anonymous":                           `"b" "a" "c" 0 2 [] anonymous ""   of imap://a@b/c;UID=2;URLAUTH=anonymous`,
		"imap://a@b/c;UID=2;URLAUTH=anonymous+x":                         "! no such access in a URL",
		"imap://a@b/c;UID=2;URLAUTH=root":                                "! no such access in a URL",
		"imap://a@b/c;UID=2;URLAUTH=user":                                "! URL does not say for whom",
		"imap://a@b/c;UID=2;URLAUTH=user+x:internal:abcd":                "! not a token of URLAUTH",
		"imap://a@b/c;UID=2;URLAUTH=user+x:internal:" + token + ";UID=3": "! URLAUTH comes last",
		"http://a/b;UID=1":                                               "! not an imap URL", "//a/b;UID=1": "! not an imap URL", "imap://a": "! URL names no mailbox",
		"imap:///b;UID=1": "! URL names no mailbox", "/b": "! URL names no message", "/b;UID=0": "! a number in the URL is out of range",
		"/b;UID=4294967296": "! a number in the URL is out of range", "/b;UID=1;x=2": "! no such parameter in an imap URL", "/b;UID": "! expected a parameter in the URL",
		"/%ff;UID=1": "! percent-encoding in the URL is wrong", "/%0a;UID=1": "! percent-encoding in the URL is wrong", "/a b;UID=1": "! a URL is printable ASCII",
		"/b;UID=1/;SECTION=1.2.x": "! no such section", "/b;UID=1/;EXPIRE=now": "! EXPIRE is a date-time of RFC 3339",
		"/" + strings.Repeat("x", 5000) + ";UID=1": "! URL is too long",
	} {
		if got := showURL(ParseURL(in, &lim)); got != want {
			t.Errorf("%.100s:\ngot  %s\nwant %s", in, got, want)
		}
	}
}

func FuzzURL(f *testing.F) {
	f.Add("imap://joe@example.com/INBOX;UIDVALIDITY=3/;uid=20/;section=1.2/;PARTIAL=3.4;expire=2030-01-02T03:04:05Z;urlauth=submit+fred:internal:91354a473744909de610943775f92038")
	f.Add("/;UID=1/;section=HEADER.FIELDS%20(x)")
	lim := AfterLogin(100)
	f.Fuzz(func(t *testing.T, in string) {
		u, why := ParseURL(in, &lim)
		if why == "" && (u.UID == 0 || u.Signed != "" && !strings.HasPrefix(in, u.Signed) || u.Mechanism != "" && len(u.Token) < 16) {
			t.Fatalf("%q: %+v", in, u)
		}
	})
}
