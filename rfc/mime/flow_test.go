package mime

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBrokenLinesAreWholeAgain: RFC 3676 §4.2 to §4.6, RFC 5545 §3.1.
func TestBrokenLinesAreWholeAgain(t *testing.T) {
	for _, tt := range []struct{ typ, in, want string }{
		{"text/plain; format=flowed", "a line \r\nthat goes on\r\nnext\r\n", "a line that goes on\nnext\n"},
		{"text/plain; format=Flowed; delsp=YES", "東京 \r\n都庁\r\n", "東京都庁\n"},
		{"text/plain; format=flowed; delsp=yes", "two  \r\nwords\r\n", "two words\n"},
		{"text/plain", "a line \r\nthat ends\r\n", "a line \r\nthat ends\r\n"},
		{"text/plain; format=flowed", ">> deep \r\n>> on\r\n> less \r\nnot \r\nquoted", ">> deep on\n> less \nnot quoted"},
		{"text/plain; format=flowed", "text \r\n-- \r\nsignature \r\ngoes\r\n", "text -- \nsignature goes\n"},
		{"text/plain; format=flowed", "text\r\n-- \r\nsignature\r\n", "text\n-- \nsignature\n"},
		{"text/plain; format=flowed", " >stuffed\r\n From here\r\n", ">stuffed\nFrom here\n"},
		{"text/plain; format=flowed", "ends with a space ", "ends with a space "},
		{"text/plain; format=flowed", "bare\rCR\n\n", "bare\rCR\n\n"},
		{"text/calendar", "SUMMARY:اجتما\xd8\r\n \xb9 مهم\r\nEND\r\n", "SUMMARY:اجتماع مهم\r\nEND\r\n"},
		{"text/vcard", "FN:a\n\tb\r\n\r\n c\r", "FN:ab\r\nc\r"},
		{"text/html; format=flowed", "a \r\nb", "a \r\nb"},
	} {
		raw := "Content-Type: " + tt.typ + "; charset=utf-8\r\n\r\n" + tt.in
		p := Scan([]byte(raw), DefaultLimits()).Root
		got, err := io.ReadAll(p.Text(iotest.OneByteReader(strings.NewReader(tt.in))))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s, %q: %q, %v, want %q", tt.typ, tt.in, got, err, tt.want)
		}
	}
}
