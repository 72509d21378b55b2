package charset

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
)

const (
	arabic  = "السلام عليكم، نرجو إرسال التقرير الشهري قبل نهاية الأسبوع. شكرا لكم"
	persian = "سلام، لطفاً گزارش ماهانه را تا پایان هفته بفرستید. با سپاس"
	french  = "Bonjour, le rapport annuel est déjà terminé; voilà où ça été envoyé à la société générale"
	german  = "Schöne Grüße aus München, die Straße ist für Fußgänger geöffnet"
)

// TestPlainlyWrongLabelsAreNotBelieved, and others are: all of a text, and read piece by piece.
func TestPlainlyWrongLabelsAreNotBelieved(t *testing.T) {
	w1256 := string(encodeAs(t, charmap.Windows1256, arabic))
	latin := string(encodeAs(t, charmap.Windows1252, french))
	for _, tt := range []struct{ label, in, want string }{
		{"windows-1256", arabic, arabic},
		{"iso-8859-1", persian, persian},
		{"koi8-r", "\u200cПривет", "\u200cПривет"},
		{"x-mac-farsi", "مرحبا", "مرحبا"},
		{"iso-8859-1", w1256, arabic},
		{"windows-1252", "Re: " + w1256, "Re: " + arabic},
		{"iso-8859-1", "\xc7\xe1\xd3", "ÇáÓ"}, // too short to know better
		{"iso-8859-1", latin, french},
		{"windows-1256", latin, french}, // it has the French letters, too
		{"windows-1256", w1256, arabic},
		{"windows-1252", "\xc3\xa9", "Ã©"}, // two characters may be meant
		{"windows-1251", "\xd2\xc0\xd1\xd1\xbb", "ТАСС»"},
		{"windows-1252", strings.Repeat("\xc4\xd6\xdc ", 9), strings.Repeat("ÄÖÜ ", 9)},
	} {
		if got := Decode(tt.label, []byte(tt.in)); got != tt.want {
			t.Errorf("Decode(%q, %q) = %q, want %q", tt.label, tt.in, got, tt.want)
		}
		if got, err := io.ReadAll(NewReader(tt.label, iotest.OneByteReader(strings.NewReader(tt.in)))); string(got) != tt.want || err != nil {
			t.Errorf("NewReader(%q, %q) = %q, %v, want %q", tt.label, tt.in, got, err, tt.want)
		}
	}
}

