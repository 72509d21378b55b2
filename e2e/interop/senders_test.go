package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/e2e/corpus"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// Each sender brings messages to the account that is named after it.

// stranger is the sender of what comes from outside; strangerUTF8 of what needs SMTPUTF8, which goes to the other
// address of an account that Postfix sends to.
const (
	stranger     = "sender@example.com"
	strangerUTF8 = "مرسل@example.com"
)

// swaks sends one message as it is, dots stuffed by us, and wants every answer to be a good one.
func swaks(t *testing.T, s *server.Server, protocol, to string, raw []byte, more ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, append(stuff(raw), '.'), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--server", s.Addr[protocol], "--to", to, "--helo", "client.example.com", "--no-data-fixup", "--data", "@" + file, "--silent", "2"}
	r := peer.Run(t, peer.Command{Name: "swaks", Args: append(args, more...)})
	if r.Code != 0 {
		t.Errorf("swaks by %s: exit %d\n%s%s", protocol, r.Code, r.Out, r.Err)
	}
}

// stuff doubles dots at the beginning of lines (RFC 5321 §4.5.2).
func stuff(raw []byte) []byte {
	b := bytes.ReplaceAll(raw, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(b, []byte(".")) {
		b = append([]byte("."), b...)
	}
	return b
}

func login(user string) []string {
	return []string{"--from", user, "--auth", "PLAIN", "--auth-user", user, "--auth-password", server.Password}
}

// quietPostfix makes Postfix pass on the bytes that it was given: no folding of long lines, no rewriting of
// addresses for local clients, no dropping of fields, no look into MIME.
const quietPostfix = `smtp_line_length_limit = 0
local_header_rewrite_clients =
message_drop_headers =
disable_mime_input_processing = yes
disable_mime_output_conversion = yes
`

// byPostfixChanged is what Postfix makes of single messages all by itself: a line that looks like the separator of
// an mbox file becomes a field, and a line that is no field ends the header section.
var byPostfixChanged = map[string]*strings.Replacer{
	"mbox_line": strings.NewReplacer("From sales@example.test Tue", "X-Mailbox-Line: From sales@example.test Tue",
		"this line is no field", "\r\nthis line is no field"),
	"obsolete_addresses": strings.NewReplacer("From : Sales", "X-Mailbox-Line: From : Sales", "To  :", "To:",
		"Subject  :", "Subject:", "Date  :", "Date:", "Message-ID  :", "Message-ID:"),
}

// asPostfix gives the corpus as it leaves Postfix, behind its Received field.
func asPostfix(ms []corpus.Message) []corpus.Message {
	var out []corpus.Message
	for _, m := range ms {
		if r := byPostfixChanged[m.Name]; r != nil {
			m.Raw = []byte(r.Replace(string(m.Raw)))
		}
		out = append(out, m)
	}
	return out
}

// addressUTF8 is the other address of an account that Postfix sends to.
var addressUTF8 = map[string]string{
	"postfix@" + server.Domain:      "صندوق@" + server.Domain,
	"postfix-tls@" + server.Domain:  "نامه@" + server.Domain,
	"postfix-lmtp@" + server.Domain: "پستچی@" + server.Domain,
}

// viaPostfix gives the messages to a Postfix that sends on by a protocol of ours, and waits until it has got rid
// of them. main is for its main.cf, with "PORT" for the listener's.
func viaPostfix(protocol, main string) func(*testing.T, *server.Server, string, []corpus.Message) {
	return func(t *testing.T, s *server.Server, to string, ms []corpus.Message) {
		t.Helper()
		main := quietPostfix + strings.ReplaceAll(main, "PORT", peer.Port(s.Addr[protocol]))
		relay(t, peer.StartPostfix(t, peer.PostfixOptions{Relay: s.Addr[protocol], Main: main}), to, ms)
	}
}

func relay(t *testing.T, p *peer.Postfix, to string, ms []corpus.Message) {
	t.Helper()
	c := dialSMTP(t, p.Addr)
	for _, m := range ms {
		from, rcpt, params := stranger, to, " BODY=8BITMIME"
		if needsUTF8(m.Raw) {
			from, rcpt, params = strangerUTF8, addressUTF8[to], params+" SMTPUTF8"
		}
		c.do(250, "MAIL FROM:<%s>%s", from, params)
		c.do(250, "RCPT TO:<%s>", rcpt)
		c.do(354, "DATA")
		c.do(250, "%s.", stuff(m.Raw))
	}
	c.do(221, "QUIT")
	for range 600 {
		if p.Queued() == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("Postfix keeps %d messages\n%s", p.Queued(), p.Log())
}

// needsUTF8 tells whether a header section has UTF-8 in it (RFC 6532).
func needsUTF8(raw []byte) bool {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	return bytes.ContainsFunc(head, func(r rune) bool { return r >= 0x80 && r != '\uFFFD' })
}

// smtpClient sends raw bytes to an SMTP server.
type smtpClient struct {
	t    *testing.T
	text *textproto.Conn
}

func dialSMTP(t *testing.T, addr string) *smtpClient {
	t.Helper()
	return dialWith(t, addr, "EHLO")
}

func dialLMTP(t *testing.T, addr string) *smtpClient {
	t.Helper()
	return dialWith(t, addr, "LHLO")
}

func dialWith(t *testing.T, addr, hello string) *smtpClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(peer.RunWait)); err != nil {
		t.Fatal(err)
	}
	c := &smtpClient{t, textproto.NewConn(conn)}
	if _, _, err := c.text.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	c.do(250, "%s client.example.com", hello)
	return c
}

// do says a line and wants an answer with the code.
func (c *smtpClient) do(code int, format string, args ...any) string {
	c.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := c.text.W.WriteString(line + "\r\n"); err != nil {
		c.t.Fatal(err)
	}
	if err := c.text.W.Flush(); err != nil {
		c.t.Fatal(err)
	}
	got, text, err := c.text.ReadResponse(code)
	if err != nil {
		c.t.Fatalf("%.100q was answered %d %s, want %d", line, got, text, code)
	}
	return strings.TrimSpace(text)
}
