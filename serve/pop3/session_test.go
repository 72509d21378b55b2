package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/locales"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/sasl"
	"barid/rfc/status"
	"barid/serve/listen"
	"barid/store/embedded"
)

// strictSettings take no password in clear.
func strictSettings() Settings {
	set := testSettings()
	set.AllowPlain = false
	return set
}

func TestPasswordsAreTakenInsideTLSOnly(t *testing.T) {
	b := newBed(t, strictSettings(), "", listen.StartTLS)
	c := b.dial()
	c.want("+OK")
	for _, line := range []string{"USER demo@barid.test", "PASS x", "AUTH PLAIN", "AUTH PLAIN AGEAYg=="} {
		c.say(line)
		c.want("-ERR [AUTH] passwords are taken only inside TLS")
	}
	c.say("CAPA")
	c.want("+OK")
	if caps := c.multi(); strings.Contains(caps, "USER\r\nSASL") || !strings.Contains(caps, "STLS\r\n") {
		t.Errorf("capabilities in clear:\n%s", caps)
	}
	c.say("STLS")
	c.want("+OK")
	c.secure()
	c.say("CAPA")
	c.want("+OK")
	if caps := c.multi(); !strings.Contains(caps, "\r\nUSER\r\nSASL PLAIN LOGIN\r\n") || strings.Contains(caps, "STLS") {
		t.Errorf("capabilities in TLS:\n%s", caps)
	}
	c.say("STLS")
	c.want("-ERR TLS is on already")
	c.say("USER demo@barid.test", "PASS "+password)
	c.want("+OK send PASS")
	c.want("+OK 0 messages")
	c.say("CAPA")
	c.want("+OK")
	c.multi()
	c.say("QUIT")
	c.want("+OK")
}

func TestNothingFromBeforeTLSCounts(t *testing.T) {
	set := testSettings()
	b := newBed(t, set, "", listen.StartTLS)
	c := b.dial()
	c.want("+OK")
	c.say("USER demo@barid.test")
	c.want("+OK")
	c.say("LANG fa") // RFC 6856 §7: a stranger in the middle may have said it
	c.want("+OK fa")
	c.say("STLS")
	c.want("+OK")
	c.secure()
	c.say("PASS " + password)
	c.want("-ERR say USER first")

	c = b.dial()
	c.want("+OK")
	c.say("STLS", "CAPA", "USER injected") // in one segment
	c.want("+OK begin TLS")
	tc := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err != nil {
		return // the server read the rest as TLS and gave up: fine too
	}
	c.Conn = tc
	c.r.Reset(tc)
	c.say("PASS x")
	c.want("-ERR say USER first")
}

func TestImplicitTLS(t *testing.T) {
	b := newBed(t, strictSettings(), "", listen.Implicit)
	c := b.dial()
	c.secure()
	c.want("+OK")
	c.say("STLS")
	c.want("-ERR TLS is on already")
	c.say("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00demo@barid.test\x00"+password)))
	c.want("+OK 0 messages")
}

func TestMessagesOfEverySizeArriveWhole(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	line := strings.Repeat("x", 61) + "\r\n.\r\n" // dots wander over the ends of pieces
	var want []string
	for _, n := range []int{0, 1, 10, directBytes / 66, bufferBytes/66 - 1, bufferBytes / 66, bufferBytes/66 + 1, 3*bufferBytes/66 + 7, 1 << 16} {
		want = append(want, message(fmt.Sprint(n), strings.Repeat(line, n)))
	}
	want = append(want, "Subject: no end of line\r\n\r\nx", "", ".", strings.Repeat(".\r\n", bufferBytes/3+1))
	b.put(want...)
	c := b.login()
	for i, msg := range want {
		c.say(fmt.Sprintf("RETR %d", i+1))
		c.want(fmt.Sprintf("+OK %d octets", len(msg)))
		if !strings.HasSuffix(msg, "\r\n") && msg != "" {
			msg += "\r\n"
		}
		if got := c.multi(); got != msg {
			t.Errorf("message %d of %d octets arrived as %d octets", i+1, len(msg), len(got))
		}
	}
}

