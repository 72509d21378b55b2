package hostile

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// TestLongLinesAreRefused is row 16: a command of 1 MB, an address of 20 kB, a line that never ends.
func TestLongLinesAreRefused(t *testing.T) {
	b := begin(t, server.Options{})
	for _, c := range []struct{ name, text, hear string }{
		{"an address of 20 kB", "MAIL FROM:<" + strings.Repeat("a", 20_000) + "@elsewhere.example>\r\nQUIT\r\n", "500 5.5.2 "},
		{"a local part of 200 octets", "MAIL FROM:<" + strings.Repeat("a", 200) + "@elsewhere.example>\r\nQUIT\r\n", "501 5.1.7 "},
		{"a domain of 300 octets", "MAIL FROM:<a@" + strings.Repeat("abcdefghi.", 30) + "example>\r\nQUIT\r\n", "501 5.1.7 "},
		{"a label of 64 octets", "MAIL FROM:<a@" + strings.Repeat("x", 64) + ".example>\r\nQUIT\r\n", "501 5.1.7 "},
		{"a route of 5,000 hosts", "MAIL FROM:<@" + strings.Repeat("a.example,@", 5000) + "b.example:a@elsewhere.example>\r\nQUIT\r\n", "500 5.5.2 "},
		{"a command of 1 MB", "NOOP " + strings.Repeat("x", 1<<20) + "\r\nQUIT\r\n", "500 5.5.2 "},
		{"1 MB without an end", strings.Repeat("x", 1<<20), "500 5.5.2 "},
		{"8 MB of bare LF", strings.Repeat("\n", 8<<20), "500 5.5.2 "},
		{"a verb of 100 kB", strings.Repeat("x", 100_000) + "\r\nQUIT\r\n", "500 5.5.2 "},
		{"AUTH of 1 MB", "AUTH PLAIN " + strings.Repeat("A", 1<<20) + "\r\nQUIT\r\n", "500 5.5.2 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			sent := make(chan error, 1)
			go func() { sent <- conn.Put(c.text) }()
			b.within(t, 5*time.Second, c.name, func() {
				said, ended := conn.Rest()
				if !ended || !strings.HasPrefix(said, c.hear) {
					t.Errorf("ended %v: %.200q, want %q", ended, said, c.hear)
				}
			})
			<-sent
		})
		b.alive(t)
	}
}

// TestSizeIsTheLimit is row 18.
func TestSizeIsTheLimit(t *testing.T) {
	const limit = 1 << 20
	b := begin(t, server.Options{Settings: fmt.Sprintf("[limits]\nmessage_bytes = %d\n", limit)})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	c := b.smtp(t, "127.0.2.2")
	if r, err := c.Ask("EHLO client.example.com"); err != nil || !r.Has(fmt.Sprintf("SIZE %d", limit)) {
		t.Errorf("EHLO says %q %v", r.Lines, err)
	}
	dialog(t, c, []step{
		{fmt.Sprintf("MAIL FROM:<%s> SIZE=%d", stranger, limit+1), "552 5.3.4 "},
		{"MAIL FROM:<" + stranger + "> SIZE=9223372036854775807", "552 5.3.4 "},
		{"MAIL FROM:<" + stranger + "> SIZE=9223372036854775808", "5"},
		{"MAIL FROM:<" + stranger + "> SIZE=99999999999999999999", "5"},
		{"MAIL FROM:<" + stranger + "> SIZE=1x", "501 5.5.4 "},
		{"RCPT TO:<" + info + ">", "503 5.5.1 "},
	})
	line := strings.Repeat("x", 78) + "\r\n"
	begun := []step{{"MAIL FROM:<" + stranger + "> SIZE=5", "250"}, {"RCPT TO:<" + info + ">", "250"}, {"DATA", "354"}}
	dialog(t, c, begun)
	dialog(t, c, []step{{"Subject: big\r\n\r\n" + strings.Repeat(line, limit/len(line)+1) + ".", "552 5.3.4 "}, {"NOOP", "250"}})
	dialog(t, c, begun)
	fits := "Subject: fits\r\n\r\n" + strings.Repeat(line, (limit-100)/len(line)) + "."
	dialog(t, c, []step{{fits, "250 2.0.0 "}})
	if n := messages(t, box, "INBOX") - before; n != 1 {
		t.Errorf("%d messages came, 1 fits", n)
	}
	endless := b.smtp(t, "127.0.2.2")
	dialog(t, endless, begun)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 200 { // 200 MB, if anybody reads them
			if endless.Put(strings.Repeat(line, 1<<20/len(line))) != nil {
				return
			}
		}
	}()
	b.within(t, 20*time.Second, "the end of an endless message", func() {
		if said, ended := endless.Rest(); !ended || !strings.HasPrefix(said, "552 5.3.4 ") {
			t.Errorf("an endless message: ended %v, %q", ended, said)
		}
	})
	<-sent
	b.alive(t)
}

