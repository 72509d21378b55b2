package hostile

import (
	"fmt"
	"strings"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// endForms are what some server somewhere has taken for the end of a message. Only the first is one; it shows
// that the test can see two messages. real tells forms that hold a real end behind something that is refused.
var endForms = []struct {
	name, form string
	real       bool
}{
	{"CRLF.CRLF, the control", "\r\n.\r\n", true},
	{"LF.LF", "\n.\n", false},
	{"LF.CRLF", "\n.\r\n", false},
	{"CRLF.LF", "\r\n.\n", false},
	{"CR.CR", "\r.\r", false},
	{"CR.CRLF", "\r.\r\n", false},
	{"CRLF.CR", "\r\n.\r", false},
	{"LF.CR", "\n.\r", false},
	{"CR.LF", "\r.\n", false},
	{"LFLF.LF", "\n\n.\n", false},
	{"LFLF.CRLF", "\n\n.\r\n", false},
	{"CRLFLF.LF", "\r\n\n.\n", false},
	{"CRLFCR.CR", "\r\n\r.\r", false},
	{"CRCR.CRCR", "\r\r.\r\r", false},
	{"LFCR.LFCR", "\n\r.\n\r", false},
	{"CRLF.CRCRLF", "\r\n.\r\r\n", false},
	{"CRCRLF.CRLF", "\r\r\n.\r\n", true},
	{"CRLF.NUL CRLF", "\r\n.\x00\r\n", false},
	{"CRLF NUL.CRLF", "\r\n\x00.\r\n", false},
	{"NUL CRLF.CRLF", "\x00\r\n.\r\n", true},
	{"CRLF..CRLF", "\r\n..\r\n", false},
	{"CRLF.blank CRLF", "\r\n. \r\n", false},
	{"CRLF blank.CRLF", "\r\n .\r\n", false},
	{"CRLF.TAB CRLF", "\r\n.\t\r\n", false},
	{"CRLF.VT CRLF", "\r\n.\v\r\n", false},
	{"CRLF.FF CRLF", "\r\n.\f\r\n", false},
	{"NEL.NEL", "\u0085.\u0085", false},
	{"LS.LS", "\u2028.\u2028", false},
	{"0x85.0x85", "\x85.\x85", false},
	{"CR NUL LF.CR NUL LF", "\r\x00\n.\r\x00\n", false},
}

// TestNoFormOfEndOfDataMakesTwoMessages is rows 1 and 2: each form inside a message, with a second transaction
// behind it, on every port, by DATA and by BDAT. One message is stored or none.
func TestNoFormOfEndOfDataMakesTwoMessages(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	for _, port := range []string{"smtp", "submission", "submissions"} {
		for _, by := range []string{"DATA", "BDAT"} {
			for i, f := range endForms {
				t.Run(port+" "+by+" "+f.name, func(t *testing.T) {
					var c *wire.Conn
					if port == "smtp" {
						c = b.smtp(t, "127.0.2.2")
					} else {
						c = b.submission(t, port, "127.0.2.3")
					}
					before := messages(t, box, "INBOX")
					said := smuggle(t, c, by, f.form)
					_ = c.Close()
					came := messages(t, box, "INBOX") - before
					switch {
					case i == 0 && by == "DATA":
						if came != 2 {
							t.Errorf("the control made %d messages:\n%s", came, said)
						}
					case came > 1:
						t.Errorf("%q made %d messages:\n%s", f.form, came, said)
					case came == 1 && strings.Contains(said, "550 5.6.11") && !f.real:
						t.Errorf("%q was refused and something was stored:\n%s", f.form, said)
					case came == 1 && (by == "BDAT" || !f.real):
						raw := latest(t, box, "INBOX", "BODY.PEEK[]")["BODY[]"].Text
						if !strings.Contains(raw, "MAIL FROM:<") || !strings.Contains(raw, "Subject: outer") {
							t.Errorf("%q: what was stored is not the whole:\n%q", f.form, raw)
						}
					case came == 0 && !strings.Contains(said, "550 5.6.11"):
						t.Errorf("%q: nothing was stored, and the answers were\n%s", f.form, said)
					}
				})
			}
			b.alive(t)
		}
	}
}

// smuggle sends a message that holds form and a transaction behind it, and gives all answers.
func smuggle(t *testing.T, c *wire.Conn, by, form string) string {
	t.Helper()
	message := "From: <" + info + ">\r\nSubject: outer\r\n\r\nhello" + form +
		"MAIL FROM:<" + info + ">\r\nRCPT TO:<" + info + ">\r\nDATA\r\nFrom: <" + info + ">\r\nSubject: inner\r\n\r\nsmuggled"
	dialog(t, c, []step{{"MAIL FROM:<" + info + ">", "250"}, {"RCPT TO:<" + info + ">", "250"}})
	text := fmt.Sprintf("BDAT %d LAST\r\n%s\r\nQUIT\r\n", len(message)+2, message)
	if by == "DATA" {
		dialog(t, c, []step{{"DATA", "354"}})
		text = message + "\r\n.\r\nQUIT\r\n"
	}
	if err := c.Put(text); err != nil {
		t.Fatal(err)
	}
	said, ended := c.Rest()
	if !ended || !strings.Contains(said, "221 ") {
		t.Errorf("the session is out of step (ended: %v):\n%s", ended, said)
	}
	return said
}
