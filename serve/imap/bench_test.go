package imap

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/mime"
	"barid/store/embedded"
)

const benchMessages = 10000

// benchWorld is a mailbox of 10,000 messages, 66 MB.
func benchWorld(b *testing.B) *world {
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	must(b, err)
	w := newWorldOn(b, store, slog.LevelWarn, func(s *Settings) { s.MaxBad = 1 << 30 })
	ctx := context.Background()
	body := bytes.Repeat([]byte("A line of text as it stands in mail, seventy or so characters long.\r\n"), 88)
	for n := 0; n < benchMessages; n += 500 {
		var ms []mailbox.AppendMessage
		var open []io.Closer
		for i := n; i < n+500; i++ {
			raw := append(fmt.Appendf(nil, "Return-Path: <sender%d@example.test>\r\nReceived: from mx.example.test by mail.example.test; Wed, 17 Jul 2024 02:23:25 +0000\r\n"+
				"Date: Wed, 17 Jul 2024 02:23:25 +0000\r\nFrom: Sender %d <sender%d@example.test>\r\nTo: Info <info@example.test>\r\nSubject: Message number %d about things\r\n"+
				"Message-ID: <m%d@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", i%100, i%100, i%100, i, i), body...)
			bw, err := w.store.Create(ctx)
			must(b, err)
			_, err = bw.Write(raw)
			must(b, err)
			blob, err := bw.Commit(nil, nil)
			must(b, err)
			open = append(open, bw)
			ms = append(ms, mailbox.AppendMessage{Message: mailbox.Message{Blob: blob, Size: int64(len(raw)), Parsed: mime.Scan(raw, mime.DefaultLimits()), Received: time.Unix(1721183005, 0)}})
		}
		_, err := w.acct.Append(ctx, "INBOX", ms)
		must(b, err)
		for _, c := range open {
			_ = c.Close()
		}
	}
	return w
}

// drain reads to the tagged response without looking closer; it gives the bytes read.
func (c *client) drain(cmd string) (bytes int64) {
	c.send("z " + cmd + "\r\n")
	_ = c.conn.SetDeadline(time.Time{})
	for {
		line, err := c.br.ReadSlice('\n')
		if err != nil {
			c.t.Fatalf("%v, %.200q", err, line)
		}
		bytes += int64(len(line))
		if len(line) > 2 && line[0] == 'z' && line[1] == ' ' {
			if line[2] != 'O' {
				c.t.Fatalf("%.200q", line)
			}
			return bytes
		}
		if at := strings.LastIndexByte(string(line[max(0, len(line)-14):]), '{'); at >= 0 {
			tail := string(line[max(0, len(line)-14):])
			n, _ := strconv.Atoi(strings.TrimRight(tail[at+1:], "}\r\n"))
			d, err := c.br.Discard(n)
			must(c.t, err)
			bytes += int64(d)
		}
	}
}

func BenchmarkSession(b *testing.B) {
	w := benchWorld(b)
	c := w.login()
	c.drain("SELECT INBOX")
	for _, cmd := range []struct{ name, cmd string }{
		{"NOOP", "NOOP"},
		{"SELECT", "SELECT INBOX"},
		{"STATUS", "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"},
		{"FLAGS", "FETCH 1:* (FLAGS)"},
		{"UIDFLAGS", "UID FETCH 1:* (FLAGS)"},
		{"ENVELOPE", "FETCH 1:* (ENVELOPE)"},
		{"Thunderbird", "UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"},
		{"BODYSTRUCTURE", "FETCH 1:* (BODYSTRUCTURE)"},
		{"BODY", "FETCH 1:* (BODY.PEEK[])"},
		{"SearchSubject", `SEARCH SUBJECT "number 77"`},
		{"SearchFrom", `SEARCH FROM "sender77@"`},
		{"SearchFlags", `SEARCH UNSEEN UNDELETED`},
		{"SortDate", `SORT (DATE) UTF-8 ALL`},
		{"SortSubject", `SORT (SUBJECT) UTF-8 ALL`},
		{"SortFromDate", `SORT (DISPLAYFROM REVERSE DATE) UTF-8 ALL`},
		{"ThreadReferences", `THREAD REFERENCES UTF-8 ALL`},
		{"SearchText", `SEARCH TEXT "not there at all"`},
	} {
		b.Run(cmd.name, func(b *testing.B) {
			c.t = b
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(c.drain(cmd.cmd))
			}
		})
	}
	b.Run("StoreAll", func(b *testing.B) {
		c.t = b
		b.ReportAllocs()
		for b.Loop() {
			c.drain(`STORE 1:* +FLAGS (\Flagged)`)
			c.drain(`STORE 1:* -FLAGS (\Flagged)`)
		}
	})
	b.Run("StoreAllSilent", func(b *testing.B) {
		c.t = b
		for b.Loop() {
			c.drain(`STORE 1:* +FLAGS.SILENT (\Flagged)`)
			c.drain(`STORE 1:* -FLAGS.SILENT (\Flagged)`)
		}
	})
	b.Run("StoreOne", func(b *testing.B) {
		c.t = b
		for i := 0; b.Loop(); i++ {
			c.drain(fmt.Sprintf(`STORE %d %cFLAGS (\Flagged)`, i/2%benchMessages+1, "+-"[i%2]))
		}
	})
	b.Run("Append4K", func(b *testing.B) {
		c.t = b
		msg := "APPEND Archive {4096+}\r\n" + strings.Repeat("Subject: x\r\n", 10) + "\r\n" + strings.Repeat("0123456789abcd\r\n", 260)
		msg = msg[:len("APPEND Archive {4096+}\r\n")+4096]
		b.ReportAllocs()
		for b.Loop() {
			c.drain(msg)
		}
	})
	b.Run("CopyExpungeMove", func(b *testing.B) {
		c.t = b
		for b.Loop() {
			c.drain("COPY 1:* Junk")
			c.drain("MOVE 1:* Trash")
			c.drain("SELECT Trash")
			c.drain("MOVE 1:* INBOX")
			c.drain("SELECT Junk")
			c.drain(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
			c.drain("EXPUNGE")
			c.drain("SELECT INBOX")
		}
	})
}

func BenchmarkLogin(b *testing.B) {
	w := newWorld(b, nil)
	for b.Loop() {
		c := w.login()
		_ = c.conn.Close()
	}
}

// BenchmarkIdle reports what a session that idles in INBOX costs, both ends and the kernel's sockets aside:
// heap and stacks of server and test client together. It also times the news to reach all of them.
func BenchmarkIdle(b *testing.B) {
	const sessions = 150 // below listen's limit for one network
	w := newWorld(b, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	clients := make([]*client, sessions)
	for i := range clients {
		c := w.login()
		c.br = bufio.NewReaderSize(c.conn, 16)
		c.do("SELECT INBOX")
		c.send("i IDLE\r\n")
		c.expect("+ idling")
		clients[i] = c
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse
	for b.Loop() {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
		for _, c := range clients {
			c.expect("* ... EXISTS")
			c.expect("* ... RECENT")
		}
	}
	b.ReportMetric(float64(used)/sessions, "B/session")
}
