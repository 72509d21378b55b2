package header

import (
	"math/rand/v2"
	stdmime "mime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestDecodeWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain text", "plain text"},
		{"", ""},
		{"سلام", "سلام"}, // RFC 6532
		// RFC 2047 §8
		{"=?ISO-8859-1?Q?a?=", "a"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  \r\n    =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", "If you can read this you understand the example."},
		// a character split over two words
		{"=?UTF-8?B?2LM=?= =?UTF-8?B?2YTYp9mF?=", "سلام"},
		{"=?UTF-8?Q?=D8?= =?UTF-8?Q?=B3?=", "س"},
		{"=?utf-8?B?2A==?=\r\n\t=?UTF-8?B?sw==?=", "س"},
		// charsets
		{"=?windows-1256?B?49HNyMc=?=", "مرحبا"},
		{"=?cp1256?Q?=E3=D1=CD=C8=C7?=", "مرحبا"},
		{"=?ISO-8859-6?B?5dHNyMc=?=", "مرحبا"},
		{"=?iso-8859-6-i?B?5dHNyMc=?=", "مرحبا"},
		{"=?ASMO-708?B?5dHNyMc=?=", "مرحبا"},
		{"=?x-mac-arabic?B?5dHNyMc=?=", "مرحبا"},
		{"=?windows-1256*ar?B?49HNyMc=?=", "مرحبا"}, // RFC 2231 §5
		{"=?UTF-7?Q?+BkUGMQYtBigGJw-?=", "مرحبا"},
		{"=?utf-7?Q?+BkU?= =?utf-7?Q?+BjE?=", "مر"},
		{"=?gb2312?B?xOO6ww==?=", "你好"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=", "こん"},
		{"=?windows-1256?B?49E=?= =?iso-8859-6?B?zcg=?= =?utf-8?B?2Kc=?=", "مرحبا"},
		// the label is unknown or wrong: never "?"
		{"=?x-unknown?B?49HNyMc=?=", "مرحبا"},
		{"=?us-ascii?Q?=E3=D1=CD=C8=C7?=", "مرحبا"},
		{"=?utf-8?B?49HNyMc=?=", "مرحبا"},
		// what mailers do though they must not
		{"\"=?utf-8?B?2LPZhNin2YU=?=\" <info@example.test>", "\"سلام\" <info@example.test>"},
		{"x=?utf-8?Q?y?=z", "xyz"},
		{"=?utf-8?Q?a b c?=", "a b c"},
		{"=?utf-8?Q?what?=20now??=", "what? now?"},
		{"=?utf-8?Q?Is it ready??=", "Is it ready?"},
		{"=?utf-8?Q?x?=ab cd", "xab cd"},
		{"=?utf-8?B?2LPZhNin2YU?=", "سلام"}, // no padding
		{"=?utf-8?B?2LPZ hNin2YU=?=", "سلام"},
		{"=?utf-8?q?=d8=b3?=", "س"},
		{"=?utf-8?Q?=?=", "="},
		{"=?utf-8?Q?100=?=", "100="},
		{"=?utf-8?Q??=", ""},
		{"=?utf-8?B??= x", " x"},
		{"=?utf-8?Q?=ZZ?=", "=ZZ"},
		{"\xe3\xd1\xcd\xc8\xc7", "مرحبا"},
		{"Re: \xe3\xd1\xcd\xc8\xc7 =?utf-8?Q?ok?=", "Re: مرحبا ok"},
		// no words
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
		{"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
		{"=?", "=?"},
		{"=??Q?a?=", "=??Q?a?="},
		{"a =? b ?= c", "a =? b ?= c"},
		{"=?utf-8?Q?lost =?utf-8?Q?found?=", "=?utf-8?Q?lost found"},
		// decoded text stays on its line
		{"=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a  Bcc: x "},
		{"a\r\n b", "a   b"},
	}
	for _, tt := range tests {
		if got := DecodeWords(tt.in); got != tt.want {
			t.Errorf("DecodeWords(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecodeWordsAgreesWithStandardLibrary(t *testing.T) {
	texts := []string{"Grüße", "سلام دنیا", "a", "é", strings.Repeat("گزارش ماهانه ", 30), "x=?y", "tab\tand _underscore_ = ?"}
	dec := new(stdmime.WordDecoder)
	for _, s := range texts {
		for _, enc := range []stdmime.WordEncoder{stdmime.BEncoding, stdmime.QEncoding} {
			if got := DecodeWords(enc.Encode("utf-8", s)); got != s {
				t.Errorf("DecodeWords(%q) = %q, want %q", enc.Encode("utf-8", s), got, s)
			}
		}
		got, err := dec.DecodeHeader(EncodeText(s))
		if err != nil || got != s {
			t.Errorf("net decodes our %q as %q, %v; want %q", EncodeText(s), got, err, s)
		}
	}
}

func TestEncodedWordsAreSplitBetweenCharacters(t *testing.T) {
	for _, s := range []string{strings.Repeat("تقرير", 40), strings.Repeat("😀", 40), "é " + strings.Repeat("plain text ", 20), strings.Repeat("x", 200) + "ی"} {
		e := EncodeText(s)
		if DecodeWords(e) != s {
			t.Errorf("EncodeText(%q) does not decode to itself", s)
		}
		for w := range strings.FieldsSeq(e) {
			if len(w) > maxWordBytes {
				t.Errorf("word of %d octets: %s", len(w), w)
			}
			if part := DecodeWords(w); strings.ContainsRune(part, utf8.RuneError) {
				t.Errorf("word %s holds part of a character", w)
			}
		}
	}
}

func TestEncodePhrase(t *testing.T) {
	for in, want := range map[string]string{
		"Sales Team":     "Sales Team",
		"Sales, Support": `"Sales, Support"`,
		`The "Team"`:     `"The \"Team\""`,
		"فروش":           "=?UTF-8?B?2YHYsdmI2LQ=?=",
		"Ünit Sales":     "=?UTF-8?Q?=C3=9Cnit_Sales?=",
		"a\r\nb: c":      `"a  b: c"`,
		"":               `""`,
		"=?x?Q?y?=":      "=?UTF-8?B?PT94P1E/eT89?=",
	} {
		if got := EncodePhrase(in); got != want {
			t.Errorf("EncodePhrase(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestHostileWordsAreLinear repeats heads without ends, the classic way to make a decoder quadratic.
func TestHostileWordsAreLinear(t *testing.T) {
	for _, s := range []string{"=?u?q?", "=?u?q?x?=20", "=?u?b?", "=?", "?=", "=?utf-8?q?a?= ", "=?utf-8?q?a?=", "=?x?q?=", "=?u?q?a?=20b "} {
		for _, tail := range []string{"", "?="} {
			start := time.Now()
			DecodeWords(strings.Repeat(s, 1<<20/len(s)) + tail)
			if d := time.Since(start); d > 20*time.Second { // it is some 10 ms
				t.Errorf("%q repeated to 1 MB: %v", s, d)
			}
		}
	}
}

func FuzzDecodeWords(f *testing.F) {
	for _, s := range []string{"=?utf-8?B?2LM=?= =?utf-8?Q?=D8?=", "=?iso-2022-kr?Q?=0E!?=", "=?utf-7?q?+?=", "\xff =?x*y?b?=?=", "=?u?q?a?=20 =?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeWords(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("DecodeWords(%q) = %q", s, got)
		}
		if clean := strings.ToValidUTF8(oneLine(s), "x"); DecodeWords(EncodeText(clean)) != clean {
			t.Fatalf("EncodeText(%q) = %q decodes to %q", clean, EncodeText(clean), DecodeWords(EncodeText(clean)))
		}
	})
}

func BenchmarkDecodeWords(b *testing.B) {
	s := EncodeText("تقرير المبيعات الشهري للربع الثالث من السنة")
	b.ReportAllocs()
	for b.Loop() {
		DecodeWords(s)
	}
}

// TestRandomBytesSurvive decodes noise around word marks.
func TestRandomBytesSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	marks := []string{"=?", "?=", "utf-8", "?B?", "?q?", "=D8", " ", "\r\n ", "2LM=", "\xff", "iso-8859-6"}
	for range 5000 {
		var s strings.Builder
		for range r.IntN(20) {
			s.WriteString(marks[r.IntN(len(marks))])
		}
		if got := DecodeWords(s.String()); !utf8.ValidString(got) {
			t.Fatalf("DecodeWords(%q) = %q", s.String(), got)
		}
	}
}