func TestUniqueIDsAreStableAndDiffer(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("one"), message("two"), message("three"))
	uidl := func(c *client) []string {
		c.say("UIDL")
		c.want("+OK")
		return strings.Fields(c.multi())
	}
	c := b.login()
	before := uidl(c)
	if len(before) != 6 || before[1] == before[3] || len(before[1]) != 17 {
		t.Fatalf("got %v", before)
	}
	c.say("UIDL 2")
	c.want("+OK 2 " + before[3])
	c.say("DELE 2", "QUIT")
	c.want("+OK")
	c.want("+OK")
	b.put(message("four"))
	after := uidl(b.login())
	if len(after) != 6 || after[1] != before[1] || after[3] != before[5] || after[5] == before[3] {
		t.Errorf("before %v, after %v", before, after)
	}
}

func TestWhatComesDuringASessionIsNotSeen(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("one"), message("two"))
	c := b.login()
	b.put(message("three"))
	box, err := b.mail.Account(b.who.ID).Open(t.Context(), "INBOX")
	must(t, err)
	defer box.Close()
	one := mailbox.SetOf(box.View().At(0).UID)
	_, _, err = box.Store(t.Context(), one, mailbox.StoreOp{Flags: mailbox.Deleted})
	must(t, err)
	_, _, err = box.Expunge(t.Context(), &one)
	must(t, err)
	c.say("STAT", "DELE 1", "RETR 2", "QUIT")
	c.want("+OK 2 ")
	c.want("+OK")
	c.want("+OK")
	c.multi()
	c.want("+OK bye") // gone is gone, whoever removed it
	if got := b.subjects("INBOX"); !reflect.DeepEqual(got, []string{`two \Seen`, "three"}) {
		t.Errorf("left: %q", got)
	}
}

func TestQuitSaysSoWhenNotAllCouldBeRemoved(t *testing.T) {
	for _, policy := range []string{account.POP3Remove, account.POP3Trash, account.POP3Keep} {
		t.Run(policy, func(t *testing.T) {
			b := newBed(t, testSettings(), policy, listen.Plain)
			b.put(message("one"))
			c := b.login()
			c.say("DELE 1")
			c.want("+OK")
			b.mem.Fail(func() error { return kv.ErrFull })
			c.say("QUIT")
			c.want("-ERR [SYS/TEMP] some deleted messages were not removed")
			if c.line() != "EOF" {
				t.Error("the connection goes on")
			}
			b.mem.Fail(nil)
			if got := b.subjects("INBOX"); !reflect.DeepEqual(got, []string{"one"}) {
				t.Errorf("INBOX holds %q", got)
			}
			if !strings.Contains(b.log.String(), "storage is full") {
				t.Error("the log does not say why")
			}
			c = b.login()
			c.say("DELE 1", "QUIT")
			c.want("+OK")
			c.want("+OK bye")
		})
	}
}

func TestTrashIsMadeIfThereIsNone(t *testing.T) {
	b := newBed(t, testSettings(), account.POP3Trash, listen.Plain)
	must(t, b.mail.Account(b.who.ID).Delete(t.Context(), "Trash"))
	b.put(message("one"))
	c := b.login()
	c.say("DELE 1", "QUIT")
	c.want("+OK")
	c.want("+OK bye")
	if got := b.subjects("Trash"); !reflect.DeepEqual(got, []string{"one"}) {
		t.Errorf("Trash holds %q", got)
	}
}

func TestAClientThatComesBackAtOnceGetsItsMailbox(t *testing.T) {
	set := testSettings()
	set.LockTime = 10 * time.Second
	b := newBed(t, set, "", listen.Plain)
	for range 20 {
		c := b.login()
		_ = c.Close() // without QUIT; login would fail if the lock were not waited for
	}
	c := b.login()
	c.say("QUIT")
	c.want("+OK")
}

