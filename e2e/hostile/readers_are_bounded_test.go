package hostile

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// abuse is text that is sent at once, and what must come back.
type abuse struct {
	name, text string
	hear       string // in what comes back; "" anything
	never      string // not in what comes back
	ends       bool   // the connection must end by itself
}

// play sends the text and then, unless the connection has to end, a LOGOUT or QUIT of the caller's.
func (a abuse) play(t *testing.T, b *bed, c *wire.Conn, goodbye string) {
	t.Helper()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = c.Put(a.text) // it may be closed before all is sent
		if !a.ends {
			_ = c.Put(goodbye)
		}
	}()
	b.within(t, 10*time.Second, a.name, func() {
		said, ended := c.Rest()
		switch {
		case !ended:
			t.Errorf("still open; it said %.300q", said)
		case !strings.Contains(said, a.hear):
			t.Errorf("it said %.300q, want %q", said, a.hear)
		case a.never != "" && strings.Contains(said, a.never):
			t.Errorf("it said %.300q with %q in it", said, a.never)
		}
	})
	<-sent
}

// TestIMAPBeforeLoginTakesLittle is row 42 before login: literals, lines and commands without end.
func TestIMAPBeforeLoginTakesLittle(t *testing.T) {
	b := begin(t, server.Options{})
	for _, a := range []abuse{
		{"a literal of 2 GB", "a LOGIN {2147483648}\r\n", "a BAD ", "+ ", false},
		{"a literal of 2^64-1", "a LOGIN {18446744073709551615}\r\n", "a BAD ", "+ ", false},
		{"a literal past 2^64", "a LOGIN {99999999999999999999999}\r\n", "a BAD ", "+ ", false},
		{"a literal of 2 GB without waiting", "a LOGIN {2147483648+}\r\nxxxx", "a BAD ", "", true},
		{"a negative literal", "a LOGIN {-1}\r\n", "a BAD ", "+ ", false},
		{"a literal of 100 kB", "a LOGIN {100000}\r\n", "a BAD ", "+ ", false},
		{"many small literals", "a LOGIN " + strings.Repeat("{1000+}\r\n"+strings.Repeat("x", 1000), 2000), "", "a OK", true},
		{"a command of 8 MB", "a LOGIN " + strings.Repeat("x", 8<<20) + "\r\n", "BAD ", "", true},
		{"a command of 100 kB", "a LOGIN " + strings.Repeat("x", 100_000) + "\r\n", "a BAD ", "", false},
		{"a tag of 100 kB", strings.Repeat("a", 100_000) + " NOOP\r\n", "BAD ", "", false},
		{"a line without end", "a NOOP" + strings.Repeat(" ", 8<<20), "", "", true},
		{"1 MB of open parentheses", "a LOGIN " + strings.Repeat("(", 1<<20) + "\r\n", "a BAD ", "", false},
		{"20,000 unknown commands", strings.Repeat("a XYZZY\r\n", 20_000), "* BYE ", "", true},
		{"20,000 empty lines", strings.Repeat("\r\n", 20_000), "* BYE ", "", true},
		{"20,000 NUL", strings.Repeat("\x00", 20_000) + "\r\n", "BAD ", "", false},
		{"commands of later", "a SELECT INBOX\r\nb FETCH 1 BODY[]\r\nc APPEND INBOX {5+}\r\nhello\r\nd LIST \"\" *\r\n", "BAD ", " OK ", false},
	} {
		if a.name == "commands of later" {
			a.never = "a OK"
		}
		t.Run(a.name, func(t *testing.T) {
			c := b.client(t, "imaps", "127.0.2.2")
			if line, err := c.Line(); err != nil || !strings.HasPrefix(line, "* OK ") {
				t.Fatal(line, err)
			}
			a.play(t, b, c, "z LOGOUT\r\n")
		})
	}
	b.alive(t)
}