func encodeAs(t *testing.T, e encoding.Encoding, s string) []byte {
	t.Helper()
	b, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLabelsAreFound(t *testing.T) {
	labels := []string{
		"utf-8", "UTF8", "us-ascii", "windows-1256", "Windows-1256", "cp1256", "CP-1256", "x-cp1256", "win-1256", "windows1256", "iso-8859-6",
		"ISO8859-6", "iso_8859-6:1987", "iso-8859-6-i", "iso-8859-6-e", "ASMO-708", "x-mac-arabic", "x-mac-farsi", "ibm864", "cp864",
		"dos-720", "utf-7", "unicode-1-1-utf-7", "gb18030", "gb2312", "koi8-r", "koi8-u", "iso-2022-jp", "shift_jis", "euc-kr",
		"ks_c_5601-1987", "iso-2022-kr", "iso-2022-cn", "hz-gb-2312", "big5", "tis-620", "cp874", "windows-874", "cp437", "cp850", "cp866",
		"iso-8859-1", "iso-8859-15", "latin1", "macintosh", "utf-16", "utf-16le", "\"windows-1256\"", "windows-1256*ar", " iso-8859-8-i ",
	}
	for _, l := range labels {
		if !Known(l) {
			t.Errorf("Known(%q) = false", l)
		}
	}
	for _, l := range []string{"", "unknown-8bit", "x-unknown", "default", "charset", strings.Repeat("x", 1000), "iso-8859-99", "cp", "125"} {
		if Known(l) {
			t.Errorf("Known(%q) = true", l)
		}
	}
}

func TestDecode(t *testing.T) {
	tests := []struct{ label, in, want string }{
		{"windows-1256", string(encodeAs(t, charmap.Windows1256, arabic)), arabic},
		{"cp1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا"},
		{"iso-8859-6", "\xe5\xd1\xcd\xc8\xc7", "مرحبا"},
		{"asmo-708", "\xe5\xd1\xcd\xc8\xc7", "مرحبا"},
		{"x-mac-arabic", "\xe5\xd1\xcd\xc8\xc7 \xb1", "مرحبا ١"},
		{"x-mac-farsi", "\xb1\xb2\xb3", "۱۲۳"},
		{"ibm864", "100% \xc7", "100% ﺍ"},
		{"dos-720", "\xa0\xa8", "بذ"},
		{"utf-7", "Hi +BkUGMQYtBigGJw- 1 +- 2 +2D3eAA-", "Hi مرحبا 1 + 2 😀"},
		{"utf-7", "+BkU", "م"},
		{"utf-7", "+2D0-", "+2D0-"}, // half a surrogate pair: not UTF-7
		{"gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"iso-2022-jp", "\x1b$B$3$s\x1b(B", "こん"},
		{"iso-2022-kr", "\x1b$)C\x0e" + strip(encodeAs(t, korean.EUCKR, "안녕")) + "\x0f ok", "안녕 ok"},
		{"utf-16", "\xfe\xff\x06\x45", "م"},
		{"utf-8", "سلام", "سلام"},
		{"us-ascii", "سلام", "سلام"}, // the label is wrong
		{"us-ascii", string(encodeAs(t, charmap.Windows1256, arabic)), arabic},
		{"utf-8", string(encodeAs(t, charmap.Windows1256, arabic)), arabic},
		{"iso-8859-6", string(encodeAs(t, charmap.Windows1256, persian+" گچ")), mapped(t, persian+" گچ")}, // does not fit its label
		{"no-such-set", string(encodeAs(t, charmap.ISO8859_6, "السلام عليكم ورحمة الله وبركاته")), "السلام عليكم ورحمة الله وبركاته"},
		{"", "plain", "plain"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := Decode(tt.label, []byte(tt.in)); got != tt.want {
			t.Errorf("Decode(%q, %q) = %q, want %q", tt.label, tt.in, got, tt.want)
		}
	}
}

// mapped gives what windows-1256 can hold of s: it has no Persian yeh.
func mapped(t *testing.T, s string) string {
	b, _ := charmap.Windows1256.NewDecoder().Bytes(encodeAs(t, charmap.Windows1256, s))
	return string(b)
}

func strip(b []byte) string {
	for i := range b {
		b[i] &= 0x7F
	}
	return string(b)
}

func TestGuess(t *testing.T) {
	persianFolded := strings.NewReplacer("ی", "ي", "ک", "ك").Replace(persian) // as people wrote it in windows-1256
	tests := []struct {
		enc  encoding.Encoding
		text string
		want string
	}{
		{charmap.Windows1256, arabic, "windows-1256"},
		{charmap.Windows1256, persianFolded, "windows-1256"},
		{charmap.Windows1256, "مرحبا", "windows-1256"},
		{charmap.Windows1256, "تقرير المبيعات 2004 (Q3)", "windows-1256"},
		{charmap.ISO8859_6, arabic, "iso-8859-6"},
		{charmap.ISO8859_6, "اجتماع يوم الأحد", "iso-8859-6"},
		{charmap.ISO8859_6, "الموضوع: موعد الاجتماع القادم", "iso-8859-6"},
		{charmap.Windows1252, french, "windows-1252"},
		{charmap.Windows1252, german, "windows-1252"},
		{charmap.Windows1252, "Café", "windows-1252"},
		{encoding.Nop, arabic, "utf-8"},
		{encoding.Nop, arabic[:9], "utf-8"}, // cut in a character
		{encoding.Nop, "ascii", "utf-8"},
		{encoding.Nop, arabic + "\xff" + arabic, "utf-8"},
	}
	for _, tt := range tests {
		if got := Guess(encodeAs(t, tt.enc, tt.text)); got != tt.want {
			t.Errorf("Guess(%v of %q) = %s, want %s", tt.enc, tt.text, got, tt.want)
		}
	}
}

func TestReaderAgreesWithDecode(t *testing.T) {
	long := strings.Repeat("ascii text first\r\n", 3000)
	for _, tt := range []struct{ label, in, want string }{
		{"windows-1256", string(encodeAs(t, charmap.Windows1256, arabic)), arabic},
		{"", long + string(encodeAs(t, charmap.Windows1256, arabic)), long + arabic},
		{"utf-8", long + arabic, long + arabic},
		{"us-ascii", long, long},
		{"utf-7", "+BkUGMQYtBigGJw-", "مرحبا"},
		{"iso-2022-kr", "\x0e" + strip(encodeAs(t, korean.EUCKR, "안녕")) + "\n\x0f", "안녕\n"},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "one byte": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := io.ReadAll(NewReader(tt.label, r))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s, %s: got %.60q, %v", tt.label, name, got, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"utf-7\x00+BkU-+2D0", "windows-1256\x00\xe3\xd1", "iso-2022-kr\x00\x0e!\x1b$)", "iso-2022-cn\x00\x1b$)A\x0e", "hz-gb-2312\x00~{", "utf-16\x00\xd8", "\x00\xff\xfe"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		label, text, _ := strings.Cut(string(b), "\x00")
		s := Decode(label, []byte(text))
		if !utf8.ValidString(s) {
			t.Fatalf("Decode(%q, %q) = %q is not UTF-8", label, text, s)
		}
		r, err := io.ReadAll(NewReader(label, strings.NewReader(text)))
		if err != nil {
			t.Fatalf("reader of %q: %v", label, err)
		}
		if !utf8.Valid(r) {
			t.Fatalf("reader of %q in %q gives %q", text, label, r)
		}
	})
}
