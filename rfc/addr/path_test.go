package addr

import (
	"errors"
	"strings"
	"testing"
)

const zwnj = "\u200c"

func TestParsePath(t *testing.T) {
	long := strings.Repeat("a", MaxLocal)
	for _, c := range []struct {
		name, in   string
		o          Options
		want, rest string
	}{
		// RFC 5321 §4.1.2
		{"plain", "<info@example.test>", Options{}, "<info@example.test>", ""},
		{"parameters follow", "<info@example.test> SIZE=1", Options{}, "<info@example.test>", " SIZE=1"},
		{"case of the domain", "<Info@Example.TEST>", Options{}, "<Info@example.test>", ""},
		{"atext", "<!#$%&'*+-/=?^_`{|}~@example.test>", Options{}, "<!#$%&'*+-/=?^_`{|}~@example.test>", ""},
		{"dots", "<a.b.c@example.test>", Options{}, "<a.b.c@example.test>", ""},
		{"quoted needlessly", `<"info"@example.test>`, Options{}, "<info@example.test>", ""},
		{"quoted space", `<"a b"@example.test>`, Options{}, `<"a b"@example.test>`, ""},
		{"quoted at", `<"a@b"@example.test>`, Options{}, `<"a@b"@example.test>`, ""},
		{"quoted bracket", `<"a>b"@example.test>`, Options{}, `<"a>b"@example.test>`, ""},
		{"quoted pairs", `<"a\"b\\c\d"@example.test>`, Options{}, `<"a\"b\\cd"@example.test>`, ""},
		{"quoted empty", `<""@example.test>`, Options{}, `<""@example.test>`, ""},
		{"quoted dots", `<".a..b."@example.test>`, Options{}, `<".a..b."@example.test>`, ""},
		{"one label", "<root@localhost>", Options{}, "<root@localhost>", ""},
		{"dot at the end", "<a@example.test.>", Options{}, "<a@example.test>", ""},
		{"underscore", "<a@my_host.example.test>", Options{}, "<a@my_host.example.test>", ""},
		{"odd hyphens", "<a@r3---sn.-x-.example.test>", Options{}, "<a@r3---sn.-x-.example.test>", ""},
		{"digits", "<a@123.456>", Options{}, "<a@123.456>", ""},
		{"longest local part", "<" + long + "@example.test>", Options{}, "<" + long + "@example.test>", ""},
		{"longer by option", "<" + long + "b@example.test>", Options{LongLocal: 128}, "<" + long + "b@example.test>", ""},
		// RFC 5321 appendix C, §4.1.2 A-d-l
		{"source route", "<@a.test,@b.test:c@d.test>", Options{}, "<c@d.test>", ""},
		{"source route of one", "<@a.test:c@d.test>", Options{}, "<c@d.test>", ""},
		{"source route over a literal", "<@[127.0.0.1]:c@d.test>", Options{}, "<c@d.test>", ""},
		// RFC 5321 §4.1.3
		{"IPv4", "<a@[127.0.0.1]>", Options{}, "<a@[127.0.0.1]>", ""},
		{"IPv6", "<a@[ipv6:2001:DB8:0:0::1]>", Options{}, "<a@[IPv6:2001:db8::1]>", ""},
		{"IPv4 in IPv6", "<a@[IPv6:::ffff:127.0.0.1]>", Options{}, "<a@[IPv6:::ffff:127.0.0.1]>", ""},
		// RFC 5321 §4.5.5, §4.1.1.3
		{"null", "<>", Options{Null: true}, "<>", ""},
		{"null with parameters", "<> BODY=7BIT", Options{Null: true}, "<>", " BODY=7BIT"},
		{"postmaster", "<PostMaster>", Options{Postmaster: true}, "<PostMaster>", ""},
		// tricks of relay tests: well-formed, so somebody else must say no
		{"percent hack", "<victim%target.test@example.test>", Options{}, "<victim%target.test@example.test>", ""},
		{"bang path", "<target.test!victim@example.test>", Options{}, "<target.test!victim@example.test>", ""},
		{"quoted percent", `<"victim%target.test"@example.test>`, Options{}, "<victim%target.test@example.test>", ""},
		// RFC 6531 §3.3
		{"EAI", "<فروش@barid.test>", Options{UTF8: true}, "<فروش@barid.test>", ""},
		{"IDN", "<info@مثال.إختبار>", Options{UTF8: true}, "<info@xn--mgbh0fb.xn--kgbechtv>", ""},
		{"ZWNJ", "<info@نمونه" + zwnj + "ای.ایران>", Options{UTF8: true}, "<info@xn--mgb3dcbfe14gp19l.xn--mgba3a4f16a>", ""},
		{"NFC", "<cafe\u0301@example.test>", Options{UTF8: true}, "<café@example.test>", ""},
		{"quoted UTF-8", `<"فروش ما"@barid.test>`, Options{UTF8: true}, `<"فروش ما"@barid.test>`, ""},
		{"A-label", "<info@XN--MGBH0FB.xn--kgbechtv>", Options{}, "<info@xn--mgbh0fb.xn--kgbechtv>", ""},
		{"full width domain", "<info@ｅｘａｍｐｌｅ.test>", Options{UTF8: true}, "<info@example.test>", ""},
		{"broken A-label", "<info@xn--zzzzzz999999.test>", Options{}, "<info@xn--zzzzzz999999.test>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, rest, err := ParsePath(c.in, c.o)
			if err != nil || p.String() != c.want || rest != c.rest {
				t.Fatalf("got %q %q %v, want %q %q", p, rest, err, c.want, c.rest)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	long := strings.Repeat("a", MaxLocal+1)
	label := strings.Repeat("d", 63) + "."
	for _, c := range []struct {
		name, in string
		o        Options
		why      Why
		offset   int
	}{
		{"empty", "", Options{}, NoBracket, 0},
		{"no bracket", "info@example.test", Options{}, NoBracket, 0},
		{"space before", "< info@example.test>", Options{}, BadSyntax, 1},
		{"space behind", "<info@example.test >", Options{}, BadSyntax, 18},
		{"unclosed", "<info@example.test", Options{}, NoBracket, 18},
		{"null", "<>", Options{}, NullPath, 1},
		{"spaced null", "< >", Options{Null: true}, BadSyntax, 1},
		{"no domain", "<info>", Options{}, NoDomain, 5},
		{"no domain, postmaster allowed", "<info>", Options{Postmaster: true}, NoDomain, 5},
		{"bare postmaster not allowed", "<postmaster>", Options{}, NoDomain, 11},
		{"nothing behind at", "<info@>", Options{}, NoDomain, 6},
		{"nothing before at", "<@>", Options{}, NoDomain, 2},
		{"no local part", "<@example.test>", Options{}, BadSyntax, 14},
		{"leading dot", "<.info@example.test>", Options{}, BadSyntax, 1},
		{"trailing dot", "<info.@example.test>", Options{}, BadSyntax, 1},
		{"two dots", "<in..fo@example.test>", Options{}, BadSyntax, 1},
		{"two ats", "<a@b@example.test>", Options{}, BadSyntax, 4},
		{"obsolete local part", `<a."b"@example.test>`, Options{}, BadSyntax, 1},
		{"comment", "<info(x)@example.test>", Options{}, BadSyntax, 5},
		{"open quote", `<"info@example.test>`, Options{}, BadQuoting, 1},
		{"quoted alone", `<"victim@target.test">`, Options{}, NoDomain, 21},
		{"brackets twice", "<<info@example.test>>", Options{}, BadSyntax, 1},
		{"empty label", "<info@example..test>", Options{}, BadDomain, 14},
		{"leading dot of domain", "<info@.example.test>", Options{}, BadDomain, 6},
		{"percent in domain", "<a@b%c>", Options{}, BadDomain, 4},
		{"bang in domain", "<a@b!c>", Options{}, BadDomain, 4},
		{"long label", "<info@" + strings.Repeat("d", 64) + ".test>", Options{}, BadDomain, 6},
		{"CR", "<in\rfo@example.test>", Options{}, BadControl, 3},
		{"LF in domain", "<info@exa\nmple.test>", Options{}, BadControl, 9},
		{"NUL in quotes", "<\"a\x00b\"@example.test>", Options{}, BadControl, 3},
		{"escaped LF in quotes", "<\"a\\\nb\"@example.test>", Options{}, BadQuoting, 3},
		{"DEL", "<a\x7fb@example.test>", Options{}, BadControl, 2},
		{"long local part", "<" + long + "@example.test>", Options{}, LongLocal, 65},
		{"long domain", "<a@" + label + label + label + label + "test>", Options{}, LongDomain, 3},
		{"long path", "<" + long[1:] + "@" + label + label + label + "test>", Options{}, LongPath, 256},
		{"route without colon", "<@a.test>", Options{}, BadSyntax, 8},
		{"route without at", "<@a.test,b.test:c@d.test>", Options{}, BadSyntax, 9},
		{"route of nothing", "<@:c@d.test>", Options{}, NoDomain, 2},
		{"IPv4 with zeros", "<a@[127.0.0.01]>", Options{}, BadLiteral, 4},
		{"IPv4 short", "<a@[127.1]>", Options{}, BadLiteral, 4},
		{"IPv6 untagged", "<a@[::1]>", Options{}, BadLiteral, 4},
		{"IPv6 with zone", "<a@[IPv6:fe80::1%eth0]>", Options{}, BadLiteral, 9},
		{"IPv4 tagged as IPv6", "<a@[IPv6:127.0.0.1]>", Options{}, BadLiteral, 9},
		{"general literal", "<a@[x400:c=sa]>", Options{}, BadLiteral, 4},
		{"open literal", "<a@[127.0.0.1>", Options{}, BadLiteral, 12},
		{"empty literal", "<a@[]>", Options{}, BadLiteral, 4},
		{"UTF-8 not asked for", "<فروش@barid.test>", Options{}, NeedUTF8, 1},
		{"U-label not asked for", "<a@مثال.إختبار>", Options{}, NeedUTF8, 3},
		{"Latin-1", "<caf\xe9@example.test>", Options{UTF8: true}, BadUTF8, 4},
		{"surrogate", "<a\xed\xa0\x80@example.test>", Options{UTF8: true}, BadUTF8, 2},
		{"overlong", "<a\xc0\xaeb@example.test>", Options{UTF8: true}, BadUTF8, 2},
		{"C1", "<a\u0085@example.test>", Options{UTF8: true}, BadControl, 2},
		{"line separator", "<a\u2028@example.test>", Options{UTF8: true}, BadControl, 2},
		{"right-to-left override", "<a\u202eb@example.test>", Options{UTF8: true}, BadControl, 2},
		{"mixed direction label", "<a@aمثال.test>", Options{UTF8: true}, BadDomain, 3},
		{"ZWNJ where it can not be", "<a@a" + zwnj + "b.test>", Options{UTF8: true}, BadDomain, 3},
		{"a sign that maps to a slash", "<a@℀.test>", Options{UTF8: true}, BadDomain, 4},
		{"full width at", "<a@b＠c.test>", Options{UTF8: true}, BadDomain, 4},
		{"local part of 33 Arabic letters", "<" + strings.Repeat("ب", 33) + "@barid.test>", Options{UTF8: true}, LongLocal, 65},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _, err := ParsePath(c.in, c.o)
			var e *Error
			if !errors.As(err, &e) || e.Why != c.why || e.Offset != c.offset {
				t.Fatalf("got %q %v, want %v (at octet %d)", p, err, c.why, c.offset)
			}
		})
	}
}

func TestMailboxForms(t *testing.T) {
	for _, c := range []struct {
		in, text, unicode, ascii, key string
	}{
		{"Info@Example.TEST", "Info@example.test", "Info@example.test", "Info@example.test", "info@example.test"},
		{
			"info@مثال.إختبار", "info@xn--mgbh0fb.xn--kgbechtv", "info@مثال.إختبار", "info@xn--mgbh0fb.xn--kgbechtv",
			"info@xn--mgbh0fb.xn--kgbechtv",
		},
		{
			"فروش@نمونه" + zwnj + "ای.ایران", "فروش@xn--mgb3dcbfe14gp19l.xn--mgba3a4f16a", "فروش@نمونه" + zwnj + "ای.ایران", "",
			"فروش@xn--mgb3dcbfe14gp19l.xn--mgba3a4f16a",
		},
		{"ÉCOLE@example.test", "ÉCOLE@example.test", "ÉCOLE@example.test", "", "école@example.test"},
		{`"A b"@example.test`, `"A b"@example.test`, `"A b"@example.test`, `"A b"@example.test`, "a b@example.test"},
		{"a@[IPv6:::1]", "a@[IPv6:::1]", "a@[IPv6:::1]", "a@[IPv6:::1]", "a@[IPv6:::1]"},
		{
			"a@xn--zzzzzz999999.test", "a@xn--zzzzzz999999.test", "a@xn--zzzzzz999999.test", "a@xn--zzzzzz999999.test",
			"a@xn--zzzzzz999999.test",
		},
	} {
		m, err := ParseMailbox(c.in, true)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		ascii, ok := m.ASCII()
		if m.String() != c.text || m.Unicode() != c.unicode || ascii != c.ascii || m.Key() != c.key {
			t.Errorf("%q: got %q %q %q %q", c.in, m.String(), m.Unicode(), ascii, m.Key())
		}
		if ok == m.NeedsUTF8() {
			t.Errorf("%q: ASCII form and NeedsUTF8 are both %v", c.in, ok)
		}
	}
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"a@[127.0.0.1]": "127.0.0.1", "a@[IPv6:2001:db8::1]": "2001:db8::1", "a@[IPv6:::ffff:192.0.2.1]": "192.0.2.1",
		"a@example.test": "",
	} {
		m, err := ParseMailbox(in, false)
		if err != nil {
			t.Fatal(err)
		}
		a, ok := m.Literal()
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%s: got %v %v", in, a, ok)
		}
	}
}

