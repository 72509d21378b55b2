package imap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"barid/mail/mailbox"
	"barid/store/memory"
)

// Row numbers are those of the checklist in the robustness page.

// TestLiteralsOfTwoGigabytes is row 42: refused before a byte of them is taken.
func TestLiteralsOfTwoGigabytes(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		name, line, want string
		login            bool
		closed           bool
	}{
		{"before login, client waits", `a LOGIN {2147483648}`, "a BAD literal is too long", false, true},
		{"before login, client sends", `a LOGIN {2147483648+}`, "a BAD literal is too long", false, true},
		{"before login, APPEND", `a APPEND INBOX {2147483648+}`, "a BAD literal is too long", false, true},
		{"before login, 64 KiB", `a LOGIN {65537}`, "a BAD literal is too long", false, true},
		{"client waits", `a SEARCH TEXT {2147483648}`, "a BAD literal is too long", true, false},
		{"client sends", `a SEARCH TEXT {2147483648+}`, "a BAD literal is too long", true, true},
		{"APPEND, client waits", `a APPEND INBOX {2147483648}`, "a NO [TOOBIG] message is over the size limit", true, false},
		{"APPEND, client sends", `a APPEND INBOX {2147483648+}`, "a NO [TOOBIG] message is over the size limit", true, true},
		{"APPEND of 2^64", `a APPEND INBOX {18446744073709551616}`, "a NO [TOOBIG] message is over the size limit", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := w.dial()
			cl.t = t
			if c.login {
				cl.do(`LOGIN %s "%s"`, testUser, testPassword)
			}
			cl.send(c.line + "\r\n")
			cl.expect(c.want)
			if c.closed {
				cl.expect("* BYE ...")
				cl.closed()
				return
			}
			cl.do("NOOP")
		})
	}
	w.login().do("NOOP") // the others go on
}

// TestEndlessCommandsAreBounded is rows 42 and 43.
func TestEndlessCommandsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	for range 300 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	}
	bystander := w.login()
	bystander.do("SELECT INBOX")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, args := range map[string]string{
		"parentheses 1 MB deep":        strings.Repeat("(", 1<<20),
		"parentheses 200 kB deep":      "SEARCH " + strings.Repeat("(", 200000),
		"FETCH list 200 kB deep":       "FETCH 1 " + strings.Repeat("(", 200000),
		"NOT tree":                     "SEARCH " + strings.Repeat("NOT ", 60000) + "SEEN",
		"OR tree":                      "SEARCH " + strings.Repeat("OR SEEN ", 30000) + "SEEN",
		"keys":                         "SEARCH " + strings.Repeat("SEEN ", 50000) + "SEEN",
		"beyond the last message":      "FETCH 1:4294967295 FLAGS",
		"beyond all numbers":           "FETCH 1:4294967296 FLAGS",
		"a set of everything, often":   "FETCH " + strings.Repeat("1:*,", 50000) + "1 FLAGS",
		"header field list":            "FETCH 1 BODY[HEADER.FIELDS (" + strings.Repeat("a ", 50000) + "a)]",
		"items":                        "FETCH 1 (" + strings.Repeat("FLAGS ", 40000) + "FLAGS)",
		"a part number":                "FETCH 1 BODY[" + strings.Repeat("1.", 50000) + "1]",
		"flags":                        "STORE 1 +FLAGS (" + strings.Repeat("a ", 50000) + "a)",
		"quoted string without an end": `SEARCH TEXT "` + strings.Repeat("x", 200000),
	} {
		c := w.login()
		c.do("SELECT INBOX")
		began := time.Now()
		lines := c.try("%s", args)
		if got := lines[len(lines)-1]; !strings.HasPrefix(got, "BAD ") {
			t.Errorf("%s: %q", name, got)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		c.do("NOOP")
		c.do("LOGOUT")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("heap grew by %d MiB", grown>>20)
	}
	bystander.do("NOOP")
}

func TestSetsThatNameEverythingAreAnsweredOnce(t *testing.T) {
	w := newWorld(t, nil)
	for range 50 {
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	}
	c := w.login()
	c.do("SELECT INBOX")
	if n := len(c.do("FETCH %s1 FLAGS", strings.Repeat("1:*,*:1,", 4000))); n != 51 {
		t.Errorf("%d lines", n)
	}
	if n := len(c.do("UID FETCH 1:4294967295 FLAGS")); n != 51 {
		t.Errorf("%d lines", n)
	}
}

