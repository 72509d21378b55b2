package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"barid/base/text/texttest"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"Hello, World 42":          "hello, world 42",
		"Straße GROẞ":              "strasse gross",
		"Café déjà ÑANDÚ Ångström": "cafe deja nandu angstrom",
		"cafe\u0301":               "cafe",
		"Øre Łódź æon Œuvre":       "ore lodz aeon oeuvre",
		"İstanbul ISPARTA ıssız":   "istanbul isparta issiz",
		"ΣΊΣΥΦΟΣ ς":                "σισυφοσ σ",
		"Йод Ёлка и\u0306":         "йод елка й",
		"п\u0301уть":               "путь",
		"ﬁle ½ № ㎏ Ｆｕｌｌ":           "file 1⁄2 no kg full",
		"がか か\u3099 ｶﾞ":            "がか が ガ",
		"한국어 \u1112\u1161\u11ab":   "한국어 한",
		"हिन्दी १२":                "हिन्दी 12",
		"ภาษาไทย":                  "ภาษาไทย",
		"שָׁלוֹם":                  "שלום",
		"سلام\u200cالله":           "سلامالله",
		"شيء\u202e؟":               "شي؟",
		"soft\u00adhyphen\u200b":   "softhyphen",
		"\xffa\xc3":                "\ufffda\ufffd",
		"🎉 \u2764\ufe0f":           "🎉 \u2764",
		"K Ω µ":                    "k ω μ",
	} {
		if got := FoldString(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNoFalseMerge(t *testing.T) {
	for _, p := range [][2]string{{"كتب", "كتاب"}, {"й", "и"}, {"が", "か"}, {"سال", "سأله"}, {"कि", "की"}} {
		if FoldString(p[0]) == FoldString(p[1]) {
			t.Errorf("%q and %q are different words", p[0], p[1])
		}
	}
}

// TestFoldEveryCharacter quotes Invariant: Fold(Fold(x)) is Fold(x).
func TestFoldEveryCharacter(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		once := FoldString(string(r))
		if twice := FoldString(once); once != twice || !utf8.ValidString(once) {
			t.Fatalf("%U folds to %q, that to %q", r, once, twice)
		}
	}
}

func TestFoldMap(t *testing.T) {
	for _, c := range []struct{ in, find, want string }{
		{"قرأ كُتُبٌ كثيرة", "كتب", "كُتُبٌ"},
		{"die Straße dort", "strasse", "Straße"},
		{"die Straße dort", "s", "ß"},
		{"می\u200cخواهم بروم", "ميخواهم", "می\u200cخواهم"},
		{"الشهــري", "شهري", "شهــري"},
		{"قال ﷲ هنا", "لله", "ﷲ"},
		{"plain", "lai", "lai"},
		{"всемирный йод", "мирный", "мирный"},
	} {
		b, m := FoldMap(nil, c.in)
		i := strings.LastIndex(string(b), c.find)
		if i < 0 {
			t.Fatalf("%q is not in %q", c.find, b)
		}
		if from, to := m.Source(i, i+len(c.find)); c.in[from:to] != c.want {
			t.Errorf("%q in %q is %q, want %q", c.find, c.in, c.in[from:to], c.want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, p := range texttest.Pairs() {
		f.Add(p[0], 3)
		f.Add(p[1], 5)
	}
	f.Add("か\u200c\u3099 и\u0301\u0306 \u0301\u0306", 4)
	f.Add("\u09c7\u0301\u09be Straße ﷺ", 7)
	f.Add("\u1112\u200d\u1161\u11ab각", 4)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		once, m := FoldMap(nil, s)
		if !utf8.Valid(once) {
			t.Fatalf("Fold(%q) is not UTF-8", s)
		}
		if twice := Fold(nil, once); string(twice) != string(once) {
			t.Fatalf("%q folds to %q, that to %q", s, once, twice)
		}
		if string(Fold(nil, []byte(s))) != string(once) {
			t.Fatal("bytes and strings differ")
		}
		checkMap(t, m, s, once)
		if cut = min(max(cut, 0), len(s)); cut > 0 {
			cut = SafeCut([]byte(s[:cut]))
			if two := Fold(Fold(nil, s[:cut]), s[cut:]); string(two) != string(once) {
				t.Fatalf("in pieces cut at %d %q is %q, in one %q", cut, s, two, once)
			}
		}
	})
}

func checkMap(t *testing.T, m *Map, s string, folded []byte) {
	t.Helper()
	last := 0
	for i := range folded {
		from, to := m.Source(i, i+1)
		if from < last || to < from || to > len(s) {
			t.Fatalf("byte %d of %q comes from [%d,%d) of %q", i, folded, from, to, s)
		}
		last = from
	}
	if from, to := m.Source(0, len(folded)); from > to || to > len(s) {
		t.Fatalf("all of %q comes from [%d,%d)", folded, from, to)
	}
}

func BenchmarkFoldASCII(b *testing.B) {
	benchmarkFold(b, strings.Repeat("The monthly Report is ready. ", 128))
}

func BenchmarkFoldPersian(b *testing.B) {
	benchmarkFold(b, strings.Repeat("گزارش ماهانهٔ شرکت را می\u200cخواهم ", 64))
}

func benchmarkFold(b *testing.B, s string) {
	dst := make([]byte, 0, 2*len(s))
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		dst = Fold(dst[:0], s)
	}
}
