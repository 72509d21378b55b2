package hostile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// TestAddressesHoldNoControls is row 4 and the SMTP half of row 54: line ends, NUL and control characters in
// every argument; what looks like SQL, LDAP or a shell is data.
func TestAddressesHoldNoControls(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	for _, c := range []struct{ name, say, hear string }{
		{"bare LF in MAIL", "MAIL FROM:<a@elsewhere.example\nRCPT TO:<info@example.test>>", "500 5.5.2 "},
		{"bare CR in MAIL", "MAIL FROM:<a@elsewhere.example\rX>", "500 5.5.2 "},
		{"NUL in MAIL", "MAIL FROM:<a\x00b@elsewhere.example>", "500 5.5.2 "},
		{"TAB in the local part", "MAIL FROM:<a\tb@elsewhere.example>", "501 5.1.7 "},
		{"ESC in the local part", "MAIL FROM:<a\x1b[2Jb@elsewhere.example>", "501 5.1.7 "},
		{"DEL in the local part", "MAIL FROM:<a\x7fb@elsewhere.example>", "501 5.1.7 "},
		{"control in a quoted local part", "MAIL FROM:<\"a\x01b\"@elsewhere.example>", "501 5.1.7 "},
		{"escaped control in a quoted local part", "MAIL FROM:<\"a\\\x01b\"@elsewhere.example>", "501 5.1.7 "},
		{"control in the domain", "MAIL FROM:<a@else\x01where.example>", "501 5.1.7 "},
		{"blank in the domain", "MAIL FROM:<a@else where.example>", "501 5.1.7 "},
		{"no at sign", "MAIL FROM:<elsewhere>", "501 5.1.7 "},
		{"two at signs", "MAIL FROM:<a@b@elsewhere.example>", "501 5.1.7 "},
		{"no bracket", "MAIL FROM:a@elsewhere.example>", "501 5.1.7 "},
		{"an open bracket", "MAIL FROM:<a@elsewhere.example", "501 5.1.7 "},
		{"an empty quoted local part, cut UTF-8", "MAIL FROM:<\"\xd9@elsewhere.example>", "501 5.1.7 "},
		{"8-bit without SMTPUTF8", "MAIL FROM:<\xd9\x85@elsewhere.example>", "553 5.6.7 "},
		{"broken UTF-8 with SMTPUTF8", "MAIL FROM:<\xd9@elsewhere.example> SMTPUTF8", "501 5.1.7 "},
		{"text behind the path", "MAIL FROM:<a@elsewhere.example>x", "501 5.5.4 "},
		{"unknown parameter", "MAIL FROM:<a@elsewhere.example> X-EVIL=1", "555 5.5.4 "},
		{"AUTH= where it is not offered", "MAIL FROM:<a@elsewhere.example> AUTH=<>", "555 5.5.4 "},
		{"BODY=9BIT", "MAIL FROM:<a@elsewhere.example> BODY=9BIT", "501 5.5.4 "},
		{"SIZE twice", "MAIL FROM:<a@elsewhere.example> SIZE=1 SIZE=2", "501 5.5.4 "},
		{"SIZE=-1", "MAIL FROM:<a@elsewhere.example> SIZE=-1", "501 5.5.4 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			dialog(t, conn, []step{{c.say, c.hear}, {"RCPT TO:<" + info + ">", "503 5.5.1 "}, {"QUIT", "221 "}})
		})
	}
	for _, c := range []struct{ name, say, hear string }{
		{"control in RCPT", "RCPT TO:<a\x01b@example.test>", "501 5.1.3 "},
		{"bare LF in RCPT", "RCPT TO:<info@example.test>\nDATA", "500 5.5.2 "},
		{"NUL in RCPT", "RCPT TO:<info@example.test\x00.elsewhere.example>", "500 5.5.2 "},
		{"null recipient", "RCPT TO:<>", "501 5."},
		{"a command as address", "RCPT TO:<|/bin/sh -c id@example.test>", "501 5.1.3 "},
		{"a quoted command as address", "RCPT TO:<\"|/bin/sh -c id\"@example.test>", "550 5.1.1 "},
		{"a file as address", "RCPT TO:</etc/passwd@example.test>", "550 5.1.1 "},
		{"SQL", "RCPT TO:<\"' OR 1=1 --\"@example.test>", "550 5.1.1 "},
		{"LDAP", "RCPT TO:<*@example.test>", "550 5.1.1 "},
		{"a path", "RCPT TO:<../../info@example.test>", "501 5.1.3 "},
		{"NOTIFY=NEVER,SUCCESS", "RCPT TO:<info@example.test> NOTIFY=NEVER,SUCCESS", "555 5.5.4 "},
		{"ORCPT with a bare control", "RCPT TO:<info@example.test> ORCPT=rfc822;a\x02b", "501 5.5.4 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			dialog(t, conn, []step{{"MAIL FROM:<>", "250"}, {c.say, c.hear}, {"DATA", "554 5.5.1 "}, {"QUIT", "221 "}})
		})
	}
	for _, c := range []struct{ name, say, hear string }{
		{"HELO with control", "EHLO a\x02b", "501 5.5.4 "},
		{"HELO with NUL", "EHLO a\x00b", "500 5.5.2 "},
		{"HELO with bare LF", "EHLO a\nMAIL FROM:<>", "500 5.5.2 "},
		{"HELO with two words", "EHLO a b", "501 5.5.4 "},
		{"HELO with nothing", "EHLO", "501 5.5.4 "},
		{"HELO with 8-bit", "EHLO \xd9\x85", "501 5.5.4 "},
		{"HELO of 300 octets", "EHLO " + strings.Repeat("a", 300), "501 5.5.4 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.client(t, "smtp", "127.0.2.2")
			dialog(t, conn, []step{{"", "220"}, {c.say, c.hear}, {"MAIL FROM:<>", "503 5.5.1 "}, {"QUIT", "221 "}})
		})
	}
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came", n-before)
	}
	b.alive(t)
}

