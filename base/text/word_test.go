package text

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// terms gives the terms of s as "place:term".
func terms(s string) (out []string) {
	p := Splitter{}
	p.Emit = func(term []byte, place uint32) { out = append(out, fmt.Sprintf("%d:%s", place, term)) }
	p.Split(s)
	return out
}

func TestTerms(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"Hello, World!":              "0:hello 1:world",
		"info@mail.example.com":      "0:info 1:mail 2:example 3:com",
		"v1.2 3.14. 192.0.2.1 1,234": "0:v1.2 1:3.14 2:192.0.2.1 3:1 4:234",
		"John's well-known":          "0:john 1:s 2:well 3:known",
		"می\u200cخواهم بروم":         "0:مي 0:ميخواهم 0:خواهم 1:بروم",
		"\u200cکتاب\u200c ها":        "0:كتاب 1:ها",
		"والتقرير ۱۴۰۵":              "0:والتقرير 1:1405",
		"東京都 a東b":                    "0:東京 1:京都 2:a 3:東 4:b",
		"東\u200c京":                   "0:東 0:東京 0:京",
		"ภาษา":                       "0:ภา 1:าษ 2:ษา",
		"한국어 뉴스":                     "0:한국어 1:뉴스",
		"party 🎉🎉 ©":                 "0:party 1:🎉 2:🎉 3:©",
		"1.\u200c5":                  "0:1 0:1.5 0:5",
		"--- ... ":                   "",
	} {
		got := terms(in)
		if strings.Contains(in, "\u200c") {
			slices.Sort(got)
			w := strings.Fields(want)
			slices.Sort(w)
			want = strings.Join(w, " ")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, want %s", in, strings.Join(got, " "), want)
		}
	}
}

// TestLongWords: every piece of a long word is in one of its terms.
func TestLongWords(t *testing.T) {
	for n := MaxTerm - 2; n < 6*MaxTerm; n++ {
		word := make([]byte, n)
		for i := range word {
			word[i] = 'a' + byte((i*i+i/7)%26)
		}
		var all []string
		p := Splitter{Emit: func(term []byte, place uint32) {
			if all = append(all, string(term)); len(term) > MaxTerm || place != 0 {
				t.Fatalf("term of %d bytes at %d", len(term), place)
			}
		}}
		p.Split(string(word))
		for i := 0; i+MaxPiece <= n; i++ {
			piece := string(word[i : i+MaxPiece])
			if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, piece) }) {
				t.Fatalf("%d bytes at %d of %d are in no term", MaxPiece, i, n)
			}
		}
		if !strings.HasPrefix(string(word), all[0]) || !strings.HasSuffix(string(word), all[len(all)-1]) || len(all[len(all)-1]) < min(n, MaxTerm) {
			t.Fatal("the ends are not whole terms")
		}
	}
}

// TestPieces: words do not depend on how a text is cut into writes.
func TestPieces(t *testing.T) {
	letters := []rune("ab1. می\u200cخ 東京 \u0301e🎉ßи\u0306")
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s := some(rnd, letters, 20)
		var got []string
		p := Splitter{Emit: func(term []byte, place uint32) { got = append(got, fmt.Sprintf("%d:%s", place, term)) }}
		for rest := []byte(s); len(rest) > 0; {
			n := 1 + rnd.IntN(len(rest))
			_, _ = p.Write(rest[:n])
			rest = rest[n:]
		}
		p.End()
		if want := terms(s); !slices.Equal(got, want) {
			t.Fatalf("%q in pieces %q, in one %q", s, got, want)
		}
	}
}

func TestProclitics(t *testing.T) {
	if !slices.Contains(Proclitics("تقرير"), "والتقرير") || Proclitics("report") != nil || Proclitics("له") != nil {
		t.Error("proclitics")
	}
}

func BenchmarkSplit(b *testing.B) {
	s := []byte(strings.Repeat("The monthly Report is ready. گزارش ماهانهٔ شرکت را می\u200cخواهم ", 64))
	n := 0
	p := Splitter{Emit: func([]byte, uint32) { n++ }}
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Write(s)
		p.End()
	}
}

func BenchmarkMatcher(b *testing.B) {
	s := []byte(strings.Repeat("The monthly Report is ready. ", 2048))
	m := NewMatcher(NewNeedle("not there"), NewNeedle("nor this"))
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Read(bytes.NewReader(s), nil)
	}
}
