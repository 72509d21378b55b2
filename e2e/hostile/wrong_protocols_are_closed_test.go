package hostile

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
)

// TestWrongProtocolsAreClosed is rows 10 and 23: who speaks something else gets nothing done, and nobody hangs.
func TestWrongProtocolsAreClosed(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	before := messages(t, box, "INBOX")
	mail := "EHLO x\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<" + info + ">\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
	post := "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n" + mail
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x5a", 500)
	for _, c := range []struct {
		name, port, text string
	}{
		{"a TLS hello to SMTP", "smtp", hello},
		{"a TLS hello to submission", "submission", hello},
		{"a TLS hello to IMAP", "imap", hello},
		{"a TLS hello to POP3", "pop3", hello},
		{"HTTP GET to SMTP", "smtp", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"HTTP POST with a mail in it to SMTP", "smtp", post},
		{"HTTP POST to LMTP", "lmtp", strings.ReplaceAll(post, "EHLO", "LHLO")},
		{"HTTP POST to IMAP", "imap", post},
		{"HTTP POST to POP3", "pop3", post},
		{"SMTP to submissions without TLS", "submissions", mail},
		{"SMTP to IMAP", "imap", strings.Repeat(mail, 4)},
		{"SMTP to POP3", "pop3", strings.Repeat(mail, 4)},
		{"IMAP to SMTP", "smtp", strings.Repeat("a1 LOGIN x y\r\na2 SELECT INBOX\r\n", 20)},
		{"a PROXY header from nobody we trust", "smtp", "PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\n" + mail},
		{"a PROXY v2 header from nobody we trust", "smtp", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + "\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x19" + mail},
		{"binary junk", "smtp", strings.Repeat("\x00\xff\xfe\x01\x80", 2000)},
		{"binary junk to IMAP", "imap", strings.Repeat("\x00\xff\xfe\x01\x80\n", 2000)},
		{"binary junk to POP3", "pop3", strings.Repeat("\x00\xff\xfe\x01\x80\n", 2000)},
		{"an SSH banner", "smtp", "SSH-2.0-OpenSSH_9.9\r\n" + strings.Repeat("\x00\x00\x05\xdc\x06\x14\r\n", 100)},
		{"an RDP request", "smtp", "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := b.raw(t, c.port)
			_ = conn.Put(c.text) // it may be closed before all is sent
			b.within(t, 5*time.Second, "the end of the connection", func() {
				said, ended := conn.Rest()
				if !ended {
					t.Errorf("still open; it said %q", said)
				}
				if strings.Contains(said, "354") || strings.Contains(said, "250 2.0.0 Ok:") {
					t.Errorf("mail was taken: %q", said)
				}
			})
		})
	}
	if n := messages(t, box, "INBOX"); n != before {
		t.Errorf("%d messages came", n-before)
	}
	b.alive(t)
}

// TestTalkingBeforeTheBannerDoesNoHarm: an early talker may be refused or served, but not kept waiting.
func TestTalkingBeforeTheBannerDoesNoHarm(t *testing.T) {
	b := begin(t, server.Options{})
	c := b.client(t, "smtp", "127.0.2.2")
	put(t, c, "EHLO early.example.com\r\nQUIT\r\n")
	if said, ended := c.Rest(); !ended || !strings.HasPrefix(said, "220 ") && !strings.HasPrefix(said, "554 ") {
		t.Errorf("ended %v: %q", ended, said)
	}
	b.alive(t)
}

// TestOldTLSIsRefused: versions before 1.2 do not begin (RFC 8996).
func TestOldTLSIsRefused(t *testing.T) {
	b := begin(t, server.Options{})
	for _, port := range []string{"submissions", "imaps", "pop3s"} {
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
			c, err := tls.Dial("tcp", b.Addr[port], &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
			if err == nil {
				t.Errorf("%s speaks TLS %#x", port, version)
				_ = c.Close()
			}
		}
	}
	b.alive(t)
}

// TestTheAdminPortIsForLocalReadersOnly is rows 44 and 53 as far as there is HTTP: big heads, slow bodies, foreign
// names in Host (DNS rebinding), and nothing that changes anything.
func TestTheAdminPortIsForLocalReadersOnly(t *testing.T) {
	b := begin(t, server.Options{})
	base := "http://" + b.Addr["admin"]
	get := func(method, path, host string) int {
		req, err := http.NewRequest(method, base+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for _, c := range []struct {
		method, path, host string
		want               int
	}{
		{"GET", "/readyz", "", 200},
		{"GET", "/metrics", "", 200},
		{"GET", "/metrics", "evil.example", 403},
		{"POST", "/call/account.list", "", 404},
		{"POST", "/call/account.list", "evil.example", 403},
		{"GET", "/../../etc/passwd", "", 404},
	} {
		if got := get(c.method, c.path, c.host); got != c.want {
			t.Errorf("%s %s for host %q: %d, want %d", c.method, c.path, c.host, got, c.want)
		}
	}
	c := b.client(t, "admin", "127.0.2.2")
	put(t, c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
	_ = c.Put("X-Big: " + strings.Repeat("x", 4<<20) + "\r\n\r\n") // refused in the middle
	if said, ended := c.Rest(); !ended || said != "" && !strings.HasPrefix(said, "HTTP/1.1 431 ") {
		t.Errorf("a head of 4 MB: ended %v, %.100q", ended, said)
	}
	c = b.client(t, "admin", "127.0.2.2")
	put(t, c, mailAsHTTP)
	if said, ended := c.Rest(); !ended || !strings.HasPrefix(said, "HTTP/1.1 400 ") {
		t.Errorf("SMTP to HTTP: ended %v, %.100q", ended, said)
	}
	b.alive(t)
}

const mailAsHTTP = "EHLO x\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<" + info + ">\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n"