// TestOversizedLines is row 44 of the checklist in robustness.md.
func TestOversizedLines(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	for _, n := range []int{255, readBytes - 2, readBytes - 1, readBytes, readBytes + 1, 3*readBytes + 17} {
		c := b.dial()
		c.want("+OK")
		c.say("USER "+strings.Repeat("u", n), "CAPA")
		c.want("-ERR command line is too long")
		c.want("+OK capabilities")
	}
	c := b.dial()
	c.want("+OK")
	c.say("USER " + strings.Repeat("u", 253-5))
	c.want("+OK")
	go func() { _, _ = io.WriteString(c.Conn, strings.Repeat("u", 1<<20)) }() // ends when the server closes
	c.want("-ERR endless command line")
	if got := c.line(); got != "EOF" {
		t.Errorf("got %q", got)
	}
	c = b.dial() // alive
	c.want("+OK")
}

func TestAFloodOfCommandsIsAnsweredInBoundedMemory(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	c := b.login()
	go func() { _, _ = io.WriteString(c.Conn, strings.Repeat("NOOP\r\n", 20000)) }()
	for range 20000 {
		c.want("+OK")
	}
}

func TestABodyThatCanNotBeReadIsAnError(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("one"), message("two"))
	box, err := b.mail.Account(b.who.ID).Open(t.Context(), "INBOX")
	must(t, err)
	defer box.Close()
	c := b.login()
	one := mailbox.SetOf(box.View().At(0).UID)
	_, _, err = box.Store(t.Context(), one, mailbox.StoreOp{Flags: mailbox.Deleted})
	must(t, err)
	_, _, err = box.Expunge(t.Context(), &one)
	must(t, err)
	c.say("RETR 1", "TOP 1 0", "RETR 2")
	c.want("-ERR message was removed by another client")
	c.want("-ERR message was removed by another client")
	c.want("+OK")
}

func TestAStopEndsSessionsPolitely(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("one"))
	c := b.login()
	c.say("DELE 1")
	c.want("+OK")
	go b.stop()
	c.want("-ERR [SYS/TEMP] the server is stopping")
	if c.line() != "EOF" {
		t.Error("the connection goes on")
	}
	b.stop()
	if got := b.subjects("INBOX"); !reflect.DeepEqual(got, []string{"one"}) {
		t.Errorf("INBOX holds %q", got)
	}
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("planted-subject", "planted-body"))
	c := b.login()
	c.say("RETR 1", "USER planted-name", "PASS planted-password", "QUIT")
	c.want("+OK")
	c.multi()
	c.want("-ERR")
	c.want("-ERR")
	c.want("+OK")
	c = b.dial()
	c.want("+OK")
	c.say("USER planted-name", "PASS planted-password", "planted-password", "QUIT")
	for c.line() != "EOF" {
		continue
	}
	b.stop()
	if got := b.log.String(); strings.Contains(got, "planted") || strings.Contains(got, password) {
		t.Errorf("the log tells:\n%s", got)
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	b.put(message("one"))
	c := b.login()
	c.say("RETR 1", "RETR 9", "DELE 1", "QUIT")
	c.want("+OK")
	c.multi()
	c.want("-ERR")
	c.want("+OK")
	c.want("+OK")
	c.line()
	b.stop()
	got := map[string]float64{}
	families, err := b.reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "barid_pop3_")
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"commands_total ok RETR": 1, "commands_total err RETR": 1, "logins_total ok": 1, "messages_deleted_total": 1, "sessions_open": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: got %v, want %v; all: %v", name, v, want, got)
		}
	}
}

