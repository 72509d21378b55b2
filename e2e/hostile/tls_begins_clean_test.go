package hostile

import (
	"strings"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// TestNothingInjectedBeforeTLSIsAnswered is row 6: a command in the segment of STARTTLS. The connection may close;
// if TLS begins, the injected command has no answer and no effect.
func TestNothingInjectedBeforeTLSIsAnswered(t *testing.T) {
	b := begin(t, server.Options{})
	for _, port := range []string{"smtp", "submission", "lmtp"} {
		t.Run(port, func(t *testing.T) {
			c := b.client(t, port, "127.0.2.2")
			hello := "EHLO client.example.com"
			if port == "lmtp" {
				hello = "LHLO client.example.com"
			}
			dialog(t, c, []step{{"", "220"}, {hello, "250"}})
			dialog(t, c, []step{{"STARTTLS\r\n" + hello + "\r\nMAIL FROM:<>", "503 5.5.1 |" + closed}})
		})
	}
	t.Run("imap", func(t *testing.T) {
		c := b.client(t, "imap", "127.0.2.2")
		put(t, c, "a STARTTLS\r\nb CREATE injected\r\nc LOGOUT\r\n")
		lines := linesUntil(t, c, "a OK")
		if err := c.StartTLS(); err != nil {
			return // closed: that is an answer too
		}
		i := &wire.IMAP{Conn: c}
		r := do(t, i, "NOOP")
		if text := strings.Join(append(lines, r.Untagged...), "\n"); strings.Contains(text, "\nb ") || strings.Contains(text, "BYE") {
			t.Errorf("the injected commands were answered:\n%s", text)
		}
	})
	t.Run("pop3", func(t *testing.T) {
		c := b.client(t, "pop3", "127.0.2.2")
		if line, err := c.Line(); err != nil {
			t.Fatal(line, err)
		}
		put(t, c, "STLS\r\nCAPA\r\nQUIT\r\n")
		if line, err := c.Line(); err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("STLS: %q %v", line, err)
		}
		if err := c.StartTLS(); err != nil {
			return
		}
		if line, ok, err := c.Says("NOOP"); err != nil || ok || !strings.HasPrefix(line, "-ERR") {
			t.Errorf("the first answer under TLS is %q %v; NOOP before login gets -ERR", line, err)
		}
		if c.Buffered() > 0 {
			t.Error("there is more than one answer to one command")
		}
	})
	b.alive(t)
}

func put(t *testing.T, c *wire.Conn, text string) {
	t.Helper()
	if err := c.Put(text); err != nil {
		t.Fatal(err)
	}
}

// linesUntil reads lines up to one that begins with want.
func linesUntil(t *testing.T, c *wire.Conn, want string) (lines []string) {
	t.Helper()
	for {
		line, err := c.Line()
		if err != nil {
			t.Fatalf("%q %v, want a line that begins with %q", lines, err, want)
		}
		lines = append(lines, line)
		if strings.HasPrefix(line, want) {
			return lines
		}
	}
}

// TestTLSBeginsANewSession is row 8: what was said in clear is forgotten.
func TestTLSBeginsANewSession(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	for name, said := range map[string][]step{
		"greeting":    nil,
		"MAIL":        {{"MAIL FROM:<" + stranger + ">", "250"}},
		"transaction": {{"MAIL FROM:<" + stranger + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.smtp(t, "127.0.2.2")
			dialog(t, c, said)
			r, err := c.Ask("STARTTLS")
			if err != nil || r.Code != 220 && r.Code != 503 {
				t.Fatalf("STARTTLS: %s %v", r, err)
			}
			if r.Code == 503 {
				return // refused inside a transaction
			}
			if err := c.StartTLS(); err != nil {
				t.Fatal(err)
			}
			dialog(t, c, []step{
				{"RCPT TO:<" + info + ">", "503 5.5.1 "},
				{"DATA", "503 5.5.1 "},
				{"MAIL FROM:<" + stranger + ">", "503 5.5.1 "},
				{"EHLO client.example.com", "250"},
				{"RCPT TO:<" + info + ">", "503 5.5.1 "},
				{"STARTTLS", "503 5.5.1 "},
			})
			if r, err := c.Ask("EHLO client.example.com"); err != nil || r.Has("STARTTLS") {
				t.Errorf("STARTTLS is offered under TLS: %v %v", r.Lines, err)
			}
		})
	}
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came", n-before)
	}
	b.alive(t)
}

// TestNoPasswordIsTakenInClear is row 9.
func TestNoPasswordIsTakenInClear(t *testing.T) {
	b := begin(t, server.Options{})
	t.Run("submission", func(t *testing.T) {
		c := b.client(t, "submission", "127.0.2.2")
		dialog(t, c, []step{{"", "220"}})
		r, err := c.Ask("EHLO client.example.com")
		if err != nil || r.Has("AUTH") || !r.Has("STARTTLS") {
			t.Errorf("EHLO in clear: %v %v", r.Lines, err)
		}
		dialog(t, c, []step{
			{wire.Plain(info, server.Password), "538 5.7.11 "},
			{"AUTH LOGIN", "538 5.7.11 "},
			{"MAIL FROM:<" + info + ">", "530 5.7.0 "},
			{"RCPT TO:<" + info + ">", "503 5.5.1 "},
		})
	})
	t.Run("submissions without login", func(t *testing.T) {
		c := b.client(t, "submissions", "127.0.2.2")
		dialog(t, c, []step{{"", "220"}, {"EHLO client.example.com", "250"}, {"MAIL FROM:<" + info + ">", "530 5.7.0 "}, {"DATA", "503 5.5.1 "}})
	})
	t.Run("the port of other servers", func(t *testing.T) {
		c := b.smtp(t, "127.0.2.2")
		dialog(t, c, []step{{wire.Plain(info, server.Password), "502 5.5.1 "}})
	})
	t.Run("imap", func(t *testing.T) {
		c := b.client(t, "imap", "127.0.2.2")
		greeting, err := c.Line()
		if err != nil || !strings.Contains(greeting, "LOGINDISABLED") || strings.Contains(greeting, "AUTH=") {
			t.Errorf("greeting %q %v", greeting, err)
		}
		i := &wire.IMAP{Conn: c}
		for _, command := range []string{"LOGIN " + info + " " + server.Password, "AUTHENTICATE PLAIN AGEAYg=="} {
			if r, err := i.Do(command); err != nil || !strings.HasPrefix(r.Tagged, "NO [PRIVACYREQUIRED]") {
				t.Errorf("%s: %q %v", command, r.Tagged, err)
			}
		}
	})
	t.Run("pop3", func(t *testing.T) {
		c := b.client(t, "pop3", "127.0.2.2")
		if line, err := c.Line(); err != nil {
			t.Fatal(line, err)
		}
		for _, command := range []string{"PASS " + server.Password, "AUTH PLAIN AGEAYg=="} {
			if line, ok, err := c.Says(command); ok || err != nil {
				t.Errorf("%s: %q %v", command, line, err)
			}
		}
		if line, ok, err := c.Says("USER " + info); err != nil {
			t.Errorf("USER: %q %v", line, err)
		} else if ok {
			if line, ok, err := c.Says("PASS " + server.Password); ok || err != nil {
				t.Errorf("PASS: %q %v", line, err)
			}
		}
	})
	b.alive(t)
}
