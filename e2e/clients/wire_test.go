package clients

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"barid/e2e/peer"
	"barid/e2e/server"
)

// wire stands between a client and the server, speaks TLS to both, and writes down what passes. It can be cut. It
// hides COMPRESS=DEFLATE, for a line that is compressed can not be held back; newPackedWire does not.
type wire struct {
	t        *testing.T
	server   *server.Server
	listener net.Listener
	protocol string // of the server: "imaps", "pop3s"
	Addr     string
	cert     []byte // what the client sees, DER

	mu    sync.Mutex
	log   bytes.Buffer
	conns map[net.Conn]bool
	n     int
	cut   func(line string) bool // of the client; nil: never

	packed bool // COMPRESS=DEFLATE is not hidden
}

// newWire listens with the server's own certificate.
func newWire(t *testing.T, s *server.Server, protocol string) *wire {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(s.Dir+"/cert.pem", s.Dir+"/key.pem")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, server: s, listener: l, protocol: protocol, Addr: l.Addr().String(), cert: cert.Certificate[0], conns: map[net.Conn]bool{}}
	done := make(chan struct{})
	go func() { defer close(done); w.accept() }()
	t.Cleanup(func() {
		_ = l.Close()
		w.cutAll()
		<-done
	})
	t.Cleanup(func() {
		if dir := os.Getenv("BARID_PICTURES"); dir != "" {
			peer.Write(t, dir+"/"+strings.ReplaceAll(t.Name(), "/", "_")+"."+protocol+".wire", w.said(), 0o600)
		}
		if t.Failed() {
			t.Logf("the end of what was said:\n%s", tail(w.said(), 12000))
		}
	})
	return w
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func (w *wire) accept() {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return // the test is over
		}
		far, err := tls.Dial("tcp", w.server.Addr[w.protocol], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			_ = near.Close() // the server is down: so is the wire
			continue
		}
		w.mu.Lock()
		w.n++
		n := w.n
		w.conns[near], w.conns[far] = true, true
		w.mu.Unlock()
		all.Go(func() { w.carry(n, "C", near, far) })
		all.Go(func() { w.carry(n, "S", far, near) })
	}
}

// carry copies line by line, long ones in pieces, until either side ends.
func (w *wire) carry(n int, side string, from, to net.Conn) {
	defer w.drop(from, to)
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if side == "S" && !w.packed && bytes.Contains(line, []byte("CAPABILITY")) {
			line = bytes.ReplaceAll(line, []byte(" COMPRESS=DEFLATE"), nil)
		}
		if len(line) > 0 {
			if !w.note(n, side, string(line)) {
				return
			}
			if _, err := to.Write(line); err != nil {
				return
			}
			if w.packed && begins[side].Match(line) {
				w.carryPacked(n, side, r, to)
				return
			}
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// note writes a line down; false cuts the connection before the line is passed on.
func (w *wire) note(n int, side, line string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.log, "%s%d: %s\n", side, n, strings.TrimRight(line, "\r\n"))
	if w.cut != nil && w.cut(side+": "+line) {
		fmt.Fprintf(&w.log, "-%d: cut\n", n)
		return false
	}
	return true
}

func (w *wire) drop(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		delete(w.conns, c)
		_ = c.Close() // it may have been closed by the other direction
	}
}

// cutAll ends every connection at once.
func (w *wire) cutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
}

// cutAt lets a rule decide at which line a connection breaks; nil ends that. A line begins with "C: " or "S: ".
func (w *wire) cutAt(rule func(line string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = rule
}

// said is all that has passed, a line as "C1: a SELECT INBOX".
func (w *wire) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// wantSaid wants lines that match, in any order.
func (w *wire) wantSaid(expressions ...string) {
	w.t.Helper()
	all := w.said()
	for _, e := range expressions {
		if !regexp.MustCompile("(?mi)" + e).MatchString(all) {
			w.t.Errorf("nothing that was said matches %s", e)
		}
	}
}

// untilIdle waits until an IMAP client idles in a mailbox, on the connection that selected it last, after it has said
// something. Thunderbird does not show what it hears of in answers to other commands.
func (w *wire) untilIdle(mailbox, after string) {
	w.t.Helper()
	said := regexp.MustCompile("(?mi)" + after)
	selects := regexp.MustCompile(`(?mi)^C(\d+): \S+ select "?` + regexp.QuoteMeta(mailbox) + `"?`)
	until(w.t, "IDLE in "+mailbox+" after "+after, func() bool {
		all := w.said()
		at, by := said.FindStringIndex(all), selects.FindAllStringSubmatch(all, -1)
		if at == nil || by == nil {
			return false
		}
		n := by[len(by)-1][1]
		lines := regexp.MustCompile(`(?m)^[CS]`+n+`: .*$`).FindAllString(all[at[0]:], -1)
		return len(lines) > 1 && strings.HasSuffix(lines[len(lines)-2], " IDLE") && lines[len(lines)-1] == "S"+n+": + idling"
	})
}

// refused matches an answer that says that the client, or the server, does not know the protocol.
var refused = regexp.MustCompile(`(?m)^S\d+: (\S+ BAD |-ERR ).*$`)

// wantNoneRefused wants that every command was understood.
func (w *wire) wantNoneRefused() {
	w.t.Helper()
	if bad := refused.FindAllString(w.said(), -1); len(bad) > 0 {
		w.t.Errorf("refused: %q", bad)
	}
}