// TestIMAPCommandsAreBounded is rows 42 and 43 after login.
func TestIMAPCommandsAreBounded(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\nmessage_bytes = 1048576\n"})
	c := b.smtp(t, "127.0.2.2")
	for range 3 {
		if r, err := c.Send(stranger, []string{info}, "Subject: one of three\r\n\r\nneedle\r\n"); err != nil || r.Code != 250 {
			t.Fatal(r, err)
		}
	}
	for _, a := range []abuse{
		{"APPEND of 2 GB", "a APPEND INBOX {2147483648}\r\n", "a NO ", "+ ", false},
		{"APPEND of 2 GB without waiting", "a APPEND INBOX {2147483648+}\r\nxxxxx", "a ", "a OK", true},
		{"APPEND over the limit, without waiting", "a APPEND INBOX {1048577+}\r\n" + strings.Repeat("x", 1048577) + "\r\n", "a NO ", "a OK", false},
		{"APPEND that is broken off", "a APPEND INBOX {1000+}\r\nhalf", "", "a OK", false},
		{"a SEARCH of 1 MB of open parentheses", "a SEARCH " + strings.Repeat("(", 1<<20) + "\r\n", "a BAD ", "", false},
		{"a SEARCH 100 lists deep", "a SEARCH " + strings.Repeat("(", 100) + "ALL" + strings.Repeat(")", 100) + "\r\n", "a ", "", false},
		{"a SEARCH of 10,000 NOT", "a SEARCH " + strings.Repeat("NOT ", 10_000) + "ALL\r\n", "a BAD ", "", false},
		{"a SEARCH of 5,000 OR", "a SEARCH " + strings.Repeat("OR ALL ", 5000) + "ALL\r\n", "a BAD ", "", false},
		{"a SEARCH with 1,000 needles", "a SEARCH" + strings.Repeat(" TEXT x", 1000) + "\r\n", "a ", "", false},
		{"a SEARCH in a charset of nobody", "a SEARCH CHARSET x-klingon TEXT x\r\n", "a NO [BADCHARSET", "", false},
		{"a set to the end of numbers", "a UID FETCH 1:4294967295 (UID)\r\n", "* 3 FETCH (UID 3)", "", false},
		{"a set backwards", "a UID FETCH 4294967295:1 (UID)\r\n", "* 3 FETCH (UID 3)", "", false},
		{"numbers that are not there", "a FETCH 1:4294967295 (UID)\r\n", "a ", "", false},
		{"a number past 2^32", "a UID FETCH 4294967296 (UID)\r\n", "a BAD ", "", false},
		{"UID 0", "a UID FETCH 0 (UID)\r\n", "a BAD ", "", false},
		{"a set of 10,000 ranges", "a UID FETCH " + strings.Repeat("1:4294967295,", 4_000) + "1 (UID)\r\n", "a ", "", false},
		{"a partial past the end", "a FETCH 1 BODY.PEEK[]<4294967295.4294967295>\r\n", "a ", "", false},
		{"a partial of nothing", "a FETCH 1 BODY.PEEK[]<0.0>\r\n", "a BAD ", "", false},
		{"a section 1,000 deep", "a FETCH 1 BODY.PEEK[" + strings.Repeat("1.", 1000) + "1]\r\n", "a ", "", false},
		{"10,000 header names", "a FETCH 1 BODY.PEEK[HEADER.FIELDS (" + strings.Repeat("x ", 10_000) + "y)]\r\n", "a ", "", false},
		{"LIST with 10,000 stars", "a LIST \"\" \"" + strings.Repeat("*", 10_000) + "x\"\r\n", "a ", "", false},
		{"LIST that is slow for others", "a LIST \"\" \"" + strings.Repeat("*a", 500) + "b\"\r\n", "a ", "", false},
		{"a mailbox name of 100 kB", "a CREATE {100000+}\r\n" + strings.Repeat("x", 100_000) + "\r\n", "a ", "a OK", false},
		{"a mailbox name like a path", "a CREATE ../../../tmp/barid-hostile\r\n", "a ", "", false},
		{"a mailbox 1,000 levels deep", "a CREATE " + strings.Repeat("x/", 1000) + "x\r\n", "a ", "a OK", false},
		{"a broken name", "a CREATE \"&//8-\"\r\n", "a ", "a OK", false},
		{"10,000 flags", "a STORE 1 +FLAGS (" + strings.TrimSuffix(strings.Repeat("f ", 10_000), " ") + ")\r\n", "a ", "", false},
		{"a flag nobody may set", "a STORE 1 +FLAGS (\\Recent)\r\n", "a ", "", false},
		{"1,000 keywords", storeKeywords(1000), "NO [LIMIT]", "", false},
		{"IDLE and a flood", "a IDLE\r\n" + strings.Repeat("x", 1<<20) + "\r\n", "a BAD ", "", false},
		{"a command in IDLE", "a IDLE\r\nb LOGOUT\r\n", "a BAD ", "", false},
		{"20,000 unknown commands", strings.Repeat("a XYZZY\r\n", 20_000), "* BYE ", "", true},
		{"CREATE until nothing goes", createMany(30_000), "NO [LIMIT]", "", false},
	} {
		t.Run(a.name, func(t *testing.T) {
			box := b.imap(t, "127.0.2.2", info)
			do(t, box, "SELECT INBOX")
			if a.name == "APPEND that is broken off" {
				put(t, box.Conn, a.text)
				_ = box.Cut()
				return
			}
			a.play(t, b, box.Conn, "\r\nz LOGOUT\r\n")
		})
	}
	if _, err := os.Stat("/tmp/barid-hostile"); err == nil {
		t.Error("the name of a mailbox was taken for a path")
	}
	box := b.imap(t, "127.0.2.2", info)
	if n := messages(t, box, "INBOX"); n != 3 {
		t.Errorf("INBOX has %d messages, 3 came", n)
	}
	b.alive(t)
}

