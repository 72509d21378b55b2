package intake

import (
	"strings"
	"testing"

	"barid/rfc/addr"
)

// TestForgedAuthenticationResults plants fields that claim to be ours (RFC 8601 §5, robustness row 31).
func TestForgedAuthenticationResults(t *testing.T) {
	alabel, err := addr.ParseDomain("بريد.example.test")
	if err != nil || !strings.HasPrefix(alabel, "xn--") {
		t.Fatal(alabel, err)
	}
	forged := []string{
		"Authentication-Results: mail.example.test; spf=pass\r\n",
		"AUTHENTICATION-RESULTS: MAIL.EXAMPLE.TEST; spf=pass\r\n",
		"authentication-results:mail.example.test;spf=pass\r\n",
		"Authentication-Results : mail.example.test; spf=pass\r\n",
		"Authentication-Results:\r\n mail.example.test; spf=pass\r\n",
		"Authentication-Results:\r\n\t\r\n\tmail.example.test\r\n ; spf=pass\r\n",
		"Authentication-Results: (a comment) mail.example.test (another); spf=pass\r\n",
		"Authentication-Results: (nested (com\\)ment); x) mail.example.test; spf=pass\r\n",
		"Authentication-Results: (folded\r\n comment) mail.example.test; spf=pass\r\n",
		"Authentication-Results: mail.example.test 1; spf=pass\r\n",
		"Authentication-Results: mail.example.test(v)1; spf=pass\r\n",
		"Authentication-Results: mail.example.test/1; spf=pass\r\n",
		"Authentication-Results: \"mail.example.test\"; spf=pass\r\n",
		"Authentication-Results: \"mail.\\example.test\" 1; spf=pass\r\n",
		"Authentication-Results: mail.example.test.; spf=pass\r\n",
		"Authentication-Results: mail.example.test\r\n",
		"Authentication-Results: mail . example\r\n . test; spf=pass\r\n",
		"Authentication-Results: mail.(x)example.test; spf=pass\r\n",
		"Authentication-Results: =?utf-8?q?mail=2Eexample=2Etest?=; spf=pass\r\n",
		"Authentication-Results: ｍａｉｌ.example.test; spf=pass\r\n",
		"Authentication-Results: (never closed mail.example.test; spf=pass\r\n",
		"Authentication-Results: mx2.example.test; spf=pass\r\n",
		"Authentication-Results: بريد.example.test; spf=pass\r\n",
		"Authentication-Results: " + alabel + "; spf=pass\r\n",
		"Authentication-Results: \u00a0mail.example.test; spf=pass\r\n",
		"Authentication-Results: \ufeffmail.example.test\u200b; spf=pass\r\n",
		"Authentication-Results: نامه\u200cرسان.example.test; spf=pass\r\n",
		"Authentication-Results\u00a0: mail.example.test; spf=pass\r\n",
		"\u200bAuthentication-Results: mail.example.test; spf=pass\r\n",
		"Received-SPF: pass (mail.example.test: ok) client-ip=192.0.2.1;\r\n",
		"Received-SPF: pass client-ip=192.0.2.1; receiver=MAIL.example.test;\r\n",
		"Return-Path: <forged@other.test>\r\n",
	}
	hidden := "Authentication-Results\r\n : mail.example.test; spf=pass\r\n" // no field, but close
	kept := []string{
		"Authentication-Results: mail.other.test; spf=pass\r\n",
		"Authentication-Results: notmail.example.test; spf=pass\r\n",
		"Authentication-Results: mail.example.test.evil.test; spf=pass\r\n",
		"Authentication-Results: example.test; spf=pass\r\n",
		"Authentication-Results: other.test (by mail.example.test); spf=pass\r\n",
		"Authentication-Results: other.test; spf=pass smtp.mailfrom=mail.example.test\r\n",
		"X-Authentication-Results: mail.example.test; spf=pass\r\n",
		"Received-SPF: pass (mx.other.test: ok) receiver=mx.other.test;\r\n",
		"Received-SPF: pass (x.mail.example.test: ok)\r\n",
		"Subject: Authentication-Results: mail.example.test; spf=pass\r\n",
		"X-Folded: x\r\n Authentication-Results: mail.example.test; spf=pass\r\n",
	}
	s := Settings{Names: []string{"MX2.example.test.", "بريد.example.test", "نامه\u200cرسان.example.test"}}
	for _, f := range forged {
		for _, text := range []string{f + plain, strings.Replace(plain, "Subject", f+"Subject", 1), strings.Replace(plain, "\r\n\r\n", "\r\n"+f+"\r\n", 1)} {
			w := newWorld(t, s)
			if _, err := w.send(stranger(), text, "one"); err != nil {
				t.Fatal(err)
			}
			if got := w.last().text; got != mxTrace+plain {
				t.Errorf("%q: stored\n%s", f, got)
			}
		}
	}
	w := newWorld(t, s)
	if _, err := w.send(stranger(), strings.Replace(plain, "Subject", hidden+"Subject", 1), "one"); err != nil {
		t.Fatal(err)
	}
	if got := w.last().text; got != mxTrace+plain {
		t.Errorf("%q: stored\n%s", hidden, got)
	}
	for _, f := range kept {
		w := newWorld(t, s)
		if _, err := w.send(stranger(), f+plain, "one"); err != nil {
			t.Fatal(err)
		}
		if got := w.last().text; got != mxTrace+f+plain {
			t.Errorf("%q: stored\n%s", f, got)
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("Authentication-Results: (x) mail.example.test; a\r\nBcc: x\r\n\r\nbody"))
	f.Add([]byte("Received: by mail.example.test\r\n by\r\n\r\n"))
	f.Add([]byte("A: \"(\\\r\n\r\n"))
	r := reader{names: []string{host}, maxFields: 1000, submitted: true}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, _ := endOfHeader(b, 0)
		if end < 0 {
			end = len(b)
		}
		var h head
		if err := r.read(&h, b[:end]); err != nil {
			return
		}
		// what is kept are pieces of the section, in order
		last, n := 0, 0
		for _, k := range h.kept {
			if k.lo < last || k.hi <= k.lo || k.hi > end {
				t.Fatalf("spans %v of %d bytes", h.kept, end)
			}
			last, n = k.hi, n+k.hi-k.lo
		}
		// and reading what is kept finds nothing more to remove
		var out []byte
		for _, k := range h.kept {
			out = append(out, b[k.lo:k.hi]...)
		}
		var again head
		if err := r.read(&again, out); err != nil || len(out) > 0 && (len(again.kept) != 1 || again.kept[0] != span{0, len(out)}) {
			t.Fatalf("%q again: %v, %v", out, again.kept, err)
		}
	})
}

func TestAuthservIDIsLinear(t *testing.T) {
	for _, piece := range []string{"(", "(x)", `"`, "\\", "by ", "mail.example.test", "=?", "mail."} {
		v := []byte("Authentication-Results: " + strings.Repeat(piece, 200_000))
		if claims(v, []string{host}) && piece != "mail.example.test" {
			t.Logf("%q is taken for ours", piece) // either answer is right; that it comes at once is the point
		}
		mentions(v, []string{host})
	}
}
