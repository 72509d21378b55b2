package imap

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
)

// squeezed is a connection that compresses as a client does.
type squeezed struct {
	net.Conn
	w *flate.Writer
}

func (s *squeezed) Write(p []byte) (int, error) {
	if _, err := s.w.Write(p); err != nil {
		return 0, err
	}
	return len(p), s.w.Flush()
}

// compress switches COMPRESS on.
func (c *client) compress() {
	c.t.Helper()
	if got := c.do("COMPRESS DEFLATE"); got[0] != "OK DEFLATE is active" {
		c.t.Fatal(got)
	}
	w, err := flate.NewWriter(c.conn, flate.BestCompression)
	must(c.t, err)
	c.br = bufio.NewReaderSize(flate.NewReader(c.br), 64<<10)
	c.conn = &squeezed{c.conn, w}
}

// TestCompress is RFC 4978 §3 with its example.
func TestCompress(t *testing.T) {
	w := newWorld(t, nil)
	body := "Subject: x\r\n\r\n" + strings.Repeat("A line of text as it stands in mail.\r\n", 10000)
	w.deliver("INBOX", []byte(body))
	c := w.login()
	if got := c.try("COMPRESS FOO"); got[0] != "BAD no such compression" {
		t.Error(got)
	}
	if got := c.do("CAPABILITY"); !strings.Contains(got[0], " COMPRESS=DEFLATE") {
		t.Error(got)
	}
	c.compress()
	if got := c.do("CAPABILITY"); strings.Contains(got[0], "COMPRESS") || strings.Contains(got[0], "UNAUTHENTICATE") {
		t.Error(got)
	}
	wantLines(t, c.try("COMPRESS DEFLATE"), "NO [COMPRESSIONACTIVE] DEFLATE is active already")
	wantLines(t, c.try("UNAUTHENTICATE"), "BAD not after COMPRESS")
	c.do("SELECT INBOX")
	got := strings.Join(c.do("FETCH 1 BODY.PEEK[]"), "\r\n")
	if !strings.Contains(got, body) {
		t.Error("the body differs")
	}
	c.send(fmt.Sprintf("a APPEND INBOX {%d}\r\n", len(body)))
	c.expect("+ go ahead")
	c.send(body + "\r\n")
	c.expect("* 2 EXISTS")
	c.expect("* 2 RECENT")
	c.expect("a OK [APPENDUID ... 2] ...")
	c.send("b IDLE\r\n")
	c.expect("+ idling")
	w.deliver("INBOX", []byte("Subject: news\r\n\r\n"))
	c.expect("* 3 EXISTS")
	c.expect("* 3 RECENT")
	c.send("DONE\r\n")
	c.expect("b OK IDLE completed")
	c.do("LOGOUT")
}

// TestDeflaterSaysTheSame: whatever the writes, what comes out is what went in.
func TestDeflaterSaysTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var wire, want bytes.Buffer
	d := &deflater{w: &wire}
	for range 300 {
		p := make([]byte, rnd.IntN(1<<rnd.IntN(18)))
		if rnd.IntN(3) > 0 { // mostly text
			for i := range p {
				p[i] = "* FETCH (FLAGS \\Seen) 0123456789\r\n"[(i*7+rnd.IntN(3))%34]
			}
		} else {
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
		}
		want.Write(p)
		if n, err := d.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	got, err := io.ReadAll(flate.NewReader(&wire))
	if err != io.ErrUnexpectedEOF || !bytes.Equal(got, want.Bytes()) { // the stream has no end of its own
		t.Fatalf("%d bytes, want %d: %v", len(got), want.Len(), err)
	}
}

// TestCompressBombs: little that becomes much ends the session, in bounded memory, and damage does.
func TestCompressBombs(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxBad = 1 << 30 })
	for name, bomb := range map[string]func(io.Writer){
		"one line": func(z io.Writer) {
			_, _ = z.Write([]byte("a "))
			for range 1 << 10 {
				if _, err := z.Write(bytes.Repeat([]byte{'('}, 1<<20)); err != nil {
					return
				}
			}
		},
		"commands": func(z io.Writer) {
			for range 1 << 10 {
				if _, err := z.Write(bytes.Repeat([]byte("\r\n\r\n\r\n\r\n"+strings.Repeat("x", 1016)+"\r\n"), 1<<10)); err != nil {
					return
				}
			}
		},
	} {
		c := w.login()
		c.compress()
		go func() { bomb(c.conn.(*squeezed).w); _ = c.conn.(*squeezed).w.Flush() }()
		for {
			if l, err := c.br.ReadString('\n'); err != nil {
				t.Errorf("%s: %v without goodbye", name, err)
				break
			} else if strings.HasPrefix(l, "* BYE ") {
				break
			}
		}
	}
	c := w.login()
	c.compress()
	raw := c.conn.(*squeezed).Conn
	_, err := raw.Write(bytes.Repeat([]byte{0xff}, 100))
	must(t, err)
	c.expect("* BYE compressed data are damaged")
	c.closed()
	w.login().do("NOOP")
}

// TestIdleMemoryOfCompress: what a session keeps while it waits.
func TestIdleMemoryOfCompress(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	const n = 100
	var kept []*bufio.Reader
	var ws []*deflater
	for range n {
		r, w := io.Pipe()
		kept = append(kept, inflate(bufio.NewReaderSize(r, readBytes), 0))
		d := &deflater{w: io.Discard}
		_, _ = d.Write(make([]byte, 100<<10))
		ws = append(ws, d)
		_ = w
	}
	each := (heap() - before) / n
	if each > 64<<10 {
		t.Errorf("%d bytes for each", each)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(ws)
}

// TestCompressPartialFlush: some clients (mbsync) end a command with zlib's Z_PARTIAL_FLUSH, which is not aligned to
// an octet and has no empty stored block. What was sent must be obeyed all the same.
func TestCompressPartialFlush(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	plain := c.conn
	c.compress()
	for _, part := range []struct{ octets, answer string }{
		{"\x4a\x54\xf0\xf3\xf7\x0f\xe0\xe5\x02\x08", "a OK ..."}, // a NOOP
		{"\xa0\x24\x28\x0d\x10", "b OK ..."},                     // b NOOP
	} {
		if _, err := plain.Write([]byte(part.octets)); err != nil {
			t.Fatal(err)
		}
		c.expect(part.answer)
	}
}
