package text

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"<p>one</p><p>two</p>":               "one two",
		"hel<b>lo</b> w<span>orld</span>":    "hello world",
		"a &amp; b &#1587;&#x644;&nbsp;&lt;": "a & b سل\u00a0<",
		"x<style>p{color:red}</style>y<script>if(a<b)c()</script>z": "xyz",
		"x<!-- no -->y":                                             "xy",
		`<img src="cid:1" alt="our logo">t`:                         "our logo t",
		`<a href="https://example.com/x" title="go there">here</a>`: "go there here",
		"<title>T &amp; U</title><body>b":                           "b",
		"a<br>b<td>c":                                               "a b c",
		"<style>never closed":                                       "",
	} {
		b, err := io.ReadAll(iotest.OneByteReader(Visible(strings.NewReader(in))))
		if got := strings.Join(strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == '\n' }), " "); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestVisibleShowsWhiteSpaceAsReadersSeeIt(t *testing.T) {
	for in, want := range map[string]string{
		"<div>a line\r\n   that goes\ton</div>": "\na line that goes on\n",
		"a <b> b </b> c":                        "a b c",
		"<p>\n a\n</p>\n<p>b":                   "\na \n\nb",
		"<pre>a  b\nc</pre>d  e":                "\na  b\nc\nd e",
		"x</pre>y  z":                           "x\ny z",
		"كتاب\r\nجديد":                          "كتاب جديد",
	} {
		b, err := io.ReadAll(iotest.OneByteReader(Visible(strings.NewReader(in))))
		if err != nil || string(b) != want {
			t.Errorf("%q: %q, %v, want %q", in, b, err, want)
		}
	}
}

func TestVisibleIsBounded(t *testing.T) {
	b, err := io.ReadAll(Visible(strings.NewReader("before<p>" + "<" + strings.Repeat("x", 2*maxTokenBytes) + ">after")))
	if err != nil || !strings.HasPrefix(string(b), "before") {
		t.Errorf("%q, %v", b[:min(20, len(b))], err)
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("<p>one &amp; two<script>x</script>")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := io.Copy(io.Discard, Visible(strings.NewReader(s))); err != nil {
			t.Fatal(err)
		}
	})
}
