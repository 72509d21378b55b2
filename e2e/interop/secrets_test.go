package interop

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// plants are what must never be written anywhere but into mailboxes and password hashes.
const (
	plantPassword = "Plant-password-7f3a"
	plantWrong    = "Plant-wrong-7f3a"
	plantSubject  = "Plant-subject-7f3a"
	plantBody     = "Plant-body-7f3a"
	plantFile     = "Plant-file-7f3a"
	plantField    = "Plant-field-7f3a"
	plantSearch   = "Plant-search-7f3a"
	plantJunk     = "Plant-junk-7f3a"
)

const keeper = "keeper@" + server.Domain

// TestNoSecretsInLogsAndTraces walks a whole journey with planted texts, and many a wrong turn, and looks for the
// plants in the log at its chattiest, in what the commands tell of the messages, and in the metrics.
func TestNoSecretsInLogsAndTraces(t *testing.T) {
	needTime(t)
	s := server.Prepare(t, server.Options{Settings: "[log]\nlevel = \"debug\"\n"})
	pw := peer.Write(t, t.TempDir()+"/pw", plantPassword+"\n", 0o600)
	s.Must("account", "add", keeper, "--password-file", pw)
	s.Boot()
	ids := plantMail(t, s)
	plantLogins(t, s)
	plantReading(t, s)
	told := plantSend(t, s, pw)
	for _, id := range ids {
		told += s.Must("trace", "msg", id) + s.Must("trace", "msg", id, "--json")
	}
	told += s.Must("status") + s.Must("status", "--json") + s.Must("account", "show", keeper, "--json") + metrics(t, s)
	log := s.Log()
	s.Stop()
	log += s.Log()
	for _, must := range []string{"level=DEBUG", "level=INFO", keeper, ids[0]} {
		if !strings.Contains(log+told, must) {
			t.Errorf("%q is nowhere: nothing was looked at", must)
		}
	}
	lookForPlants(t, "the log", log)
	lookForPlants(t, "what commands and metrics tell", told)
}

