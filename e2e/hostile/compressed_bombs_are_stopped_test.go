package hostile

import (
	"bytes"
	"compress/flate"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
)

// Of a bomb: a gigabyte in a megabyte.
const (
	bombBytes = 1 << 30
	pieceSize = 1 << 20
	maxWork   = 8 * time.Second // of the server's processors for one bomb; sent in the clear it would not be less
)

// TestCompressedBombsAreStopped: what COMPRESS (RFC 4978) makes large meets the same limits as what is large, and a limit
// of its own where nothing else bounds it. The connection ends, everybody else goes on.
func TestCompressedBombsAreStopped(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\nmessage_bytes = 1048576\n"})
	letter := func(tag string) string {
		return fmt.Sprintf("%s APPEND INBOX {%d+}\r\n%s\r\n", tag, pieceSize, strings.Repeat("x", pieceSize))
	}
	for name, bomb := range map[string]struct{ first, again string }{
		"a command without an end":       {"a ", strings.Repeat("(", pieceSize)},
		"a literal of a gigabyte":        {fmt.Sprintf("a SEARCH TEXT {%d+}\r\n", bombBytes), strings.Repeat("x", pieceSize)},
		"a message of a gigabyte":        {fmt.Sprintf("a APPEND INBOX {%d+}\r\n", bombBytes), strings.Repeat("x", pieceSize)},
		"a gigabyte of messages":         {"", letter("a")},
		"a gigabyte of messages refused": {"", strings.Replace(letter("a"), "INBOX", "Nowhere", 1)},
		"a gigabyte of empty lines":      {"", strings.Repeat("\r\n", pieceSize/2)},
		"a gigabyte that is idle":        {"a IDLE\r\n", strings.Repeat("x", pieceSize)},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.imap(t, "127.0.2.2", info)
			do(t, c, "COMPRESS DEFLATE")
			octets := squeeze(t, bomb.first) + strings.Repeat(squeeze(t, bomb.again), bombBytes/pieceSize)
			before, began := work(t, b), time.Now()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_ = c.Put(octets) // the server hangs up in the middle
			}()
			if _, gone := c.Rest(); !gone {
				t.Errorf("the session goes on after %v", time.Since(began))
				_ = c.Close()
			}
			<-sent
			if did := work(t, b) - before; did > maxWork {
				t.Errorf("that took %v of the processors", did)
			}
			b.alive(t)
		})
	}
	if n := messages(t, b.imap(t, "127.0.2.3", info), "INBOX"); n > 200 {
		t.Errorf("%d messages of 1 MiB were stored from 1 MiB of the network", n)
	}
}

// squeeze compresses s so that it can be repeated.
func squeeze(t *testing.T, s string) string {
	t.Helper()
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// work is the time that processors have spent on the server.
func work(t *testing.T, b *bed) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:13] { // user and system, proc(5)
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}
