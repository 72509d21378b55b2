package imap

import (
	"strings"
	"testing"
	"time"
)

// TestBaseSubject is RFC 5256 §2.1.
func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		subject, base string
		reply         bool
	}{
		{"", "", false},
		{"report", "report", false},
		{"Re: report", "report", true},
		{"RE : report (fwd) (FWD)  ", "report", true},
		{"report (fwd)", "report", true},
		{"Fw: Fwd:re:[list]  report", "report", true},
		{"[list] Re: [other] report", "report", true},
		{"[list] report", "report", false},
		{"[list]", "[list]", false},
		{"Re[2]: report", "report", true},
		{"re [7] : report", "report", true},
		{"[fwd: report]", "report", true},
		{"Re: [Fwd: Re: report (fwd)] (fwd)", "report", true},
		{"[fwd: report", "[fwd: report", false},
		{"a \t b\r\n c", "a b c", false},
		{"regarding: x", "regarding: x", false},
		{"Re: ", "", true},
		{"[a[b]] x", "[a[b]] x", false},
		{"Re: گزارش ماهانه", "گزارش ماهانه", true},
		{"hello\u00a0there", "hello there", false},
		{"Re\u00a0: hello \u00a0there\u3000", "hello there", true},
		{"\u2003[list]\u202fre: a\u200cb\xff\xa0", "a\u200cb\xff\xa0", true},
	} {
		if base, reply := BaseSubject(c.subject); base != c.base || reply != c.reply {
			t.Errorf("%q: %q %v, want %q %v", c.subject, base, reply, c.base, c.reply)
		}
	}
}

func TestBaseSubjectIsBounded(t *testing.T) {
	began := time.Now()
	for range 100 {
		for _, s := range []string{"[a]", "(fwd)", "re:", "[fwd:", "re[", " \t", "[re:]"} {
			BaseSubject(strings.Repeat(s, 100000))
		}
		BaseSubject(strings.Repeat("[fwd:", 10000) + strings.Repeat("]", 10000))
	}
	if took := time.Since(began); took > 20*time.Second { // it is well below a second
		t.Errorf("took %v", took)
	}
}

func FuzzBaseSubject(f *testing.F) {
	for _, s := range []string{"Re: a", "[fwd: a]", "[x] re[y]: z (fwd)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, _ := BaseSubject(s)
		if again, _ := BaseSubject(base); len(s) < MaxSubject && again != base {
			t.Fatalf("%q: %q, then %q", s, base, again)
		}
	})
}