func TestParseDomain(t *testing.T) {
	for in, want := range map[string]string{
		"Example.TEST": "example.test", "example.test.": "example.test", "مثال.إختبار": "xn--mgbh0fb.xn--kgbechtv",
		"ایران.ir": "xn--mgba3a4f16a.ir", "faß.de": "xn--fa-hia.de", "مثال。إختبار": "xn--mgbh0fb.xn--kgbechtv",
		"": "", ".": "", "a..b": "", "[127.0.0.1]": "", "a b": "", "a\nb": "", "a@b": "", "example.test..": "",
	} {
		got, err := ParseDomain(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q %v, want %q", in, got, err, want)
		}
	}
}

func TestParseMailboxWantsAllOfIt(t *testing.T) {
	for _, in := range []string{"", "info", "info@example.test>", "<info@example.test>", "info@example.test x", " info@example.test", "postmaster"} {
		if m, err := ParseMailbox(in, true); err == nil {
			t.Errorf("%q: got %q", in, m)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"<>", "<a@b>", `<"a\"\\ b"@x.test>`, "<@a,@b:c@d> SIZE=1", "<a@[IPv6:::1]>", "<postmaster>",
		"<فروش@مثال.إختبار>", "<cafe\u0301@x>", "<\u037ea@x>", "<a@xn--mgbh0fb>", "<\"\u0301\"@x>", "<a\u202e@x>", "<K@K.test>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o := Options{Null: true, Postmaster: true, UTF8: true}
		p, rest, err := ParsePath(s, o)
		if err != nil {
			return
		}
		if !strings.HasSuffix(s, rest) {
			t.Fatalf("rest %q is not the end of %q", rest, s)
		}
		for _, form := range []string{p.String(), p.Unicode(), p.Key()} {
			if err := checkText(form, true); err != nil {
				t.Fatalf("%q gives %q: %v", s, form, err)
			}
		}
		again, rest, err := ParsePath(p.String(), o)
		if err != nil || rest != "" || again != p {
			t.Fatalf("%q → %+v → %q → %+v %q %v", s, p, p.String(), again, rest, err)
		}
		if p.Domain == "" {
			return
		}
		if m, err := ParseMailbox(p.Unicode(), true); len(p.Unicode()) < MaxPath-2 && (err != nil || m != p.Mailbox) {
			t.Fatalf("%q → %+v → %q → %+v %v", s, p, p.Unicode(), m, err)
		}
	})
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParsePath("<some.sender+detail@mail.example.test> SIZE=4096", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