// TestAuthParameterIsChecked: a login says AUTH= with control characters (RFC 4954 §5).
func TestAuthParameterIsChecked(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.submission(t, "submission", "127.0.2.2")
	dialog(t, c, []step{
		{"MAIL FROM:<" + info + "> AUTH=a\x01b", "501 5.5.4 "},
		{"MAIL FROM:<" + info + "> AUTH=e+3dmc2@exa+", "501 5.5.4 "},
		{"MAIL FROM:<" + info + "> AUTH=<>", "250 "},
		{"RSET", "250 "},
	})
	b.alive(t)
}

// TestTheTransactionIsForgotten is rows 11 and 12: after every end of a transaction, taken or refused, nothing of
// it is left, and commands out of order change nothing.
func TestTheTransactionIsForgotten(t *testing.T) {
	b := begin(t, server.Options{Settings: "[limits]\nmessage_bytes = 65536\n"})
	box := b.imap(t, "127.0.2.1", info)
	begun := []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}}
	big := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1400)
	nothingLeft := []step{{"RCPT TO:<" + info + ">", "503 5.5.1 "}, {"DATA", "503 5.5.1 "}, {"BDAT 3 LAST\r\nx", "503 5.5.1 "}, {"NOOP", "250"}}
	for _, c := range []struct {
		name  string
		steps []step
		came  int
	}{
		{"a message that was taken", append(begun, step{"DATA", "354"}, step{"Subject: x\r\n\r\nx\r\n.", "250 2.0.0 "}), 1},
		{"bare LF refused", append(begun, step{"DATA", "354"}, step{"Subject: x\r\n\r\nx\ny\r\n.", "550 5.6.11 "}), 0},
		{"bare CR refused", append(begun, step{"DATA", "354"}, step{"Subject: x\r\n\r\nx\ry\r\n.", "550 5.6.11 "}), 0},
		{"NUL refused", append(begun, step{"DATA", "354"}, step{"Subject: x\r\n\r\nx\x00y\r\n.", "550 5.6.11 "}), 0},
		{"too big by DATA", append(begun, step{"DATA", "354"}, step{big + ".", "552 5.3.4 "}), 0},
		{"too big by BDAT", append(begun, step{fmt.Sprintf("BDAT %d LAST\r\n%s", len(big), strings.TrimSuffix(big, "\r\n")), "552 5.3.4 "}), 0},
		{"a wrong BDAT message", append(begun, step{"BDAT 5 LAST\r\na\nb", "550 5.6.11 "}), 0},
		{"a loop refused", append(begun, step{"DATA", "354"}, step{strings.Repeat("Received: from a by b\r\n", 150) + "\r\nx\r\n.", "554 5.4.6 "}), 0},
		{"RSET", append(begun, step{"RSET", "250"}), 0},
		{"EHLO", append(begun, step{"EHLO again.example.com", "250"}), 0},
		{"HELO", append(begun, step{"HELO again.example.com", "250"}), 0},
		{"RSET in a message by BDAT", append(begun, step{"BDAT 4\r\nab", "250"}, step{"RSET", "250"}), 0},
		{"MAIL refused", []step{{"MAIL FROM:<a@elsewhere.example> SIZE=9999999", "552 5.3.4 "}}, 0},
		{"nothing at all", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.smtp(t, "127.0.2.2")
			n := messages(t, box, "INBOX")
			dialog(t, conn, c.steps)
			dialog(t, conn, nothingLeft)
			dialog(t, conn, append(begun, step{"DATA", "354"}, step{"Subject: next\r\n\r\nx\r\n.", "250 2.0.0 "}, step{"QUIT", "221"}))
			if got := messages(t, box, "INBOX") - n; got != c.came+1 {
				t.Errorf("%d messages came, want %d", got, c.came+1)
			}
		})
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"MAIL twice", []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"MAIL FROM:<other@elsewhere.example>", "503 5.5.1 "}}},
		{"MAIL twice with recipients", append(begun, step{"MAIL FROM:<other@elsewhere.example>", "503 5.5.1 "})},
		{"DATA without recipients", []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"DATA", "554 5.5.1 "}}},
		{"DATA with all recipients refused", []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"RCPT TO:<nobody@example.test>", "550 5.1.1 "}, {"DATA", "554 5.5.1 "}}},
		{"DATA after BDAT", append(begun, step{"BDAT 4\r\nab", "250"}, step{"DATA", "503 5.5.1 "})},
		{"DATA for BINARYMIME", []step{{"MAIL FROM:<" + stranger + "> BODY=BINARYMIME", "250"}, {"RCPT TO:<" + info + ">", "250"}, {"DATA", "503 5.5.1 "}}},
		{"DATA with an argument", append(begun, step{"DATA now", "501 5.5.4 "})},
		{"before EHLO", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.steps == nil {
				conn := b.client(t, "smtp", "127.0.2.2")
				dialog(t, conn, []step{{"", "220"}, {"MAIL FROM:<" + stranger + ">", "503 5.5.1 "}, {"RCPT TO:<" + info + ">", "503 5.5.1 "}, {"DATA", "503 5.5.1 "}})
				return
			}
			n := messages(t, box, "INBOX")
			conn := b.smtp(t, "127.0.2.2")
			dialog(t, conn, c.steps)
			_ = conn.Close()
			if got := messages(t, box, "INBOX"); got != n {
				t.Errorf("%d messages came", got-n)
			}
		})
	}
	b.alive(t)
}

