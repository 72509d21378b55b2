package text

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"barid/base/text/texttest"
)

// TestPairs is the goal of the specification: at least 20 of 21 pairs find each other, both ways.
func TestPairs(t *testing.T) {
	both := 0
	for _, p := range texttest.Pairs() {
		a, b := NewNeedle(p[0]).In("x "+p[1]+" y"), NewNeedle(p[1]).In("x "+p[0]+" y")
		if a && b {
			both++
			continue
		}
		t.Errorf("%q finds %q: %v; the other way: %v", p[0], p[1], a, b)
	}
	if len(texttest.Pairs()) < 21 || both < 20 {
		t.Errorf("%d of %d pairs find each other", both, len(texttest.Pairs()))
	}
}

func TestNeedle(t *testing.T) {
	for _, c := range []struct {
		needle, text string
		want         bool
	}{
		{"", "", true},
		{"ello wor", "Hello World", true},
		{"hello", "hell o", false},
		{"STRASSE", "in der Straße", true},
		{"كتب", "كتاب", false},
		{"كتاب", "تابع", false}, // ك is no proclitic here
		{"وزير", "زيرو", false},
		{"الله", "له", false}, // two letters are no stem
		{"للمدرسة", "في مدرسه", true},
		{"المسئول", "مسؤولون", true},
		{"نامه\u200cهای", "نامه های تو", true},
		{"نامه های", "نامه\u200cهای تو", true},
		{"کتاب\u200cخانه\u200cها", "کتاب خانه\u200cها", true},
		{"می\u200cخواهم کتاب\u200cها", "میخواهم کتاب ها را", true},
		{"می\u200cخواهم کتاب\u200cها", "می خواهم کتابها را", true},
		{"می\u200cخواهم", "می  خواهم", false},
		{"10:30", "at 10:30 h", true},
		{"a\u0301", "A", true},
		{"мир", "всеМИРный", true},
		{"東京", "東京都", true},
	} {
		if got := NewNeedle(c.needle).In(c.text); got != c.want {
			t.Errorf("%q in %q: %v", c.needle, c.text, got)
		}
	}
}

func TestMatcherChoosesTexts(t *testing.T) {
	m := NewMatcher(NewNeedle("one"), NewNeedle("two"), NewNeedle(""))
	if m.Left() != 2 || !m.Found(2) {
		t.Fatal("the empty needle is everywhere")
	}
	m.Look("one two", []bool{false, true, true})
	if m.Found(0) || !m.Found(1) {
		t.Error("only the second was asked for")
	}
	m.Look("One", nil)
	if m.Left() != 0 {
		t.Error("both were there")
	}
	m.Reset()
	if m.Left() != 2 {
		t.Error("Reset forgets")
	}
}

// TestMatcherStreams compares a stream in odd pieces with the whole text.
func TestMatcherStreams(t *testing.T) {
	letters := []rune("ab می\u200cخواهم كُ ٹé\u0301 ßsが\u3099\n")
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		text := strings.Repeat(some(rnd, letters, 8), []int{1, 5, 7000}[rnd.IntN(3)]) + some(rnd, letters, 8)
		n := NewNeedle(some(rnd, letters, 5))
		m := NewMatcher(n)
		if err := m.Read(iotest.HalfReader(strings.NewReader(text)), nil); err != nil {
			t.Fatal(err)
		}
		if m.Found(0) != n.In(text) {
			t.Fatalf("seed %d: stream says %v, the whole %v", seed, m.Found(0), n.In(text))
		}
	}
}

// some gives up to n characters of letters.
func some(rnd *rand.Rand, letters []rune, n int) string {
	out := make([]rune, rnd.IntN(n+1))
	for i := range out {
		out[i] = letters[rnd.IntN(len(letters))]
	}
	return string(out)
}

func FuzzNeedle(f *testing.F) {
	for _, p := range texttest.Pairs() {
		f.Add("x"+p[0]+" y", 1, 5)
	}
	f.Fuzz(func(t *testing.T, s string, i, j int) {
		s = strings.ToValidUTF8(s, "?")
		i = min(max(i, 0), len(s))
		j = min(max(j, i), len(s))
		m := NewMatcher(NewNeedle(s))
		if m.Look(s, nil); !m.Found(0) {
			t.Fatalf("%q does not find itself", s)
		}
		if a, b := SafeCut([]byte(s[:i])), SafeCut([]byte(s[:j])); a < b && !NewNeedle(s[a:b]).In(s) {
			t.Fatalf("%q is not in %q", s[a:b], s)
		}
	})
}