// TestRecipientsAreCounted is row 19: a hundred work (RFC 5321 §4.5.3.1.8), the next gets 452, and 100,000 cost
// nothing.
func TestRecipientsAreCounted(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\nrecipients = 100\n"})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	c := b.smtp(t, "127.0.2.2")
	dialog(t, c, []step{{"MAIL FROM:<" + stranger + ">", "250"}})
	const all = 100_000
	sent := make(chan error, 1)
	go func() { sent <- c.Put(strings.Repeat("RCPT TO:<"+info+">\r\n", all)) }()
	count := map[string]int{}
	for range all {
		r, err := c.Reply()
		if err != nil {
			t.Fatalf("%v after %v", err, count)
		}
		count[r.String()[:min(9, len(r.String()))]]++
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if count["250 2.1.5"] != 100 || count["452 4.5.3"] != all-100 {
		t.Errorf("answers: %v", count)
	}
	dialog(t, c, []step{{"DATA", "354"}, {"Subject: to many\r\n\r\nx\r\n.", "250 2.0.0 "}})
	if n := messages(t, box, "INBOX") - before; n != 1 {
		t.Errorf("one account named a hundred times got %d messages", n)
	}
	b.alive(t)
}

// TestWhoErrsTooOftenIsSentAway is row 20: unknown commands, wrong recipients, wrong syntax.
func TestWhoErrsTooOftenIsSentAway(t *testing.T) {
	b := begin(t, server.Options{})
	for _, c := range []struct {
		name, before, line string
		most               int
	}{
		{"unknown commands", "", "XYZZY\r\n", 20},
		{"commands out of order", "", "DATA\r\n", 20},
		{"wrong syntax", "", "MAIL FROM:<<<>\r\n", 20},
		{"empty lines", "", "\r\n", 20},
		{"wrong recipients", "MAIL FROM:<>\r\n", "RCPT TO:<nobody@example.test>\r\n", 20},
		{"foreign recipients", "MAIL FROM:<>\r\n", "RCPT TO:<a@elsewhere.example>\r\n", 20},
		{"NOOP", "", "NOOP\r\n", 101},
		{"RSET", "", "RSET\r\n", 101},
		{"VRFY", "", "VRFY root\r\n", 101},
		{"EHLO", "", "EHLO x\r\n", 101},
		{"MAIL and RSET", "", "MAIL FROM:<>\r\nRSET\r\n", 203},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			sent := make(chan error, 1)
			go func() { sent <- conn.Put(c.before + strings.Repeat(c.line, 2000)) }()
			n, last := 0, wire.Reply{}
			for {
				r, err := conn.Reply()
				if err != nil {
					break
				}
				n, last = n+1, r
			}
			<-sent
			if last.Code != 421 || n > c.most+1 {
				t.Errorf("%d answers, the last is %q; 421 should come after %d", n, last, c.most)
			}
		})
	}
	b.alive(t)
}