// TestChunksAreBounded is row 13: sizes that are none, and very many small chunks.
func TestChunksAreBounded(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	begun := []step{{"MAIL FROM:<" + stranger + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}}
	for _, size := range []string{"9223372036854775808", "18446744073709551616", "-1", "+5", "", "abc", "0x10", "1.5", "5 FIRST", "5 LAST LAST"} {
		t.Run("BDAT "+size, func(t *testing.T) {
			c := b.smtp(t, "127.0.2.2")
			dialog(t, c, append(begun, step{"BDAT " + size, "501 5.5.4 |" + closed}))
		})
	}
	t.Run("a chunk of 2^63-1 octets", func(t *testing.T) {
		c := b.smtp(t, "127.0.2.2")
		dialog(t, c, append(begun, step{"BDAT 9223372036854775807 LAST\r\nSubject: x\r\n\r\n", "552 5.3.4 |" + closed}))
	})
	t.Run("a chunk that nobody wants", func(t *testing.T) {
		c := b.smtp(t, "127.0.2.2")
		dialog(t, c, []step{{"BDAT 9223372036854775807", "503 5.5.1 |" + closed}})
	})
	t.Run("50,000 chunks of one octet", func(t *testing.T) {
		c := b.smtp(t, "127.0.2.2")
		dialog(t, c, begun)
		sent := make(chan error, 1)
		go func() { sent <- c.Put(strings.Repeat("BDAT 1\r\nx", 50_000) + "BDAT 0 LAST\r\nQUIT\r\n") }()
		said, ended := c.Rest()
		if !ended || !strings.Contains(said, "\r\n554 5.5.0 ") && !strings.Contains(said, "\r\n421 ") {
			t.Errorf("ended: %v, last words %q", ended, said[max(0, len(said)-200):])
		}
		if n := strings.Count(said, "250 2.0.0 1 octets"); n > 2000 {
			t.Errorf("%d chunks were taken", n)
		}
		<-sent
	})
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came", n-before)
	}
	b.alive(t)
}

