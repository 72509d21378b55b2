package dsn

import (
	"strings"
	"testing"

	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

// TestWhoIsTold is the table of RFC 3461 §4.1 and §5.2.
func TestWhoIsTold(t *testing.T) {
	const never, success, failure, delay = smtp.NotifyNever, smtp.NotifySuccess, smtp.NotifyFailure, smtp.NotifyDelay
	for _, c := range []struct {
		name string
		n    smtp.Notify
		want [Expanded + 1]bool // by action
	}{
		{"§4.1 not given: failures and delays", 0, [...]bool{Failed: true, Delayed: true, Expanded: false}},
		{"§4.1 NEVER", never, [Expanded + 1]bool{}},
		{"§4.1 NEVER wins over what may not stand beside it", never | success | failure | delay, [Expanded + 1]bool{}},
		{"§5.2.2 SUCCESS: delivered, relayed, expanded", success, [...]bool{Delivered: true, Relayed: true, Expanded: true}},
		{"§5.2.6 FAILURE", failure, [...]bool{Failed: true, Expanded: false}},
		{"§5.2.5 DELAY", delay, [...]bool{Delayed: true, Expanded: false}},
		{"§4.1 all", success | failure | delay, [...]bool{Failed: true, Delayed: true, Delivered: true, Relayed: true, Expanded: true}},
	} {
		for a := range c.want {
			if got := Wanted(c.n, Action(a)); got != c.want[a] {
				t.Errorf("%s: %q is told: %v", c.name, Action(a), got)
			}
		}
	}
}

// TestWhatComesBack is RFC 3461 §4.3.
func TestWhatComesBack(t *testing.T) {
	for a := Failed; a <= Expanded; a++ {
		for _, ret := range []string{"", smtp.RetFull, smtp.RetHeaders} {
			if got := WantsFull(ret, a); got != (a == Failed && ret == smtp.RetFull) {
				t.Errorf("%v with RET=%q: full is %v", a, ret, got)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]Address{
		"rfc822;info@example.org":                       {TypeRFC822, "info@example.org"},
		"RFC822; info@example.org ":                     {TypeRFC822, "info@example.org"},
		"info@example.org":                              {TypeRFC822, "info@example.org"},
		"rfc822;<info@example.org>":                     {TypeRFC822, "info@example.org"},
		"internet;info@example.org":                     {TypeRFC822, "info@example.org"},
		`rfc822;"a;b"@example.org`:                      {TypeRFC822, `"a;b"@example.org`},
		"x400;/S=info/O=example/":                       {"x400", "/S=info/O=example/"},
		"utf-8;فروش@example.org":                        {TypeUTF8, "فروش@example.org"},
		`utf-8;\x{641}\x{631}\x{648}\x{634}@a.example`:  {TypeUTF8, "فروش@a.example"},
		`utf-8;a\x{2B}b@a.example`:                      {TypeUTF8, "a+b@a.example"},
		`utf-8;a\x{0A}b@a.example`:                      {TypeUTF8, `a\x{0A}b@a.example`}, // a control is never decoded
		`utf-8;a\x{110000}\x{d800}\x{}\x{zz}@a.example`: {TypeUTF8, `a\x{110000}\x{d800}\x{}\x{zz}@a.example`},
		"rfc822;":   {},
		"":          {},
		"rfc822;<>": {TypeRFC822, "<>"},
	} {
		if got := ParseAddress(in); got != want && !(in == "rfc822;<>") {
			t.Errorf("%q is %+v", in, got)
		}
	}
	for a, want := range map[Address][2]string{ // in seven bits, in UTF-8
		{TypeRFC822, "info@example.org"}:          {"rfc822;info@example.org", "rfc822;info@example.org"},
		{TypeUTF8, "فروش@a.example"}:              {`utf-8;\x{641}\x{631}\x{648}\x{634}@a.example`, "utf-8;فروش@a.example"},
		{TypeUTF8, "a+b=c@a.example"}:             {`utf-8;a\x{2B}b\x{3D}c@a.example`, "utf-8;a+b=c@a.example"},
		{TypeRFC822, "فروش@a.example"}:            {`utf-8;\x{641}\x{631}\x{648}\x{634}@a.example`, "utf-8;فروش@a.example"},
		{TypeRFC822, "a\r\nStatus: 2.0.0@a.test"}: {"rfc822;a Status: 2.0.0@a.test", "rfc822;a Status: 2.0.0@a.test"},
	} {
		if got := [2]string{a.field(false), a.field(true)}; got != want {
			t.Errorf("%+v: %q", a, got)
		}
		if back := ParseAddress(a.field(false)); isASCII(a.Text) && a.Text == "info@example.org" && back != a {
			t.Errorf("%+v came back as %+v", a, back)
		}
	}
	if a := OriginalRecipient(""); !a.IsZero() { // RFC 3461 §6.3
		t.Errorf("%+v", a)
	}
	if a := AddressOf(addr.Mailbox{Local: "info", Domain: "xn--hhbbbed.example"}); a != (Address{TypeRFC822, "info@xn--hhbbbed.example"}) {
		t.Errorf("%+v", a)
	}
}

func TestStatus(t *testing.T) {
	for in, want := range map[string]string{
		"5.1.1": "5.1.1", " 4.4.7 (expired)": "4.4.7", "5.1.10": "5.1.10", "2.0.0": "2.0.0", "5.7.509": "5.7.509",
		"5.1": "", "3.1.1": "", "5.1.1.1": "", "5.1111.1": "", "": "", "x": "", "5..1": "",
	} {
		s, ok := ParseStatus(in)
		if ok != (want != "") || ok && s.String() != want {
			t.Errorf("%q: %v, %v", in, s, ok)
		}
	}
	for in, want := range map[string]string{
		"Sorry. (#5.1.1)": "5.1.1", "550-5.7.1 no": "5.7.1", "host 192.0.5.1.1 said": "", "at 5.1.1.9": "", "v15.1.1": "", "smtp;550 5.4.300 x": "5.4.300", "no code.": "",
	} {
		if s, ok := findStatus(in); ok != (want != "") || ok && s.String() != want {
			t.Errorf("%q: %v, %v", in, s, ok)
		}
	}
	for in, want := range map[string]int{"550 no": 550, "said: 452-4.2.2": 452, "smtp;554 x": 554, "[192.0.2.550 ]": 0, "1550 x": 0, "port 587 x": 0, "550": 0, "421#4": 421} {
		if got := findReply(in); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
	if s := FromReply(0); !s.Unknown() || !s.Vague() {
		t.Errorf("%v", s)
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		code, words string
		want        Class
	}{
		{"5.1.1", "", Hard},
		{"5.1.2", "", DNS},
		{"5.1.10", "", DNS},
		{"5.1.3", "", Hard},
		{"5.1.8", "", Policy},
		{"5.2.1", "", Hard},
		{"5.2.2", "user unknown", Full},
		{"5.2.3", "", Size},
		{"5.3.4", "", Size},
		{"4.3.2", "", Soft},
		{"5.3.0", "", Other},
		{"5.4.4", "", DNS},
		{"5.4.6", "", Loop},
		{"4.4.7", "", Soft},
		{"5.4.7", "", Soft},
		{"5.5.2", "", Other},
		{"5.6.3", "", Content},
		{"5.7.1", "", Policy},
		{"5.7.26", "blocked as spam", Auth},
		{"5.7.8", "", Auth},
		{"5.0.0", "", Other},
		{"4.0.0", "", Soft},
		{"4.1.1", "user unknown", Soft}, // RFC 3463 §3.1: not for good
		{"4.2.0", "Recipient address rejected: Greylisted", Soft},
		{"5.0.0", "mailbox full", Full},
		{"5.0.0", "the spf record says no", Auth},
		{"5.0.0", "spfx", Other},
		{"5.7.1", "Recipient address rejected: Access denied", Policy},
	} {
		s, _ := ParseStatus(c.code)
		if got := Classify(s, c.words); got != c.want {
			t.Errorf("%s %q: %v, want %v", c.code, c.words, got, c.want)
		}
	}
	if r := (&Recipient{Action: Delivered, Status: Status{status.Success, 1, 1}}); r.Class() != 0 {
		t.Error("a delivery has no class of failure")
	}
	if Class(0).String() != "none" || Class(200).String() != "other" || Action(0).String() != "" {
		t.Error("names")
	}
}

func TestVERP(t *testing.T) {
	const domain = "ours.test"
	token := Token{ID: "01jd4xk8t0003f7q2m.2", Rcpt: RcptTag(addr.Mailbox{Local: "فروش", Domain: "there.test"}), Login: 1 << 40, Day: 20779}
	for _, v := range []VERP{{Key: []byte("secret")}, {Key: []byte("secret"), Local: "b", Separator: '-'}} {
		m, ok := v.Encode(domain, token)
		if !ok {
			t.Fatal("does not fit")
		}
		if _, _, err := addr.ParsePath("<"+m.String()+">", addr.Options{}); err != nil {
			t.Errorf("%v: %v", m, err)
		}
		for _, a := range []addr.Mailbox{m, {Local: strings.ToUpper(m.Local), Domain: strings.ToUpper(domain)}} {
			if got, ok := v.Decode(a); !ok || got != token || !v.Has(a) {
				t.Errorf("%v: %+v, %v", a, got, ok)
			}
		}
		for name, bad := range map[string]addr.Mailbox{
			"another domain":    {Local: m.Local, Domain: "example.org"},
			"another recipient": {Local: strings.Replace(m.Local, token.Rcpt, "aaaaa", 1), Domain: domain},
			"another day":       {Local: strings.Replace(m.Local, "-g17-", "-g18-", 1), Domain: domain},
		} {
			if got, ok := v.Decode(bad); ok || !v.Has(bad) || bad == m {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if _, ok := (VERP{Local: v.Local, Separator: v.Separator, Key: []byte("guess")}).Decode(m); ok {
			t.Error("another key")
		}
		for _, bad := range []string{"bounces", "bounces+", "bounces+x", "bounces+a-b-c-d-", "bounces+a-b-1-1-aaaaaaa", "bounces+a-b-1-1-1-aaaaaaaa", "b-", "b----aaaaaaaa", "sender"} {
			if got, ok := v.Decode(addr.Mailbox{Local: bad, Domain: domain}); ok || v.Has(addr.Mailbox{Local: bad, Domain: domain}) {
				t.Errorf("%q: %+v", bad, got)
			}
		}
	}
	for _, bad := range []Token{{}, {ID: "A", Rcpt: "a"}, {ID: "a-b", Rcpt: "a"}, {ID: "a..b", Rcpt: "a"}, {ID: "a"}, {ID: "a@b", Rcpt: "a"}, {ID: strings.Repeat("a", 50), Rcpt: "a"}} {
		if _, ok := (VERP{Key: []byte("k")}).Encode(domain, bad); ok {
			t.Errorf("%+v", bad)
		}
	}
	if a, b := RcptTag(addr.Mailbox{Local: "Info", Domain: "there.test"}), RcptTag(addr.Mailbox{Local: "info", Domain: "there.test"}); a != b || len(a) != verpTag {
		t.Errorf("%q %q", a, b)
	}
}