// TestWhoNeverReadsIsLeft is row 21: pipelined commands and big responses that nobody reads.
func TestWhoNeverReadsIsLeft(t *testing.T) {
	b := begin(t, server.Options{})
	body := "Subject: big\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 50_000)
	c := b.smtp(t, "127.0.2.2")
	if r, err := c.Send(stranger, []string{info}, body); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	var idle []*wire.Conn
	for i := range 20 {
		box := b.imap(t, fmt.Sprintf("127.0.4.%d", i+1), info)
		do(t, box, "SELECT INBOX")
		if err := box.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = box.Conn.Conn.Write([]byte(strings.Repeat("x FETCH 1:* BODY.PEEK[]\r\n", 20_000))) // until nobody reads us
		idle = append(idle, box.Conn)
		noop := b.client(t, "smtp", fmt.Sprintf("127.0.4.%d", i+1))
		put(t, noop, "EHLO x\r\n"+strings.Repeat("NOOP\r\n", 20_000))
		idle = append(idle, noop)
		drop := b.pop3(t, fmt.Sprintf("127.0.4.%d", i+1), []string{info, demo, sales}[i%3])
		_, _ = drop.Conn.Write([]byte(strings.Repeat("RETR 1\r\n", 2000)))
		_ = drop.Reset() // one at a time has a maildrop
	}
	b.alive(t)
	if grown := b.memory(t) - b.calm; grown > 128<<20 {
		t.Errorf("20 clients that do not read cost %d MiB", grown>>20)
	}
	for _, c := range idle {
		_ = c.Reset()
	}
	b.alive(t)
}

// TestManyIdleAndSlowClientsLeaveRoom is row 22: 300 connections that say nothing and 200 that write an octet at a
// time, while a normal client is served.
func TestManyIdleAndSlowClientsLeaveRoom(t *testing.T) {
	b := begin(t, server.Options{})
	for net := 1; net <= 3; net++ {
		for range 100 {
			dialog(t, b.client(t, "smtp", fmt.Sprintf("127.0.10.%d", net)), []step{{"", "220"}})
		}
		c := b.client(t, "smtp", fmt.Sprintf("127.0.10.%d", net))
		dialog(t, c, []step{{"", "421 4.7.0 |" + closed}})
	}
	stop, slow := make(chan struct{}), sync.WaitGroup{}
	for i := range 200 {
		c := b.client(t, []string{"smtp", "imap", "pop3", "submission"}[i%4], fmt.Sprintf("127.0.11.%d", i/50+1))
		slow.Go(func() {
			text := strings.Repeat("NOOP this is a very slow line", 100)
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if c.Put(text[j%len(text):j%len(text)+1]) != nil {
					return
				}
			}
		})
	}
	var took []time.Duration
	for range 50 {
		start := time.Now()
		b.alive(t)
		took = append(took, time.Since(start))
	}
	close(stop)
	slow.Wait()
	slices.Sort(took)
	t.Logf("meanwhile a message of a normal client took %v (median), %v (longest)", took[len(took)/2], took[len(took)-1])
	box := b.imap(t, "127.0.2.1", demo)
	do(t, box, "SELECT INBOX")
}

// TestWhoSaysNothingIsTimedOut: a session that does not speak ends with 421 after the time that is set.
func TestWhoSaysNothingIsTimedOut(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\ncommand_timeout = \"5s\"\ndata_timeout = \"5s\"\ndata_total = \"8s\"\n"})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	begun := []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}, {"DATA", "354"}}
	t.Run("all at once", func(t *testing.T) {
		for _, c := range []struct {
			name  string
			begun []step
			drip  string // an octet that comes again and again, each in time
		}{
			{"between commands", nil, ""},
			{"in a command", nil, "N"},
			{"in a message", append(begun, step{"Subject: half", ""}), ""},
			{"a message that takes too long in all", begun, "x"},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				conn := b.smtp(t, "127.0.2.2")
				dialog(t, conn, c.begun)
				for end := time.Now().Add(time.Minute); c.drip != "" && conn.Put(c.drip) == nil && time.Now().Before(end); {
					time.Sleep(100 * time.Millisecond)
				}
				dialog(t, conn, []step{{"", "421 4.4.2 |" + closed}})
			})
		}
	})
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came", n-before)
	}
	b.alive(t)
}