// TestWhatIsBrokenOffIsNotDelivered is rows 14 and 15: the connection ends inside a message, in every way.
func TestWhatIsBrokenOffIsNotDelivered(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	head := "Subject: cut\r\n\r\n" + strings.Repeat("a line of it\r\n", 500)
	for _, port := range []string{"smtp", "submission", "submissions"} {
		for name, text := range map[string]string{
			"in a line":             head + "half a li",
			"behind a line":         head,
			"behind CRLF.":          head + ".",
			"behind CRLF.CR":        head + ".\r",
			"before any octet":      "",
			"in a chunk":            fmt.Sprintf("BDAT %d LAST\r\n%s", len(head)+1, head),
			"between two chunks":    fmt.Sprintf("BDAT %d\r\n%s", len(head), head),
			"behind the size":       "BDAT 500 LAST\r\n",
			"in the last command":   fmt.Sprintf("BDAT %d\r\n%sBDAT 0 LAS", len(head), head),
			"behind the last, bare": fmt.Sprintf("BDAT %d\r\n%sBDAT 0 LAST\n", len(head), head),
		} {
			for how, end := range map[string]func(*wire.Conn) error{"FIN": (*wire.Conn).Cut, "RST": (*wire.Conn).Reset, "close": (*wire.Conn).Close} {
				t.Run(port+" "+name+" "+how, func(t *testing.T) {
					var c *wire.Conn
					if port == "smtp" {
						c = b.smtp(t, "127.0.2.2")
					} else {
						c = b.submission(t, port, "127.0.2.3")
					}
					dialog(t, c, []step{{"MAIL FROM:<" + info + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}})
					if !strings.HasPrefix(text, "BDAT") {
						dialog(t, c, []step{{"DATA", "354"}})
					}
					if err := c.Put(text); err != nil {
						t.Fatal(err)
					}
					_ = end(c) // the server's end may be gone already
				})
			}
		}
		b.alive(t)
	}
	b.settled(t)
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came of connections that broke off", n-before)
	}
}

// settled waits until the SMTP sessions of the attacks have ended.
func (b *bed) settled(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		var s struct {
			Listeners []struct {
				Protocol string
				Sessions int
			}
		}
		b.JSON(&s, "status")
		open := 0
		for _, l := range s.Listeners {
			if strings.HasPrefix(l.Protocol, "smtp") || strings.HasPrefix(l.Protocol, "submission") {
				open += l.Sessions
			}
		}
		if len(s.Listeners) == 0 {
			t.Fatal("status tells no listeners")
		}
		if open == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("sessions of connections that broke off are still open after a minute")
}