// storeKeywords sets n different keywords.
func storeKeywords(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "k%d STORE 1 +FLAGS.SILENT (keyword%d)\r\n", i, i)
	}
	return s.String()
}

// createMany makes n mailboxes.
func createMany(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "m%d CREATE flood%d\r\n", i, i)
	}
	return s.String()
}

// TestPOP3CommandsAreBounded is row 44 for POP3.
func TestPOP3CommandsAreBounded(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.smtp(t, "127.0.2.2")
	if r, err := c.Send(stranger, []string{info}, "Subject: one\r\n\r\n"+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000)); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	for _, a := range []abuse{
		{"a line of 1 MB", "NOOP " + strings.Repeat("x", 1<<20) + "\r\n", "-ERR ", "", true},
		{"a line of 10 kB", "NOOP " + strings.Repeat("x", 10_000) + "\r\n", "-ERR ", "", false},
		{"8 MB without an end", strings.Repeat("x", 8<<20), "-ERR ", "", true},
		{"bare LF", strings.Repeat("NOOP\n", 20), "-ERR ", "+OK", false},
		{"TOP of very many lines", "TOP 1 999999999999999999999\r\n", "-ERR ", "", false},
		{"TOP of less than none", "TOP 1 -1\r\n", "-ERR ", "", false},
		{"RETR 0", "RETR 0\r\n", "-ERR ", "", false},
		{"RETR -1", "RETR -1\r\n", "-ERR ", "", false},
		{"RETR past 2^32", "RETR 4294967297\r\n", "-ERR ", "", false},
		{"RETR past 2^64", "RETR 18446744073709551617\r\n", "-ERR ", "", false},
		{"DELE of what is not there", "DELE 2\r\n", "-ERR ", "", false},
		{"LIST with NUL", "LIST \x00\r\n", "-ERR ", "", false},
		{"USER again", "USER demo@example.test\r\nPASS x\r\n", "-ERR ", "", false},
		{"20,000 unknown commands", strings.Repeat("XYZZY\r\n", 20_000), "too many bad commands", "", true},
		{"20,000 empty lines", strings.Repeat("\r\n", 20_000), "too many bad commands", "", true},
	} {
		t.Run(a.name, func(t *testing.T) {
			drop := b.pop3(t, "127.0.2.2", info)
			if a.name == "bare LF" {
				a.play(t, b, drop, "\r\nQUIT\r\n")
				return
			}
			a.play(t, b, drop, "QUIT\r\n")
		})
	}
	t.Run("deleted and then gone", func(t *testing.T) {
		drop := b.pop3(t, "127.0.2.2", info)
		if line, ok, err := drop.Says("DELE 1"); !ok || err != nil {
			t.Fatal(line, err)
		}
		_ = drop.Reset()
		b.alive(t)
		if left := messages(t, b.imap(t, "127.0.2.3", info), "INBOX"); left != 1 {
			t.Errorf("%d messages are left after a session without QUIT", left)
		}
	})
	b.alive(t)
}