func lookForPlants(t *testing.T, where, text string) {
	t.Helper()
	for _, p := range []string{plantPassword, plantWrong, plantSubject, plantBody, plantFile, plantField, plantSearch, plantJunk} {
		for _, form := range []string{
			p, base64.StdEncoding.EncodeToString([]byte(p)), hex.EncodeToString([]byte(p)), plain(keeper, p),
			base64.RawStdEncoding.EncodeToString([]byte(p))[:16],
		} {
			if i := strings.Index(strings.ToLower(text), strings.ToLower(form)); i >= 0 {
				t.Errorf("%s has %q: %q", where, form, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// plain is the response of SASL PLAIN.
func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// planted is a message with a plant in every place.
func planted() []byte {
	return fmt.Appendf(nil, "From: %s\r\nTo: %[1]s\r\nSubject: %s\r\nX-Field: %s\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; name=%s\r\n\r\n%s\r\n", keeper, plantSubject, plantField, plantFile, plantBody)
}

// plantMail brings messages that are accepted, refused, broken off and too long. It gives the ids of the accepted.
func plantMail(t *testing.T, s *server.Server) []string {
	c := dialSMTP(t, s.Addr["smtp"])
	c.do(250, "MAIL FROM:<%s>", stranger)
	c.do(250, "RCPT TO:<%s>", keeper)
	c.do(550, "RCPT TO:<nobody@example.test>")
	c.do(354, "DATA")
	reply := c.do(250, "%s.", planted())
	c.do(250, "MAIL FROM:<%s>", stranger)
	c.do(250, "RCPT TO:<%s>", keeper)
	c.do(354, "DATA")
	c.do(550, "Subject: %s\r\n\r\nbare\n%s\r\n.", plantSubject, plantBody)
	c.do(500, "%s %s", plantJunk, plantBody)
	c.do(501, "MAIL FROM:<%s", plantJunk)
	c.do(250, "MAIL FROM:<%s>", stranger)
	c.do(250, "RCPT TO:<%s>", keeper)
	c.do(354, "DATA")
	if err := c.text.PrintfLine("Subject: %s\r\n\r\n%s", plantSubject, plantBody); err != nil {
		t.Fatal(err)
	}
	_ = c.text.Close() // in the middle of it
	l := dialLMTP(t, s.Addr["lmtp"])
	l.do(250, "MAIL FROM:<%s>", stranger)
	l.do(250, "RCPT TO:<%s>", keeper)
	l.do(354, "DATA")
	second := l.do(250, "%s.", planted())
	return []string{reply[strings.LastIndexByte(reply, ' ')+1:], second[strings.LastIndexByte(second, ' ')+1:]}
}

// plantLogins logs in rightly, wrongly and in ways that are no protocol.
func plantLogins(t *testing.T, s *server.Server) {
	for _, c := range []struct{ listener, script string }{
		{"submissions", "EHLO x.example.com\r\nAUTH PLAIN " + plain(keeper, plantWrong) + "\r\nAUTH PLAIN\r\n" + plain(keeper, plantPassword) + "\r\nQUIT\r\n"},
		{"submissions", "EHLO x.example.com\r\nAUTH LOGIN\r\n" + b64(keeper) + "\r\n" + b64(plantPassword) + "\r\nQUIT\r\n"},
		{"submissions", "EHLO x.example.com\r\nAUTH PLAIN !" + plain(keeper, plantPassword) + "\r\nAUTH " + plantJunk + "\r\nAUTH PLAIN *\r\nQUIT\r\n"},
		{"submission", "EHLO x.example.com\r\nAUTH PLAIN " + plain(keeper, plantPassword) + "\r\n" + plain(keeper, plantPassword) + "\r\nQUIT\r\n"},
		{"imaps", "a LOGIN " + keeper + " " + plantWrong + "\r\nb LOGIN " + keeper + " \"" + plantPassword + "\"\r\nc LOGOUT\r\n"},
		{"imaps", "a AUTHENTICATE PLAIN " + plain(keeper, plantPassword) + "\r\nb LOGOUT\r\n"},
		{"imaps", "a LOGIN " + keeper + " \"" + plantPassword + "\r\nb " + plantPassword + "\r\nc LOGIN " + plantPassword + "\r\nd LOGOUT\r\n"},
		{"imap", "a LOGIN " + keeper + " " + plantPassword + "\r\nb LOGOUT\r\n"},
		{"pop3s", "USER " + keeper + "\r\nPASS " + plantWrong + "\r\nUSER " + keeper + "\r\nPASS " + plantPassword + "\r\nSTAT\r\nQUIT\r\n"},
		{"pop3s", "PASS " + plantPassword + "\r\nAUTH PLAIN " + plain(keeper, plantPassword) + "\r\nQUIT\r\n"},
		{"pop3", "USER " + keeper + "\r\nPASS " + plantPassword + "\r\n" + plantJunk + "\r\nQUIT\r\n"},
	} {
		if heard := chat(t, s.Addr[c.listener], strings.HasSuffix(c.listener, "s"), c.script); len(strings.Split(heard, "\n")) < 3 {
			t.Errorf("%s said only %q", c.listener, heard)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// chat says lines one after the other, hears at least an answer to each, and gives all that was heard.
func chat(t *testing.T, addr string, withTLS bool, script string) string {
	t.Helper()
	var c net.Conn
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if withTLS {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if err := c.SetDeadline(time.Now().Add(imap.Wait)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	n, err := c.Read(b)
	heard := string(b[:n])
	for line := range strings.Lines(script) {
		if err != nil {
			break // it has closed
		}
		if _, err = io.WriteString(c, line); err == nil {
			n, err = c.Read(b)
			heard += string(b[:n])
		}
	}
	rest, _ := io.ReadAll(c) // what is left, if anything
	return heard + string(rest)
}

// plantReading searches, fetches, appends and errs in an IMAP session.
func plantReading(t *testing.T, s *server.Server) {
	c := imap.DialAs(t, s, keeper, plantPassword)
	if end := c.Append("INBOX", "", planted()); !strings.HasPrefix(end, "OK") {
		t.Error(end)
	}
	c.Do("SELECT INBOX")
	c.Do("SEARCH TEXT %q", plantSearch)
	c.Do("SEARCH SUBJECT %q HEADER X-Field %q BODY %q", plantSubject, plantField, plantBody)
	c.Do("FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY[])")
	c.Do("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]")
	for _, bad := range []string{"SEARCH %s", "%s " + plantBody, "FETCH 1 %s", "SELECT %q", "STORE 1 +FLAGS (\\%s)"} {
		if _, end := c.Try(bad, plantJunk); strings.HasPrefix(end, "OK") {
			t.Errorf("%s was answered %s", bad, end)
		}
	}
	if got := readFetchmailAs(t, s, keeper, plantPassword, "pop3s", "nokeep"); len(got) != 3 {
		t.Errorf("fetchmail got %d messages", len(got))
	}
}

// plantSend lets "barid send" log in and send, and gives what it shows but the message it was told to send.
func plantSend(t *testing.T, s *server.Server, pw string) string {
	r := peer.Must(t, peer.Command{Name: server.Binary(t), Args: []string{
		"send", "--server", s.Addr["submissions"], "--user", keeper, "--password-file", pw, "--from", keeper, "--to", keeper, "--tls", "implicit",
		"--subject", plantSubject, "--body", plantBody,
	}})
	return r.Out + r.Err
}

func metrics(t *testing.T, s *server.Server) string {
	r, err := http.Get("http://" + s.Addr["admin"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(b), "barid_") {
		t.Fatalf("%v: %.200q", err, b)
	}
	return string(b)
}
