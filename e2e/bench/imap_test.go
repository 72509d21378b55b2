package bench

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
)

// imapServer is a server with a mailbox.
type imapServer struct {
	name  string
	start func(b *testing.B) (addr string, pid int)
}

var imapServers = []imapServer{{"barid", imapBarid}, {"dovecot", imapDovecot}}

// imapUser owns the mailbox of the benchmarks.
const imapUser = "info@" + server.Domain

func imapBarid(b *testing.B) (string, int) {
	s := server.Start(b, server.Options{
		Top:      "plain_login = true",
		Settings: "[log]\nlevel = \"warn\"\n[limits]\nconnections_per_network = 20000\nconnections = 20000\n",
	})
	return s.Addr["imap"], s.PID()
}

func imapDovecot(b *testing.B) (string, int) {
	d := peer.StartDovecot(b, peer.DovecotOptions{})
	return d.Addr, d.PID()
}

// imapDovecotSynced promises what barid does: a change is on disk before its OK.
func imapDovecotSynced(b *testing.B) (string, int) {
	d := peer.StartDovecot(b, peer.DovecotOptions{Synced: true})
	return d.Addr, d.PID()
}

// mailboxSize is how many messages the mailbox of the benchmarks has: BARID_BENCH_MESSAGES, or 10,000.
func mailboxSize() int {
	if n, err := strconv.Atoi(os.Getenv("BARID_BENCH_MESSAGES")); err == nil && n > 0 {
		return n
	}
	return 10_000
}

// imapOps are the commands that are timed, each on the whole mailbox.
var imapOps = []struct{ name, command string }{
	{"SELECT", "SELECT INBOX"},
	{"FETCH_FLAGS", "FETCH 1:* (FLAGS)"},
	{"FETCH_ENVELOPE", "FETCH 1:* (ENVELOPE)"},
	{"FETCH_headers", "FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"},
	{"FETCH_BODYSTRUCTURE", "FETCH 1:* (BODYSTRUCTURE)"},
	{"FETCH_BODY", "FETCH 1:* (BODY.PEEK[])"},
	{"SEARCH_SUBJECT", `SEARCH SUBJECT "number 77"`},
	{"SEARCH_FROM", `SEARCH FROM "sender77"`},
	{"SEARCH_BODY", `SEARCH BODY "w7777x"`},
	{"SEARCH_TEXT", `SEARCH TEXT "w7777x"`},
	{"SEARCH_UNSEEN", "SEARCH UNSEEN"},
	{"SORT", "SORT (SUBJECT) UTF-8 ALL"},
	{"SORT_DATE", "SORT (REVERSE DATE) UTF-8 ALL"},
	{"THREAD", "THREAD REFERENCES UTF-8 ALL"},
}

// BenchmarkIMAP is performance.md's "IMAP": one client, a warm mailbox, each command on all of it.
func BenchmarkIMAP(b *testing.B) {
	for _, s := range imapServers {
		b.Run(s.name, func(b *testing.B) { imapAll(b, s) })
	}
}

func imapAll(b *testing.B, s imapServer) {
	addr, pid := s.start(b)
	c := imapFilled(b, addr)
	for _, op := range imapOps {
		b.Run(op.name, func(b *testing.B) { imapTimed(b, pid, c, op.command) })
	}
	imapChanges(b, pid, c)
	b.Run("open_cold", func(b *testing.B) {
		before := CPU(pid)
		for b.Loop() {
			c := mustDial(b, addr)
			mustDo(b, c, "SELECT INBOX")
			c.Close()
		}
		cpu(b, pid, before)
	})
}

// imapFilled is a client that selected an INBOX with messages.
func imapFilled(b *testing.B, addr string) *IMAP {
	c := mustDial(b, addr)
	if err := c.Append("INBOX", mailboxSize(), 50, func(i int) []byte { return Letter(i, 6600) }); err != nil {
		b.Fatal(err)
	}
	mustDo(b, c, "SELECT INBOX")
	return c
}