func TestEveryErrorHasAnAnswer(t *testing.T) {
	for _, c := range []struct {
		err      error
		want     string
		internal bool
	}{
		{errInUse, "[IN-USE] another session has the mailbox open", false},
		{fmt.Errorf("wrapped: %w", errNoMessage), "no such message", false},
		{status.Perm(7, 8, "wrong"), "[AUTH] wrong", false},
		{status.Temp(7, 0, "later"), "[SYS/TEMP] later", false},
		{status.Perm(2, 1, "disabled"), "[SYS/PERM] disabled", false},
		{sasl.ErrCancelled, "authentication cancelled", false},
		{sasl.ErrEncoding, "malformed authentication response", false},
		{sasl.ErrSyntax, "malformed authentication response", false},
		{sasl.ErrTooLong, "malformed authentication response", false},
		{mailbox.ErrGone, "message was removed by another client", false},
		{fmt.Errorf("body 7: %w", kv.ErrCorrupt), "[SYS/PERM] the message is damaged", true},
		{fmt.Errorf("body 7: %w", kv.ErrUnavailable), "[SYS/TEMP] internal error", true},
		{errors.New("/var/lib/barid: secret path"), "[SYS/TEMP] internal error", true},
	} {
		a := answerTo(c.err)
		if got := a.code + a.text; got != c.want || a.internal != c.internal {
			t.Errorf("%v: got %q, internal %v", c.err, got, a.internal)
		}
	}
}

// TestEveryTextIsTranslated reads the texts out of the source: what LANG cannot change would be a mixture of languages.
func TestEveryTextIsTranslated(t *testing.T) {
	texts, err := locales.Answers()
	must(t, err)
	files, err := filepath.Glob("*.go")
	must(t, err)
	said := regexp.MustCompile(`(?:text: |s\.ok\(|said\()"([^"]+)"`)
	found := []string{"authentication failed: wrong user name or password", "too many failed logins, try again in a minute"} // of mail/account
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		must(t, err)
		for _, m := range said.FindAllStringSubmatch(string(b), -1) {
			found = append(found, m[1])
		}
	}
	if len(found) < 40 {
		t.Errorf("found only %d texts: %q", len(found), found)
	}
	for _, english := range found {
		for _, lang := range []string{"ar", "fa"} {
			if _, ok := texts.Text(lang, english); !ok {
				t.Errorf("%s: %q is not translated", lang, english)
			}
		}
	}
}

// pipe makes a Conn of a net.Pipe, whose deadlines run on the clock of a synctest bubble.
type pipe struct{ net.Conn }

func (pipe) TLS() (tls.ConnectionState, bool)   { return tls.ConnectionState{}, true }
func (pipe) CanStartTLS() bool                  { return false }
func (pipe) StartTLS(ctx context.Context) error { return listen.ErrNoTLS }
func (pipe) Interruptible(bool)                 {}
func (pipe) IsStopping() bool                   { return false }
func (p pipe) Linger()                          { _ = p.Close() }

type oneAccount struct{ account.Account }

func (o oneAccount) Authenticate(context.Context, account.Attempt) (account.Account, error) {
	return o.Account, nil
}

func TestTimeLimits(t *testing.T) {
	b := newBed(t, testSettings(), "", listen.Plain)
	for _, c := range []struct {
		name  string
		say   []string
		read  bool
		after time.Duration
	}{
		{"before login", nil, true, 3 * time.Minute},
		{"before login, busy", []string{"CAPA\r\n"}, true, 3 * time.Minute},
		{"after login", []string{"USER x\r\nPASS y\r\n"}, true, 10 * time.Minute},
		{"a client that does not read", []string{"USER x\r\nPASS y\r\n"}, false, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mine, theirs := net.Pipe()
				deps := b.srv.Deps
				deps.Accounts, deps.IDs = oneAccount{b.who}, id.NewSource(time.Now)
				began := time.Now()
				go func() {
					if !c.read {
						return
					}
					for _, line := range c.say {
						go func() { _, _ = io.WriteString(mine, line) }()
					}
					_, _ = io.Copy(io.Discard, mine)
				}()
				New(deps, testSettings()).ServeConn(t.Context(), pipe{theirs}, netip.AddrPort{})
				if took := time.Since(began); took != c.after {
					t.Errorf("the session ended after %v, want %v", took, c.after)
				}
				_ = theirs.Close()
			})
		})
	}
}

