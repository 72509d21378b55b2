package header

import (
	"fmt"
	stdmime "mime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParams(t *testing.T) {
	tests := []struct{ in, value, params string }{ // params: name=value|raw when different, * when extended
		{"text/plain", "text/plain", ""},
		{"text/plain; charset=utf-8", "text/plain", "charset=utf-8"},
		{" text/plain ;\r\n\tcharset=\"utf-8\"; FORMAT=flowed;", "text/plain", "charset=utf-8; format=flowed"},
		{"text/plain (a comment; here); charset=us-ascii (Plain text)", "text/plain", "charset=us-ascii"},
		{`multipart/mixed; boundary="a;b=\"c\\d"`, "multipart/mixed", `boundary=a;b="c\d`},
		{`x/y; name="C:\docs\file.txt"`, "x/y", `name=C:\docs\file.txt`},
		{"attachment; filename=my report.pdf; size=5", "attachment", "filename=my report.pdf; size=5"},
		{"text/plain; charset=utf-8 format=flowed", "text/plain", "charset=utf-8; format=flowed"},
		{`text/plain; charset="utf-8" format=flowed`, "text/plain", "charset=utf-8; format=flowed"},
		{`text/plain; name="unclosed; charset=x`, "text/plain", "name=unclosed; charset=x"},
		{"text/plain; ; =x; junk; a=", "text/plain", "a="},
		{"text/plain; name==?utf-8?B?2LPZhNin2YU=?=", "text/plain", "name=سلام|=?utf-8?B?2LPZhNin2YU=?="},
		{`text/plain; name="=?utf-8?B?2LPZhNin2YU=?="`, "text/plain", "name=سلام|=?utf-8?B?2LPZhNin2YU=?="},
		{"text/plain; name=\"\xe3\xd1\xcd\xc8\xc7.txt\"", "text/plain", "name=مرحبا.txt|\xe3\xd1\xcd\xc8\xc7.txt"},
		{"text/plain; name=\"سلام.txt\"", "text/plain", "name=سلام.txt"},
		// RFC 2231 §3, §4, §4.1
		{
			"message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"", "message/external-body",
			"access-type=URL; url=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar",
		},
		{"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "application/x-stuff", "title*=This is ***fun***|us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"},
		{
			"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"", "application/x-stuff",
			"title*=This is even more ***fun*** isn't it!|us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!",
		},
		{"x/y; f*1=b; f*0=a; g=1; f*2=c", "x/y", "f=abc; g=1"},          // any order
		{"x/y; f*0*=utf-8''%D8; f*1*=%B3", "x/y", "f*=س|utf-8''%D8%B3"}, // a character split over two parts
		{"x/y; f*=windows-1256''%E3%D1%CD%C8%C7", "x/y", "f*=مرحبا|windows-1256''%E3%D1%CD%C8%C7"},
		{"x/y; f*=%41bc", "x/y", "f*=Abc|''%41bc"}, // the quotes are missing
		{"x/y; f*=utf-8''100%; f=plain", "x/y", "f*=100%|utf-8''100%; f=plain"},
		{"x/y; f*0=a; f*0=b; f*1=c", "x/y", "f=ac"},
		{"x/y; f*x=a; *=b; f*99999999=c", "x/y", "f*x=a; *=b; f*99999999=c"},
		{"x/y; f*=utf-8''a%0D%0Ab", "x/y", "f*=a  b|utf-8''a%0D%0Ab"},
		{"", "", ""},
		{";", "", ""},
		{"(", "", ""},
		{"x (", "x", ""},
		{"\"", "\"", ""},
	}
	for _, tt := range tests {
		value, params := Params([]byte(tt.in), 100)
		if value != tt.value || show(params) != tt.params {
			t.Errorf("Params(%q)\n  = %q, %q\nwant %q, %q", tt.in, value, show(params), tt.value, tt.params)
		}
	}
}

func show(params []Param) string {
	var out []string
	for _, p := range params {
		s := p.Name
		if p.Extended {
			s += "*"
		}
		s += "=" + p.Value
		if p.Raw != p.Value {
			s += "|" + p.Raw
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestLookupPrefersExtended(t *testing.T) {
	_, params := Params([]byte("attachment; filename=plain.pdf; filename*=utf-8''%D8%B3.pdf"), 10)
	if v, _ := Lookup(params, "filename"); v != "س.pdf" {
		t.Errorf("Lookup = %q", v)
	}
	if _, ok := Lookup(params, "name"); ok {
		t.Error("found what is not there")
	}
}

func TestParamsAgreeWithStandardLibrary(t *testing.T) {
	for _, in := range []string{
		"text/plain; charset=utf-8", `multipart/mixed; boundary="=_x y"`, "attachment; filename*=utf-8''%D8%B3%20x.pdf", `a/b; x="1"; y=2; z="\"q\""`,
		"a/b; n*0=one; n*1=two; n*2*=%20three",
	} {
		want, wantParams, err := stdmime.ParseMediaType(in)
		if err != nil {
			t.Fatal(err)
		}
		value, params := Params([]byte(in), 100)
		if value != want || len(params) != len(wantParams) {
			t.Errorf("Params(%q) = %q, %s; want %v", in, value, show(params), wantParams)
		}
		for _, p := range params {
			if wantParams[p.Name] != p.Value {
				t.Errorf("Params(%q): %s is %q, want %q", in, p.Name, p.Value, wantParams[p.Name])
			}
		}
	}
}

func TestAppendParam(t *testing.T) {
	for _, v := range []string{"a", "a b", `q"uo\te`, "سلام.pdf", strings.Repeat("گزارش ماهانه ", 20) + ".pdf", "", "x;y", "a=b", "a\r\nb"} {
		b := AppendField(nil, "Content-Disposition", string(AppendParam([]byte("attachment"), "filename", v)))
		f, _ := Next(b, 0)
		_, params := Params(f.Value, 1000)
		if got, ok := Lookup(params, "filename"); !ok || got != oneLine(v) || len(params) != 1 {
			t.Errorf("AppendParam(%q) = %q reads back as %q", v, b, got)
		}
		for line := range strings.SplitSeq(string(b), "\r\n") {
			if len(line) > 100 {
				t.Errorf("line of %d: %s", len(line), line)
			}
		}
	}
}

// TestManyParamsAreLinear: 20,000 RFC 2231 parameters (robustness row 25, CVE-2026-27859).
func TestManyParamsAreLinear(t *testing.T) {
	var parts, names, quotes strings.Builder
	parts.WriteString("x/y")
	names.WriteString("x/y")
	quotes.WriteString("x/y")
	for i := range 20000 {
		fmt.Fprintf(&parts, "; f*%d*=%%D8", 19999-i)
		fmt.Fprintf(&names, "; n%d*=utf-8''x", i)
		quotes.WriteString("; a=\"\\")
	}
	inputs := map[string]string{
		"parts": parts.String(), "names": names.String(), "quotes": quotes.String(),
		"comments": "x/y" + strings.Repeat("(c)", 500000), "open comments": "x/y; a=b " + strings.Repeat("(", 1<<20),
		"semicolons": strings.Repeat(";", 1<<20), "equals": "x/y" + strings.Repeat(";=", 1<<19), "spaces": "x/y; a=" + strings.Repeat(" ", 1<<20),
		"words": "x/y; a=b" + strings.Repeat(" c", 1<<19),
	}
	for name, in := range inputs {
		start := time.Now()
		_, params := Params([]byte(in), 50000)
		if d := time.Since(start); d > 20*time.Second { // it is some 10 ms
			t.Errorf("%s: %v", name, d)
		}
		if name == "names" && len(params) != 20000 || name == "parts" && len(params) != 1 {
			t.Errorf("%s: %d parameters", name, len(params))
		}
		if _, params = Params([]byte(in), 100); len(params) > 100 {
			t.Errorf("%s: %d parameters, 100 were allowed", name, len(params))
		}
	}
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{"a/b; c*0*=utf-8''%D8; c*1=\"x\"", "a(b(c)d; e=\"f", ";a=b;*=c;d*=x'y'z", "a; name=x y; b=\"\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value, params := Params([]byte(s), 50)
		if len(params) > 50 || strings.ContainsAny(value, "\r\n\x00") {
			t.Fatalf("Params(%q) = %q, %d", s, value, len(params))
		}
		for _, p := range params {
			if !utf8.ValidString(p.Value) || strings.ContainsAny(p.Value+p.Raw, "\r\n\x00") {
				t.Fatalf("Params(%q): %q %q", s, p.Raw, p.Value)
			}
		}
	})
}