// imapChanges are the commands that change messages.
func imapChanges(b *testing.B, pid int, c *IMAP) {
	b.Run("STORE_all", func(b *testing.B) {
		imapTimed(b, pid, c, `STORE 1:* +FLAGS.SILENT (\Flagged)`, `STORE 1:* -FLAGS.SILENT (\Flagged)`)
	})
	b.Run("STORE_one", func(b *testing.B) {
		imapTimed(b, pid, c, `STORE 77 +FLAGS.SILENT (\Seen)`, `STORE 77 -FLAGS.SILENT (\Seen)`)
	})
	mustDo(b, c, "CREATE there")
	mustDo(b, c, "CREATE back")
	b.Run("MOVE_all", func(b *testing.B) {
		imapTimed(b, pid, c, "SELECT INBOX", "MOVE 1:* there", "SELECT there", "MOVE 1:* INBOX", "SELECT INBOX")
	})
	b.Run("COPY_EXPUNGE_MOVE", func(b *testing.B) {
		imapTimed(b, pid, c, "SELECT INBOX", "COPY 1:* there", "SELECT there", "MOVE 1:* back", "SELECT back",
			`STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "SELECT INBOX")
	})
}

// BenchmarkIMAPSynced are the changes beside a Dovecot that has them on disk before it answers.
func BenchmarkIMAPSynced(b *testing.B) {
	for _, s := range []imapServer{{"barid", imapBarid}, {"dovecot", imapDovecotSynced}} {
		b.Run(s.name, func(b *testing.B) {
			addr, pid := s.start(b)
			c := imapFilled(b, addr)
			b.Run("STORE_each_pipelined", func(b *testing.B) { imapStoreEach(b, pid, c) })
			imapChanges(b, pid, c)
			b.Run("MULTIAPPEND", func(b *testing.B) { imapAppended(b, pid, c.MultiAppend) })
			b.Run("APPEND_pipelined", func(b *testing.B) { imapAppended(b, pid, c.Append) })
		})
	}
}

// imapAppended adds messages of 4 KiB in the way of add.
func imapAppended(b *testing.B, pid int, add func(mailbox string, n, window int, message func(i int) []byte) error) {
	before := CPU(pid)
	if err := add("INBOX", b.N, 100, func(i int) []byte { return Letter(i, 4096) }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
}

// imapStoreEach changes messages one by one, as clients do that bring changes made without a connection.
func imapStoreEach(b *testing.B, pid int, c *IMAP) {
	const together = 100
	before := CPU(pid)
	for i := 0; i < b.N; {
		var commands []string
		for ; i < b.N && len(commands) < together; i++ {
			n := mailboxSize()
			commands = append(commands, fmt.Sprintf("UID STORE %d %cFLAGS.SILENT (\\Answered)", 1+i%n, "+-"[i/n%2]))
		}
		if err := c.Pipeline(commands); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stores/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
}

// imapTimed runs commands, all of them in each round.
func imapTimed(b *testing.B, pid int, c *IMAP, commands ...string) {
	before := CPU(pid)
	var read int64
	for b.Loop() {
		for _, command := range commands {
			mustDo(b, c, command)
			read += c.Read
		}
	}
	cpu(b, pid, before)
	b.ReportMetric(float64(read)/1e6/b.Elapsed().Seconds(), "MB/s")
}

func cpu(b *testing.B, pid int, before time.Duration) {
	b.ReportMetric(float64((CPU(pid)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/op")
}

// BenchmarkIMAPAppend is the rate of synced APPENDs, each answered before the next.
func BenchmarkIMAPAppend(b *testing.B) {
	for _, clients := range []int{1, 4, 16} {
		for _, s := range imapServers {
			b.Run(fmt.Sprintf("%dclients/%s", clients, s.name), func(b *testing.B) { imapAppend(b, s, clients) })
		}
	}
}

func imapAppend(b *testing.B, s imapServer, clients int) {
	addr, pid := s.start(b)
	before := CPU(pid)
	b.ResetTimer()
	var wg sync.WaitGroup
	for k := range clients {
		wg.Go(func() {
			c, err := DialIMAP(addr, imapUser, server.Password)
			if err == nil {
				err = c.Append("INBOX", (b.N+k)/clients, 1, func(i int) []byte { return Letter(i, 4096) })
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric((CPU(pid)-before).Seconds()/float64(b.N)*1000, "cpu-s/1000")
}

// BenchmarkIMAPLogin is the rate of sessions that log in and out.
func BenchmarkIMAPLogin(b *testing.B) {
	for _, s := range imapServers {
		b.Run(s.name, func(b *testing.B) {
			addr, pid := s.start(b)
			mustDial(b, addr).Close()
			before := CPU(pid)
			b.SetParallelism(4)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c, err := DialIMAP(addr, imapUser, server.Password)
					if err == nil {
						err = c.Do("LOGOUT")
						c.Close()
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
			cpu(b, pid, before)
		})
	}
}

// TestIMAPLettersAreTaken shows that the client drives, and sees a refusal.
func TestIMAPLettersAreTaken(t *testing.T) {
	s := server.Start(t, server.Options{Top: "plain_login = true"})
	c, err := DialIMAP(s.Addr["imap"], imapUser, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Append("INBOX", 30, 7, func(i int) []byte { return Letter(i, 2000) }); err != nil {
		t.Fatal(err)
	}
	if err := c.Do("SELECT INBOX"); err != nil {
		t.Fatal(err)
	}
	if err := c.Do("FETCH 1:* (BODY.PEEK[])"); err != nil || c.Read < 30*2000 {
		t.Errorf("%d octets, %v", c.Read, err)
	}
	if c.Do("SELECT nothing") == nil {
		t.Error("a refusal is no error")
	}
}

func mustDial(b *testing.B, addr string) *IMAP {
	b.Helper()
	c, err := DialIMAP(addr, imapUser, server.Password)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

func mustDo(b *testing.B, c *IMAP, command string) {
	b.Helper()
	if err := c.Do(command); err != nil {
		b.Fatalf("%.60s: %v", command, err)
	}
}