// TestLoginDelayCountsFromSuccess is RFC 2449 §6.5 where a wait would be needed: a login that found the maildrop in use may
// come again as soon as it is free.
func TestLoginDelayCountsFromSuccess(t *testing.T) {
	set := testSettings()
	set.LoginDelay = time.Minute
	srv := New(Deps{}, set)
	now := epoch
	for range 2 {
		if !srv.mayCome(7, now) {
			t.Error("asking counted as a login")
		}
	}
	srv.came(7, now)
	for _, c := range []struct {
		after time.Duration
		may   bool
	}{{0, false}, {time.Minute - 1, false}, {time.Minute, true}} {
		if got := srv.mayCome(7, now.Add(c.after)); got != c.may {
			t.Errorf("%v after a login: %v, want %v", c.after, got, c.may)
		}
	}
	if !srv.mayCome(8, now) {
		t.Error("another account waits too")
	}
}

func BenchmarkList10k(b *testing.B) {
	for name, open := range engines(b) {
		b.Run(name, func(b *testing.B) {
			bed := newBedOn(b, open(), testSettings(), "", listen.Plain)
			fill(bed, 10000, 200)
			c := bed.login()
			for b.Loop() {
				c.say("LIST")
				c.want("+OK")
				skip(b, c)
			}
		})
	}
}

// BenchmarkRetrieveAndDelete fetches and deletes 10,000 messages of 6.6 KB, pipelined, with the QUIT that removes them.
func BenchmarkRetrieveAndDelete(b *testing.B) {
	const n = 10000
	for name, open := range engines(b) {
		b.Run(name, func(b *testing.B) {
			bed := newBedOn(b, open(), testSettings(), "", listen.Plain)
			for b.Loop() {
				b.StopTimer()
				fill(bed, n, 6600)
				c := bed.login()
				b.StartTimer()
				takeAll(b, c, n, "QUIT", func(int) {})
				c.want("+OK bye")
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkDownloadAndDelete100k is a client that takes all of a big maildrop, pipelined, and removes it: how fast, and how
// much memory is in use at most beyond what there was before it came, the client's own included.
func BenchmarkDownloadAndDelete100k(b *testing.B) {
	const n = 100_000
	e, err := embedded.Open(b.TempDir(), embedded.Options{GCInterval: -1})
	must(b, err)
	b.Cleanup(func() { must(b, e.Close()) })
	bed := newBedOn(b, e, testSettings(), "", listen.Plain)
	peak := int64(0)
	for b.Loop() {
		b.StopTimer()
		fill(bed, n, 2000)
		runtime.GC()
		before := heap()
		b.StartTimer()
		c := bed.login()
		must(b, c.SetDeadline(time.Now().Add(5*time.Minute)))
		takeAll(b, c, n, "QUIT", func(i int) {
			if i%1000 == 0 {
				peak = max(peak, heap()-before)
			}
		})
		c.want("+OK bye")
		peak = max(peak, heap()-before)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// takeAll retrieves and deletes n messages, pipelined, says last, whose answer is left to the caller, and calls each after every message.
func takeAll(t testing.TB, c *client, n int, last string, each func(i int)) {
	t.Helper()
	go func() {
		w := bufio.NewWriter(c.Conn)
		for i := range n {
			fmt.Fprintf(w, "RETR %d\r\nDELE %d\r\n", i+1, i+1)
		}
		_, _ = w.WriteString(last + "\r\n")
		_ = w.Flush() // failing, the answers are missing
	}()
	for i := range n {
		c.want("+OK")
		skip(t, c)
		c.want("+OK")
		each(i)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

func fill(b *bed, n, size int) {
	body := message("filled", strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72))
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = body
	}
	b.put(bodies...)
}

func skip(t testing.TB, c *client) {
	for {
		s, err := c.r.ReadSlice('\n')
		must(t, err)
		if string(s) == ".\r\n" {
			return
		}
	}
}
