package pop3

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"barid/serve/listen"
)

// live is how much memory is in use when the rubbish is out.
func live() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestABigMaildropCostsLittleMemory logs in to many messages, fetches and deletes all of them, pipelined: what a session needs for each
// message are a few octets, whatever the client does.
func TestABigMaildropCostsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a big maildrop")
	}
	const n, perMessage = 30_000, 16
	b := newBed(t, testSettings(), "", listen.Plain)
	fill(b, n, 200)
	before := live()
	c := b.login()
	takeAll(t, c, n, "STAT", func(int) {})
	c.want("+OK 0 0")
	if cost := live() - before; cost > n*perMessage {
		t.Errorf("a session with %d messages holds %d octets, %d a message; %d are the limit", n, cost, cost/n, perMessage)
	}
	t.Logf("%d octets a message", (live()-before)/n)
	c.say("QUIT")
	c.want("+OK bye")
	if left := b.subjects("INBOX"); len(left) != 0 {
		t.Errorf("%d messages are left", len(left))
	}
}

// TestABigMessageIsStreamed fetches a message piece by piece and looks at the memory meanwhile.
func TestABigMessageIsStreamed(t *testing.T) {
	const size, limit = 48 << 20, 1 << 20
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("big", strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)))
	c := b.login()
	before := live()
	c.say("RETR 1", "QUIT")
	c.want("+OK ")
	buf, total, most, end := make([]byte, 64<<10), 0, int64(0), ""
	for next := 0; ; {
		k, err := c.r.Read(buf)
		if err == io.EOF {
			break
		}
		must(t, err)
		total += k
		end = (end + string(buf[:k]))[max(0, len(end)+k-20):]
		if total >= next {
			next += 8 << 20
			most = max(most, live()-before)
		}
	}
	if want := "\r\n.\r\n+OK bye\r\n"; total < size || !strings.HasSuffix(end, want) {
		t.Errorf("%d octets came, the last %q, want at least %d and %q", total, end, size, want)
	}
	if most > limit {
		t.Errorf("%d octets were held while a message of %d was sent; %d are the limit", most, size, limit)
	}
	t.Logf("%d octets were held at most", most)
}