func TestNeedlesAreCounted(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.do("SELECT INBOX")
	lines := c.try("SEARCH %sTEXT x", strings.Repeat("TEXT x ", 128))
	if got := lines[len(lines)-1]; !strings.HasPrefix(got, "NO [LIMIT]") {
		t.Error(got)
	}
}

// TestJunkEndsTheSession is row 20 for IMAP, TestHTTP row 10.
func TestJunkEndsTheSession(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxBad = 5 })
	c := w.dial()
	for i := range 5 {
		c.send(fmt.Sprintf("a%d FOO\r\n", i))
		c.expect("... BAD unknown command")
	}
	c.expect("* BYE too many bad commands")
	c.closed()
	c = w.dial()
	for i := range 5 {
		c.send(fmt.Sprintf("a%d LOGIN info@example.test wrong\r\n", i))
		c.expect("... NO [...] ...")
	}
	c.expect("* BYE too many bad commands")
	c.closed()
}

// TestCommandBehindSTARTTLSIsDropped is rows 6 and 8.
func TestCommandBehindSTARTTLSIsDropped(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.PlainLogin = false })
	c := w.dial()
	c.send("a1 LOGIN info@example.test \"correct horse\"\r\n")
	c.expect("a1 NO [PRIVACYREQUIRED] ...")
	c.send("a2 CAPABILITY\r\n")
	c.expect("* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE STARTTLS LOGINDISABLED")
	c.expect("a2 OK ...")
	c.send("a3 AUTHENTICATE PLAIN\r\n")
	c.expect("a3 NO [PRIVACYREQUIRED] ...")
	c.send("a4 STARTTLS\r\na5 NOOP\r\n")
	c.expect("a4 OK begin TLS now")
	secure := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	// The NOOP stands in the way of the handshake, or is dropped; it is never answered.
	if err := secure.Handshake(); err == nil {
		c.conn = secure
		c.br.Reset(secure)
		c.send("a6 CAPABILITY\r\n")
		c.expect("* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE AUTH=PLAIN AUTH=LOGIN")
		c.expect("a6 OK ...")
	}
	c = w.dial()
	c.send("a1 STARTTLS\r\n")
	c.expect("a1 OK begin TLS now")
	secure = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn = secure
	c.br.Reset(secure)
	c.do("NOOP")
	if l := c.try("STARTTLS"); !strings.HasPrefix(l[0], "BAD") {
		t.Error(l)
	}
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	c.do("SELECT INBOX")
}

func TestAppendRefusesNULAndQuota(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxMessageBytes = 1000 })
	c := w.login()
	c.send("a APPEND INBOX {5+}\r\nab\x00cd\r\n")
	c.expect("a BAD NUL is not allowed in a message")
	c.send("a APPEND INBOX {2000+}\r\n" + strings.Repeat("x", 2000) + "\r\n")
	c.expect("a NO [TOOBIG] ...")
	must(t, w.acct.SetQuota(context.Background(), mailbox.Quota{Bytes: 100}))
	c.send("a APPEND INBOX {101}\r\n")
	c.expect("a NO [OVERQUOTA] ...")
	c.send("a APPEND INBOX {10+}\r\nSubject: x\r\n")
	c.expect("a OK [APPENDUID ...")
	c.send("a APPEND INBOX {91+}\r\n" + strings.Repeat("x", 91) + "\r\n")
	c.expect("a NO [OVERQUOTA] ...")
	c.do("NOOP")
}

// TestStoreFailuresAreTemporary is row 58: NO, and the session goes on.
func TestStoreFailuresAreTemporary(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\nbody\r\n"))
	c := w.login()
	c.do("SELECT INBOX")
	w.store.(*memory.Store).Fail(func() error { return io.ErrShortWrite })
	for _, cmd := range []string{"STORE 1 +FLAGS (\\Seen)", "COPY 1 Trash", "CREATE x", "MOVE 1 Trash"} {
		lines := c.try("%s", cmd)
		if got := lines[len(lines)-1]; !strings.HasPrefix(got, "NO [UNAVAILABLE] temporary failure") {
			t.Errorf("%s: %q", cmd, got)
		}
	}
	c.do("FETCH 1 BODY.PEEK[]")
	w.store.(*memory.Store).Fail(nil)
	c.do("STORE 1 +FLAGS (\\Seen)")
}

