package imap

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"barid/rfc/deflate"
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
	c.deflate()
}

// layer begins what a step of a dialog names; false if it is nothing.
func (c *client) layer(name string) bool {
	switch name {
	case "STARTTLS":
		c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
		c.br = bufio.NewReaderSize(c.conn, 64<<10)
	case "DEFLATE":
		c.deflate()
	default:
		return false
	}
	return true
}

// deflate compresses from now on, and takes what comes for compressed.
func (c *client) deflate() {
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
	for name, bomb := range map[string]struct{ first, again string }{
		"one line":               {"a ", strings.Repeat("(", 1<<20)},
		"a literal of a message": {fmt.Sprintf("a APPEND INBOX {%d+}\r\n", 1<<30), strings.Repeat("x", 1<<20)},
		"a literal of a search":  {fmt.Sprintf("a SEARCH TEXT {%d+}\r\n", 1<<30), strings.Repeat("x", 1<<20)},
		"commands":               {"", strings.Repeat("\r\n\r\n\r\n\r\n"+strings.Repeat("x", 1016)+"\r\n", 1<<10)},
	} {
		c := w.login()
		c.compress()
		octets := append(packed(t, bomb.first, 1), bytes.Repeat(packed(t, bomb.again, 1), 1<<10)...)
		must(t, c.conn.SetDeadline(time.Now().Add(time.Minute)))
		go func() { _, _ = c.conn.(*squeezed).Conn.Write(octets) }()
		for {
			if l, err := c.br.ReadString('\n'); err != nil {
				t.Errorf("%s: %v without goodbye", name, err)
				break
			} else if strings.HasPrefix(l, "* BYE ") {
				break
			}
		}
	}
	for _, first := range []string{"", "a NO", "a APPEND INBOX {1000+}\r\nSubject: x\r\n"} {
		c := w.login()
		c.compress()
		c.send(first)
		_, err := c.conn.(*squeezed).Conn.Write(bytes.Repeat([]byte{0xff}, 100))
		must(t, err)
		c.expect("* BYE compressed data are damaged")
		c.closed()
	}
	w.login().do("NOOP")
}

// TestIdleMemoryOfCompress: what a session keeps while it waits, after commands such as clients send, and at most.
func TestIdleMemoryOfCompress(t *testing.T) {
	for name, c := range map[string]struct {
		commands, answers int
		most              int64
	}{
		"a client that waits for mail": {10, 3 << 10, 6 << 10},
		"at most":                      {10_000, 1 << 20, 38 << 10},
	} {
		said := packed(t, "a UID FETCH 1:* (FLAGS)\r\n", c.commands)
		before := heap()
		const n = 100
		var kept []any
		for range n {
			in := inflater{Reader: deflate.NewReader(bufio.NewReader(bytes.NewReader(said))), left: inflateFree}
			if _, err := io.Copy(io.Discard, &in); err != io.ErrUnexpectedEOF && err != nil {
				t.Fatal(err)
			}
			in.Detach() // as a session that rests
			out := &deflater{w: io.Discard}
			_, _ = out.Write(make([]byte, c.answers))
			kept = append(kept, &in, out)
		}
		if each := (heap() - before) / n; each > c.most || each < 1<<10 {
			t.Errorf("%s: %d bytes for each, want at most %d", name, each, c.most)
		} else {
			t.Logf("%s: %d bytes", name, each)
		}
		runtime.KeepAlive(kept)
	}
}

func heap() int64 {
	for range 4 { // what pools hold goes with the second, what has a finalizer later
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// packed is a text n times, flushed each time.
func packed(t *testing.T, text string, n int) []byte {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, 6)
	must(t, err)
	for range n {
		_, err := io.WriteString(z, text)
		must(t, err)
		must(t, z.Flush())
	}
	return out.Bytes()
}

// TestBombsAreBoundedInWork: of a gigabyte in a megabyte no more is inflated than is free.
func TestBombsAreBoundedInWork(t *testing.T) {
	bomb := bytes.Repeat(packed(t, strings.Repeat("x", 1<<20), 1), 1<<10)
	in := inflate(bomb)
	n, err := in.WriteTo(io.Discard)
	if err != errBomb {
		t.Errorf("%v after %d bytes", err, n)
	}
	if most := int64(inflateFree + inflateRatio*len(bomb)/8); n > most || n < inflateFree {
		t.Errorf("%d bytes of %d came out, want at most %d", n, 1<<30, most)
	}
}

// TestCompressedMessagesThatRepeatThemselves may be as large as any, and as many as are free.
func TestCompressedMessagesThatRepeatThemselves(t *testing.T) {
	const size = 20 << 20
	w := newWorld(t, func(s *Settings) { s.MaxMessageBytes = size })
	c := w.login()
	c.compress()
	body := []byte("Subject: x\r\n\r\n" + strings.Repeat("AAAA", size/4-4))
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(c.conn, "a APPEND INBOX {%d+}\r\n%s\r\n", len(body), body); err != nil {
			t.Fatal(n, err)
		}
		l := c.line()
		for strings.HasSuffix(l, " EXISTS") || strings.HasSuffix(l, " RECENT") {
			l = c.line()
		}
		if strings.HasPrefix(l, "a OK ") && n <= 10 {
			continue
		}
		if n < inflateFree/size+1 || l != "* BYE compressed data hold too much" {
			t.Fatalf("message %d: %q", n, l)
		}
		break
	}
	if got := w.login().do("STATUS INBOX (MESSAGES)"); got[0] != "* STATUS INBOX (MESSAGES 3)" {
		t.Error(got)
	}
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

// inflate reads what a client said.
func inflate(said []byte) *bufio.Reader {
	return bufio.NewReader(&inflater{Reader: deflate.NewReader(bufio.NewReader(bytes.NewReader(said))), left: inflateFree})
}
