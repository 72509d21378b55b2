package relay

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	basetls "barid/base/tls"
	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
)

// certificate writes a certificate for loopback, as Postfix reads it, and gives its file.
func certificate(t *testing.T) string {
	t.Helper()
	cert, key, err := basetls.SelfSigned{
		Names: []string{"relay.test"}, IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, From: time.Now().Add(-time.Hour), For: 24 * time.Hour,
	}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "barid-certificate-") // not t.TempDir: Postfix must be able to walk there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return peer.Write(t, filepath.Join(dir, "both.pem"), string(cert)+string(key), 0o644)
}

// smarthost is a Postfix as providers run it: nobody sends without a login, nobody logs in without TLS. Dovecot knows
// the passwords. What it takes goes on to end.
func smarthost(t *testing.T, cert string, end *sink.Sink, implicit bool) *peer.Postfix {
	t.Helper()
	d := peer.StartDovecot(t, peer.DovecotOptions{})
	main := fmt.Sprintf(`mynetworks = 192.0.2.1/32
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %s
smtpd_sasl_security_options = noanonymous
smtpd_sasl_authenticated_header = yes
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
smtpd_tls_cert_file = %[2]s
smtpd_tls_key_file = %[2]s
`, d.SASL(), cert)
	if implicit {
		main += "smtpd_tls_wrappermode = yes\n"
	}
	return peer.StartPostfix(t, peer.PostfixOptions{Relay: end.Addr(), Main: main})
}

// TestMailGoesThroughAPostfixWithALogin sends through a real Postfix that wants TLS and AUTH, by STARTTLS and by TLS at
// once. A wrong password, and a certificate that nobody vouches for, delay the mail and lose none.
func TestMailGoesThroughAPostfixWithALogin(t *testing.T) {
	if testing.Short() {
		t.Skip("tests with real peers are left out with -short")
	}
	cert := certificate(t)
	for scheme, implicit := range map[string]bool{"smtp": false, "smtps": true} {
		t.Run(scheme, func(t *testing.T) {
			end := sink.Start(t, sink.Options{})
			p := smarthost(t, cert, end, implicit)
			s := boot(t, server.Options{Env: []string{"SSL_CERT_FILE=" + cert, "SSL_CERT_DIR=" + t.TempDir()}})
			address := scheme + "://office@relay.test@" + p.Addr
			wrong := filepath.Join(t.TempDir(), "wrong")
			peer.Write(t, wrong, "not-the-password\n", 0o600)
			s.Must("relay", "set", address, "--password-file", wrong)
			if out, _, code := s.Run("relay", "test", "default"); code != 3 || !strings.Contains(out, "535") {
				t.Errorf("a wrong password: exit %d\n%s", code, out)
			}
			submit(t, s, "فروش@far.example")
			await(t, s, "a refused login", func() bool { return strings.Contains(s.Must("queue", "list"), "535") })
			s.Must("relay", "set", address)
			await(t, s, "the message", func() bool { return end.Count() == 1 })
			m := end.Messages()[0]
			if m.From != sender || m.Rcpts[0].To != "فروش@far.example" || !strings.Contains(m.Body, "(Authenticated sender: office@relay.test)") ||
				!strings.Contains(m.Body, "using TLSv1.3") {
				t.Errorf("%q %+v\n%s", m.From, m.Rcpts, m.Body)
			}
			if out := s.Must("relay", "test", "default"); !strings.Contains(out, "235") {
				t.Errorf("the right password:\n%s", out)
			}
			if out := s.Must("queue", "list"); strings.Contains(out, "far.example") {
				t.Errorf("still in the queue:\n%s", out)
			}
		})
	}
	t.Run("nobody vouches for the certificate", func(t *testing.T) {
		end := sink.Start(t, sink.Options{})
		p := smarthost(t, cert, end, false)
		s := boot(t, server.Options{})
		s.Must("relay", "set", "smtp://office@relay.test@"+p.Addr)
		submit(t, s, "demo@far.example")
		await(t, s, "a refused certificate", func() bool { return strings.Contains(s.Must("queue", "list"), "4.7.5") })
		s.Must("relay", "set", "smtp://office@relay.test@"+p.Addr, "--tls", "unverified")
		await(t, s, "the message", func() bool { return end.Count() == 1 })
	})
}
