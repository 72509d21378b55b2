package interop

import (
	"fmt"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// msmtp sends a message that has lines as on this system.
func msmtp(t *testing.T, s *server.Server, protocol, password, to string, raw []byte) peer.Result {
	t.Helper()
	starttls := "on"
	if protocol == "submissions" {
		starttls = "off"
	}
	rc := peer.Write(t, t.TempDir()+"/rc", fmt.Sprintf("account default\nhost localhost\nport %s\ntls on\ntls_starttls %s\ntls_trust_file %s/cert.pem\n"+
		"auth plain\nuser info@example.test\npassword %s\nfrom info@example.test\ndomain client.example.com\n",
		peer.Port(s.Addr[protocol]), starttls, s.Dir, password), 0o600)
	return peer.Run(t, peer.Command{Name: "msmtp", Args: []string{"-C", rc, to}, Stdin: []byte(unix(raw))})
}

// TestMsmtpSends submits with STARTTLS and with TLS, and is told plainly what can not be.
func TestMsmtpSends(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, "demo@"+server.Domain)
	for i, protocol := range []string{"submission", "submissions"} {
		raw := fmt.Appendf(nil, "Date: Tue, 18 Nov 2025 10:20:30 +0300\r\n%s", letter("here", i))
		if r := msmtp(t, s, protocol, server.Password, "demo@example.test", raw); r.Code != 0 {
			t.Errorf("msmtp by %s: exit %d %s", protocol, r.Code, r.Err)
			continue
		}
		c.Do("EXAMINE INBOX")
		got := c.Fetch("(BODY.PEEK[])")
		m, err := cutTrace([]byte(imap.Text(got[len(got)-1]["BODY[]"])))
		if err != nil || m.protocol != "ESMTPSA" || m.from != "info@example.test" || string(m.rest) != string(raw) {
			t.Errorf("by %s came %q, %v", protocol, got, err)
		}
	}
	for _, bad := range []struct{ what, password, to, says string }{
		{"a wrong password", "wrong", "demo@example.test", "535 5.7.8"},
		{"an unknown recipient", server.Password, "nobody@example.test", "550 5.1.1"},
	} {
		r := msmtp(t, s, "submissions", bad.password, bad.to, letter("here", 3))
		if r.Code == 0 || !strings.Contains(r.Err, bad.says[:3]) || !strings.Contains(r.Err, bad.says[4:]) {
			t.Errorf("%s: exit %d %q, want %s", bad.what, r.Code, r.Err, bad.says)
		}
	}
	if n := c.Count("INBOX"); n != 2 {
		t.Errorf("%d messages arrived, want 2", n)
	}
}
