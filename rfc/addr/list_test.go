package addr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// show gives items in one line: name|route|local|domain, groups as name:{ and }.
func show(items []Item) string {
	var b strings.Builder
	for i, it := range items {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch it.Kind {
		case GroupStart:
			fmt.Fprintf(&b, "%s:{", it.Name)
		case GroupEnd:
			b.WriteByte('}')
		default:
			fmt.Fprintf(&b, "%s|%s|%s|%s", it.Name, it.Route, it.Mailbox.Local, it.Mailbox.Domain)
		}
	}
	return b.String()
}

func TestParseList(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"white space", " \r\n\t ", ""},
		// RFC 5322 §3.4
		{"addr-spec", "info@example.test", "||info|example.test"},
		{"name-addr", "Info Desk <info@Example.Test>", "Info Desk||info|Example.Test"},
		{"no name", "<info@example.test>", "||info|example.test"},
		{"quoted name", `"Desk, Info \"1\"" <info@example.test>`, `Desk, Info "1"||info|example.test`},
		{"folded name", "Info\r\n  Desk\r\n\t<info@example.test>", "Info Desk||info|example.test"},
		{"folded in quotes", "\"Info\r\n Desk\" <info@example.test>", "Info Desk||info|example.test"},
		{"two", "a@x.test, B <b@y.test>", "||a|x.test B||b|y.test"},
		{"group", "Desk: a@x.test, B <b@y.test>;", "Desk:{ ||a|x.test B||b|y.test }"},
		{"empty group", "undisclosed-recipients:;", "undisclosed-recipients:{ }"},
		{"group then address", "G:a@x.test;, c@z.test", "G:{ ||a|x.test } ||c|z.test"},
		{"quoted local part", `"a b"@x.test`, "||a b|x.test"},
		{"quoted at", `"a@b"@x.test`, "||a@b|x.test"},
		{"literal", "a@[127.0.0.1]", "||a|[127.0.0.1]"},
		{"encoded words stay", "=?utf-8?B?2YHYsdmI2LQ=?= =?utf-8?Q?x?= <a@x.test>", "=?utf-8?B?2YHYsdmI2LQ=?= =?utf-8?Q?x?=||a|x.test"},
		{"comment as name", "a@x.test (Info Desk)", "Info Desk||a|x.test"},
		{"comment behind brackets", "<a@x.test> (Info)", "Info||a|x.test"},
		{"name before comment", "Info <a@x.test> (Desk)", "Info||a|x.test"},
		{"nested comment", `a@x.test (Info (the \) Desk))`, "Info (the ) Desk)||a|x.test"},
		{"comments everywhere", "(a)In(b)fo(c) <(d)a(e)@(f)x.(g)test(h)>(i)", "In fo||a|x.test"},
		// RFC 5322 §4.4, §4.1
		{"route", "A <@r.test,@s.test:a@x.test>", "A|@r.test,@s.test|a|x.test"},
		{"null members", ",a@x.test,,b@y.test,", "||a|x.test ||b|y.test"},
		{"dots in a phrase", "John Q. Public <a@x.test>", "John Q. Public||a|x.test"},
		{"spaces in addr-spec", "a . b @ x . test", "||a.b|x.test"},
		{"words in local part", `a."b c".d@x.test`, "||a.b c.d|x.test"},
		{"null path", "<>", "|||"},
		// as found
		{"8 bit", "Caf\xe9 <a@x.test>", "Caf\xe9||a|x.test"},
		{"UTF-8", "فروش <فروش@مثال.إختبار>", "فروش||فروش|مثال.إختبار"},
		{"no domain", "root", "||root|"},
		{"two words", "no address", "no address|||"},
		{"name without brackets", "Info Desk a@x.test", "Info Desk||a|x.test"},
		{"no end of brackets", "A <a@x.test, b@y.test", "A||a|x.test ||b|y.test"},
		{"brackets in a row", "<a@x.test> <b@y.test>", "||a|x.test ||b|y.test"},
		{"address as name", "a@x.test <b@y.test>", "a@x.test||b|y.test"},
		{"semicolon as comma", "a@x.test; b@y.test", "||a|x.test ||b|y.test"},
		{"group without end", "G: a@x.test", "G:{ ||a|x.test }"},
		{"group in group", "G: H: a@x.test;", "G:{ H||a|x.test }"},
		{"open quote", `"A <a@x.test>, b@y.test`, `"A||a|x.test ||b|y.test`},
		{"open comment", "a@x.test (A, b@y.test", "||a|x.test ||b|y.test"},
		{"open literal", "a@[127.0.0.1, b@y.test", "||a|[127.0.0.1 ||b|y.test"},
		{"stray closers", ") a@x.test > ]", ")||a|x.test"},
		{"NUL and controls", "A\x00B <a\x00@x.test\x7f>", "A B||a|x.test"},
		{"two ats", "a@b@x.test", "||a@b|x.test"},
		{"words behind", "a@x.test and more", "||a|x.test"},
		{"comment alone", "(nobody), a@x.test", "||a|x.test"},
		{"mailto", "<mailto:a@x.test>", "||mailto:a|x.test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			items, err := ParseList(c.in, 100)
			if got := show(items); got != c.want || err != nil {
				t.Fatalf("%q:\n got %s %v\nwant %s", c.in, got, err, c.want)
			}
		})
	}
}

func TestParseListGroupNames(t *testing.T) {
	items, _ := ParseList("G: a@x.test; b@y.test", 10)
	if len(items) != 4 || items[1].Group != "G" || items[3].Group != "" {
		t.Fatalf("got %+v", items)
	}
}

