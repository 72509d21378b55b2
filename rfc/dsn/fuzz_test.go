package dsn

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"barid/rfc/mime"
)

// FuzzParse wants: no panic, limits kept, harmless texts, and fields that agree.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/bounces/*.eml.txt")
	for _, name := range files {
		b, _ := os.ReadFile(name)
		f.Add(b)
	}
	f.Add([]byte("Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;\nAction: x\n\n\n\nStatus: 5"))
	f.Add([]byte("X-Failed-Recipients: @,a@b.c,<a@\n\n  a@b.example\n\n\n<"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok, err := Parse(bytes.NewReader(b), mime.Scan(b, mime.DefaultLimits()))
		if err != nil {
			t.Fatal(err)
		}
		if !ok && len(got.Recipients) > 0 {
			t.Error("recipients of what is no report")
		}
		if len(got.Recipients) > MaxRecipients || len(got.Returned.Header) > MaxOriginal {
			t.Errorf("%d recipients", len(got.Recipients))
		}
		for _, r := range got.Recipients {
			if r.Action == 0 || r.Status.Unknown() || len(r.Diagnostic) > MaxDiagnostic || !utf8.ValidString(r.Diagnostic) || strings.ContainsFunc(r.Diagnostic, harmful) {
				t.Errorf("%+v", r)
			}
			if (r.Class() == 0) != (r.Action >= Delivered) {
				t.Errorf("%v is %v", r.Action, r.Class())
			}
		}
	})
}

// FuzzCompose wants whatever stands in a report to stay in its place.
func FuzzCompose(f *testing.F) {
	f.Add("550 5.1.1 no such user", "info@example.org", "offer", true)
	f.Add("550 \r\n--=_x\r\n\xff", "فروش@example.org", "\r\nX: y", false)
	f.Fuzz(func(t *testing.T, words, to, subject string, utf8 bool) {
		m := sample()
		m.UTF8, m.Subject = utf8, subject
		r := &m.Report.Recipients[0]
		r.Diagnostic, r.Final, r.Original = words, Address{TypeRFC822, to}, ParseAddress(to)
		_, _, s := write(t, m)
		if len(s.Root.Children) != 3 {
			t.Errorf("%d parts", len(s.Root.Children))
		}
	})
}

// TestHostileReportsAreLinear gives reports that are made to take long.
func TestHostileReportsAreLinear(t *testing.T) {
	for name, part := range map[string]string{
		"addresses":  "a@b.example\r\n",
		"openings":   "<",
		"one word":   "a@",
		"fields":     "Final-Recipient: rfc822;a@b.example\r\n",
		"blanks":     "\r\n",
		"codes":      "550 5.1.1 <a@b.example> ",
		"escapes":    `\x{`,
		"headers":    "Received: x\r\n y\r\n",
		"tags":       "<style>",
		"known":      "<a@b.example>: user unknown\r\n",
		"diagnostic": "Final-Recipient: rfc822;a@b.example\r\nDiagnostic-Code: smtp; 550 " + strings.Repeat("x", 400) + "\r\n",
	} {
		for _, kind := range []string{"text/plain", "text/html", "message/delivery-status", "text/rfc822-headers"} {
			b := []byte("From: mailer-daemon@example.org\r\nX-Failed-Recipients: info@example.org\r\nContent-Type: " + kind + "\r\n\r\nThis is the mail system at host x\r\n" +
				strings.Repeat(part, (2<<20)/len(part)))
			m := mime.Scan(b, mime.DefaultLimits())
			begun := time.Now()
			if _, _, err := Parse(bytes.NewReader(b), m); err != nil {
				t.Error(err)
			}
			if d := time.Since(begun); d > 20*time.Second { // it is some 10 ms
				t.Errorf("%s in %s took %v", name, kind, d)
			}
		}
	}
}
