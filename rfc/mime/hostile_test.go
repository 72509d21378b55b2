package mime

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are messages made to be expensive (robustness rows 24 to 26; CVE-2020-12100, CVE-2024-23184,
// CVE-2024-23185, CVE-2026-27859, CVE-2026-26312).
func hostile() map[string]func() string {
	return map[string]func() string{
		"multipart 5000 deep": func() string {
			var b strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
			}
			return b.String() + "\r\ninnermost\r\n"
		},
		"rfc822 2000 deep": func() string {
			return strings.Repeat("Subject: x\r\nContent-Type: message/rfc822\r\n\r\n", 2000) + "text"
		},
		"100,000 parts": func() string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 100000) + "--b--\r\n"
		},
		"100,000 messages in a digest": func() string {
			return "Content-Type: multipart/digest; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nFrom: a@b\r\n\r\nx\r\n", 100000) + "--b--\r\n"
		},
		"20,000 parameters": func() string {
			var b strings.Builder
			b.WriteString("Content-Type: text/plain")
			for i := range 20000 {
				fmt.Fprintf(&b, ";\r\n name*%d*=%%D8%%B3", i)
			}
			return b.String() + "\r\n\r\nx"
		},
		"500,000 comments":             func() string { return "From: " + strings.Repeat("(c)", 500000) + "a@example.test\r\n\r\nx" },
		"500,000 open comments":        func() string { return "From: " + strings.Repeat("(", 500000) + "a@example.test\r\n\r\nx" },
		"100,000 address fields":       func() string { return strings.Repeat("To: a@example.test\r\n", 100000) + "\r\nx" },
		"a field of 500,000 addresses": func() string { return "To: " + strings.Repeat("a@b,", 500000) + "\r\n\r\nx" },
		"a line of 1 MB": func() string {
			return "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + strings.Repeat("y", 1<<20) + "\r\n"
		},
		"a line of 1 MB of dashes": func() string {
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("-", 1<<20) + "\r\n--b\r\n\r\nx"
		},
		"a field of 4 MB in 300,000 lines": func() string { return "Subject: x" + strings.Repeat("\r\n 0123456789", 300000) + "\r\n\r\nx" },
		"4 MB of NUL":                      func() string { return strings.Repeat("\x00", 4<<20) },
		"NUL in every place":               func() string { return "From\x00: a\x00@b\r\nContent-Type: text\x00/plain; a=\x00\r\n\r\n\x00" },
		"lines that look like boundaries": func() string {
			var b strings.Builder
			for i := range 60 {
				fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%060d\r\n\r\n--%060d\r\n", i, i)
			}
			return b.String() + "\r\n" + strings.Repeat(fmt.Sprintf("--%060d\r\n", 99), 100000)
		},
		"2,000 parts with an envelope of 20 KB": func() string {
			part := "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: " + strings.Repeat("s", 20000) + "\r\n\r\nx\r\n"
			return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, 2000)
		},
		"encoded words": func() string { return "Content-Type: a/b; name=\"" + strings.Repeat("=?u?q?", 100000) + "\"\r\n\r\n" },
	}
}

// TestHostileMessages wants an answer in time, in little memory, that is still a valid structure.
func TestHostileMessages(t *testing.T) {
	const maxHeap = 16 << 20 // bytes kept by a result, far below what was sent in sum
	worst := int64(0)
	small := map[string]bool{"500,000 open comments": true, "20,000 parameters": true, "NUL in every place": true, "4 MB of NUL": true, "lines that look like boundaries": true, "encoded words": true, "a line of 1 MB of dashes": true}
	for name, make := range hostile() {
		raw := make()
		before := heap()
		start := time.Now()
		s := NewScanner(DefaultLimits())
		for rest := raw; rest != ""; {
			n := min(len(rest), 64<<10)
			s.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		m := s.Finish()
		if d := time.Since(start); d > 20*time.Second { // it is some 10 ms
			t.Errorf("%s: took %v", name, d)
		}
		used := int64(heap()) - int64(before)
		worst = max(worst, used)
		if used > maxHeap {
			t.Errorf("%s: keeps %d KiB", name, used>>10)
		}
		if !m.Truncated && !small[name] {
			t.Errorf("%s: Truncated is not set", name)
		}
		if parts, _ := count(m.Root); parts > 2*DefaultLimits().Parts {
			t.Errorf("%s: %d parts", name, parts)
		}
		check(t, raw, m)
		runtime.KeepAlive(s)
		runtime.KeepAlive(raw)
	}
	t.Logf("the worst message keeps %d KiB", worst>>10)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestWhatIsLeftIsOneLeaf: behind the last part that is allowed the message is one part without a type.
func TestWhatIsLeftIsOneLeaf(t *testing.T) {
	raw := crlf("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 10) + "--b--\n")
	l := DefaultLimits()
	l.Parts = 4
	m := Scan([]byte(raw), l)
	if got, want := show(raw, m.Root), "MULTIPART/MIXED(TEXT/PLAIN[x] TEXT/PLAIN[x] APPLICATION/OCTET-STREAM["; !strings.HasPrefix(got, want) || !m.Truncated {
		t.Errorf("%s", got)
	}
	if last := m.Root.Children[2]; last.End != m.Size {
		t.Errorf("the last leaf ends at %d of %d", last.End, m.Size)
	}
	check(t, raw, m)
	l = DefaultLimits()
	l.Depth = 3
	raw = crlf("Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: deep\n\n--b--\n")
	m = Scan([]byte(raw), l)
	if got := show(raw, m.Root); got != "MESSAGE/RFC822(MULTIPART/MIXED(APPLICATION/OCTET-STREAM[Subject: deep|]))" || !m.Truncated {
		t.Errorf("%s", got)
	}
}