func TestParseListStopsAtItsLimit(t *testing.T) {
	items, err := ParseList("a@x.test, b@x.test, c@x.test", 2)
	var e *Error
	if len(items) != 2 || !errors.As(err, &e) || e.Why != TooManyItems {
		t.Fatalf("got %v %v", items, err)
	}
	if items, err := ParseList("a@x.test, b@x.test,", 2); len(items) != 2 || err != nil {
		t.Fatalf("got %v %v", items, err)
	}
}

func TestCanonicalItem(t *testing.T) {
	items, _ := ParseList("<Info@مثال.إختبار>, <root>, <a b@x.test>, <a@x..test>", 10)
	m, err := items[0].Canonical()
	if err != nil || m.String() != "Info@xn--mgbh0fb.xn--kgbechtv" {
		t.Errorf("got %v %v", m, err)
	}
	if _, err := items[1].Canonical(); err == nil {
		t.Error("an address without domain became canonical")
	}
	if _, err := items[3].Canonical(); err == nil {
		t.Error("a bad domain became canonical")
	}
}

// CVE-2024-23184: address headers whose cost grew with the square of their size.
func TestParseListIsLinear(t *testing.T) {
	const n = 500_000
	for name, s := range map[string]string{
		"comments":            "a@x.test " + strings.Repeat("(c)", n),
		"comments, unclosed":  strings.Repeat("(", n) + "a@x.test",
		"comments, nested":    strings.Repeat("(", n) + strings.Repeat(")", n) + "a@x.test",
		"comments, escaped":   strings.Repeat(`(\`, n),
		"comments in a name":  strings.Repeat("a(c)", n) + "<a@x.test>",
		"addresses":           strings.Repeat("a@x.test,", n/5),
		"named addresses":     strings.Repeat(`"A B" <a@x.test>, `, n/5),
		"quotes":              strings.Repeat(`"`, 2*n+1),
		"escaped quotes":      `"` + strings.Repeat(`\"`, n),
		"words":               strings.Repeat("a ", n),
		"words with dots":     strings.Repeat("a . ", n),
		"ats":                 strings.Repeat("a@", n),
		"brackets":            strings.Repeat("<", n),
		"open brackets":       strings.Repeat("<@a", n/5),
		"routes":              "<" + strings.Repeat("@a,", n),
		"colons":              strings.Repeat("a:", n),
		"groups":              strings.Repeat("a:;", n/5),
		"literals":            strings.Repeat("[", n),
		"literals, and ended": strings.Repeat("[a]", n),
		"mixed":               strings.Repeat(`("[<`, n/5),
	} {
		start := time.Now()
		items, _ := ParseList(s, 100_000)
		if took := time.Since(start); took > 20*time.Second { // it is some 10 ms
			t.Errorf("%s: %d bytes took %v (%d items)", name, len(s), took, len(items))
		}
	}
}

func FuzzList(f *testing.F) {
	for _, s := range []string{"", "a@b", `"A, \"b\"" <a@b.test>, G: x@y;, <@r:a@b>`, "(c(d)\\)e) a@b", "\"open <a", "a\r\n @b\x00", "<<>>::;;,,@@..[["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		items, _ := ParseList(s, 50)
		if len(items) > 50 {
			t.Fatalf("%d items", len(items))
		}
		p := lister{s: s, max: 50}
		if slow, _ := p.run(); !slices.Equal(items, slow) {
			t.Fatalf("%q is plain: %+v\nand not: %+v", s, items, slow)
		}
		depth := 0
		for _, it := range items {
			for _, x := range []string{it.Name, it.Route, it.Group, it.Mailbox.Local, it.Mailbox.Domain} {
				if hasControl(x) {
					t.Fatalf("%q gives %q", s, x)
				}
			}
			switch it.Kind {
			case GroupStart:
				depth++
			case GroupEnd:
				depth--
			default:
				again(t, it)
			}
			if depth < 0 || depth > 1 {
				t.Fatalf("%q: groups are not well nested", s)
			}
		}
	})
}

// again checks that a canonical item survives the wire.
func again(t *testing.T, it Item) {
	m, err := it.Canonical()
	if err != nil {
		return
	}
	if back, err := ParseMailbox(m.String(), true); err != nil || back != m {
		t.Fatalf("%+v → %q → %+v %v", it, m.String(), back, err)
	}
}

// TestPlainListsAreReadAsAll: what is read the short way is what the long way gives.
func TestPlainListsAreReadAsAll(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	pieces := []string{"Info", "فروش", " ", "  ", "<", ">", "@", ".", ",", ", ", "\"", "a@x.test", "<a@x.test>", "Desk <a@x.test>", "\"A, B\" <b@y.test>", "\\", "\t", ";", ":", "(c)", "[", "\x7f"}
	plain := 0
	for range 200_000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		s := b.String()
		got := parsePlain(s, 3)
		if got == nil {
			continue
		}
		plain++
		p := lister{s: s, max: 3}
		if want, err := p.run(); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q: %+v, %v, want %+v", s, got, err, want)
		}
	}
	if plain < 5_000 {
		t.Errorf("only %d lists were plain", plain)
	}
}

func BenchmarkParseList(b *testing.B) {
	s := strings.Repeat(`"Info Desk" <info@example.test>, sender@example.test, `, 5)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseList(s, 100); err != nil {
			b.Fatal(err)
		}
	}
}