func TestServerStopsPolitely(t *testing.T) {
	w := newWorld(t, nil)
	waiting, idle := w.login(), w.login()
	idle.do("SELECT INBOX")
	idle.send("i IDLE\r\n")
	idle.expect("+ idling")
	w.server.Stop()
	waiting.expect("* BYE server is going down, try again later")
	waiting.closed()
	idle.expect("* BYE server is going down, try again later")
	idle.closed()
}

func TestIdleSessionsAreLoggedOut(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.IdleTime, s.LoginTime = 20*time.Millisecond, 20*time.Millisecond })
	c := w.dial()
	c.expect("* BYE autologout, idle for too long")
	c.closed()
}

func TestDeletedMailboxEndsOtherSessions(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.login(), w.login()
	a.do("CREATE x")
	a.do("SELECT x")
	b.do("SELECT x")
	b.send("i IDLE\r\n")
	b.expect("+ idling")
	a.do("DELETE x")
	b.expect("* BYE the selected mailbox was deleted")
	b.closed()
	a.do("SELECT INBOX")
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: planted-subject\r\n\r\nplanted-body\r\n"))
	c := w.dial()
	c.try(`LOGIN %s planted-wrong`, testUser)
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	c.do("SELECT INBOX")
	c.do("FETCH 1 (ENVELOPE BODY[])")
	c.do("SEARCH TEXT planted-needle")
	c.do("LOGOUT")
	c.closed()
	w.logMu.Lock()
	defer w.logMu.Unlock()
	if w.log.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, secret := range []string{"planted", testPassword} {
		if bytes.Contains(w.log.Bytes(), []byte(secret)) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestReaderThatNeverReads is row 21: the write deadline ends it.
func TestReaderThatNeverReads(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.WriteTime = 50 * time.Millisecond })
	w.deliver("INBOX", append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef\r\n"), 1<<17)...))
	c := w.login()
	c.do("SELECT INBOX")
	go func() { // the server stops reading us as well, so this may block until it closes
		_, _ = io.WriteString(c.conn, strings.Repeat("a FETCH 1 BODY.PEEK[]\r\n", 1000))
	}()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		w.logMu.Lock()
		ended := bytes.Contains(w.log.Bytes(), []byte("imap session ended"))
		w.logMu.Unlock()
		if ended {
			return
		}
		runtime.Gosched()
	}
	t.Error("the session goes on")
}

// TestMonstersAreDescribed is rows 24, 25 and 26: what MIME can be bent to, read back over IMAP.
func TestMonstersAreDescribed(t *testing.T) {
	w := newWorld(t, nil)
	deep, nested := &bytes.Buffer{}, &bytes.Buffer{}
	for i := range 5000 {
		fmt.Fprintf(deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		fmt.Fprintf(nested, "Subject: %d\r\nContent-Type: message/rfc822\r\n\r\n", i)
	}
	for name, raw := range map[string]string{
		"multipart 5000 deep": deep.String(),
		"rfc822 5000 deep":    nested.String(),
		"100,000 parts":       "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 100000) + "--b--\r\n",
		"20,000 parameters":   "Content-Type: text/plain" + strings.Repeat("; a*1*=x", 20000) + "\r\n\r\nx",
		"500,000 comments":    "To: " + strings.Repeat("()", 500000) + "a@b\r\n\r\nx",
		"a line of 1 MB":      "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\nx",
		"only a header":       "Subject: x",
		"nothing but bytes":   "\xff\xfe\x80",
	} {
		box := fmt.Sprintf("m%d", len(name))
		w.deliver(box, []byte(raw))
		c := w.login()
		c.br = bufio.NewReaderSize(c.conn, 1<<20) // drain wants whole lines
		c.do("SELECT %s", box)
		began := time.Now()
		if n := c.drain("FETCH 1 (ENVELOPE BODY BODYSTRUCTURE BODY[HEADER.FIELDS (SUBJECT TO)] BODY[1.1.1.1.1.MIME] BODY[1.1] RFC822.HEADER)"); n > 64<<20 {
			t.Errorf("%s: answer of %d bytes", name, n)
		}
		c.drain(`SEARCH NOT TEXT "not there"`)
		c.drain("FETCH 1 BODY.PEEK[]")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
