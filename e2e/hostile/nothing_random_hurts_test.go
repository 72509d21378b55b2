package hostile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// words are what random sessions are made of.
var words = map[string][]string{
	"smtp": {
		"EHLO x\r\n", "HELO x\r\n", "MAIL FROM:<a@elsewhere.example>\r\n", "MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\n", "RCPT TO:<info@example.test>\r\n",
		"RCPT TO:<nobody@example.test>\r\n", "DATA\r\n", ".\r\n", "\r\n.\r\n", "BDAT 5\r\nab\r\nc", "BDAT 0 LAST\r\n", "BDAT 99999 LAST\r\n", "RSET\r\n",
		"NOOP\r\n", "VRFY x\r\n", "HELP\r\n", "AUTH PLAIN AAAA\r\n", "AUTH LOGIN\r\n", "*\r\n", "Subject: x\r\n", "text\r\n", "\n", "\r", "\x00", "\xff", " ", ":", "<", ">", "\r\n",
	},
	"imap": {
		"a ", "b ", "NOOP\r\n", "CAPABILITY\r\n", "SELECT INBOX\r\n", "LOGIN x y\r\n", "AUTHENTICATE PLAIN\r\n", "AAAA\r\n", "{5}\r\n", "{5+}\r\n", "hello",
		"FETCH 1:* ", "BODY[]\r\n", "(", ")", "\"", "\\", "[", "]", "<0.5>", "STORE 1 ", "+FLAGS ", "(\\Seen)\r\n", "UID ", "SEARCH ", "OR ", "NOT ", "TEXT x", "IDLE\r\n",
		"DONE\r\n", "APPEND INBOX ", "*", "%", "\r\n", "\n", "\r", "\x00", "\xff", "4294967295", "0", ",", ":",
	},
	"pop3": {
		"USER info@example.test\r\n", "PASS x\r\n", "STAT\r\n", "LIST\r\n", "RETR 1\r\n", "DELE 1\r\n", "TOP 1 1\r\n", "UIDL\r\n", "NOOP\r\n", "RSET\r\n", "CAPA\r\n", "AUTH PLAIN\r\n",
		"AAAA\r\n", "*\r\n", "UTF8\r\n", "0", "99999999999", " ", "\r\n", "\n", "\r", "\x00", "\xff",
	},
}

// TestNothingRandomHurts plays random sessions, some of them logged in, and wants the server to be there
// afterwards, with every message whole. BARID_SEEDS says how many; BARID_SEED where they begin.
func TestNothingRandomHurts(t *testing.T) {
	b := begin(t, server.Options{})
	sessions, seed := 300, rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil && n > sessions {
		sessions = n
	}
	if n, err := strconv.ParseUint(os.Getenv("BARID_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("BARID_SEED=%d", seed)
	for i := range sessions {
		b.playRandom(t, seed+uint64(i))
		if t.Failed() {
			t.Fatalf("with BARID_SEED=%d", seed+uint64(i))
		}
		if i%100 == 99 {
			b.alive(t)
		}
	}
	if strings.Contains(b.Log(), "panicked") {
		t.Errorf("a session panicked:\n%s", b.Log())
	}
	b.settled(t)
	b.Stop()
	var report struct{ Problems int }
	b.JSON(&report, "store", "verify")
	if report.Problems != 0 {
		t.Errorf("store verify found %d problems", report.Problems)
	}
}

// playRandom is one session. Its answers are anything; it must end when the client has said that it is through.
func (b *bed) playRandom(t *testing.T, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	from := fmt.Sprintf("127.0.13.%d", rng.IntN(200)+1)
	protocol := []string{"smtp", "lmtp", "imap", "pop3"}[rng.IntN(4)]
	var c *wire.Conn
	switch {
	case protocol == "imap" && rng.IntN(2) == 0:
		c = b.imap(t, from, info).Conn
	case protocol == "pop3" && rng.IntN(2) == 0:
		c = b.pop3(t, from, sales)
	case protocol == "smtp" && rng.IntN(3) == 0:
		c = b.submission(t, "submissions", from)
	default:
		c = b.client(t, protocol, from)
	}
	list := words[strings.Replace(protocol, "lmtp", "smtp", 1)]
	var text strings.Builder
	for range 5 + rng.IntN(120) {
		w := list[rng.IntN(len(list))]
		if protocol == "lmtp" {
			w = strings.Replace(w, "EHLO", "LHLO", 1)
		}
		text.WriteString(strings.Repeat(w, 1+rng.IntN(3)/2))
	}
	sent := make(chan error, 1)
	go func() {
		err := c.Put(text.String())
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	if said, ended := c.Rest(); !ended {
		t.Errorf("%s: the session did not end with its client; it said %.500q to\n%q", protocol, said, text.String())
	}
	<-sent // it may have been closed on
	_ = c.Close()
}
