package tls

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pairFor writes a self-signed certificate for the names.
func pairFor(t *testing.T, dir string, names ...string) Pair {
	t.Helper()
	p := Pair{filepath.Join(dir, names[0]+".crt"), filepath.Join(dir, names[0]+".key")}
	s := SelfSigned{
		Names: names, IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")},
		From: time.Now().Add(-time.Hour), For: 365 * 24 * time.Hour,
	}
	if err := s.Write(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCertificateIsChosenByName(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(pairFor(t, dir, "mail.example.org"), pairFor(t, dir, "mx.example.net", "*.example.net"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ask, want string }{
		{"mail.example.org", "mail.example.org"},
		{"MX.Example.NET.", "mx.example.net"},
		{"any.example.net", "mx.example.net"},
		{"two.levels.example.net", "mail.example.org"},
		{"", "mail.example.org"},
		{"unknown.example", "mail.example.org"},
	} {
		cert, err := s.Certificate(&tls.ClientHelloInfo{ServerName: c.ask})
		if err != nil || cert.Leaf.Subject.CommonName != c.want {
			t.Errorf("%q: got %v, %v, want %s", c.ask, cert.Leaf.Subject, err, c.want)
		}
	}
	if n := len(s.Leaves()); n != 2 {
		t.Errorf("%d leaves, want 2", n)
	}
}

func TestReloadServesTheNewCertificateAndKeepsTheOldOnFailure(t *testing.T) {
	p := pairFor(t, t.TempDir(), "mail.example.org")
	s, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	old := s.Leaves()[0].SerialNumber
	if changed, err := s.Refresh(); changed || err != nil {
		t.Fatalf("Refresh without a change: %v, %v", changed, err)
	}
	pairFor(t, filepath.Dir(p.Cert), "mail.example.org")
	if changed, err := s.Refresh(); !changed || err != nil {
		t.Fatalf("Refresh after a change: %v, %v", changed, err)
	}
	renewed := s.Leaves()[0].SerialNumber
	if renewed.Cmp(old) == 0 {
		t.Fatal("old certificate is still served")
	}
	if err := os.WriteFile(p.Key, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(); err == nil {
		t.Fatal("a broken key was taken")
	}
	if s.Leaves()[0].SerialNumber.Cmp(renewed) != 0 {
		t.Fatal("certificate lost by a failed reload")
	}
}

func TestKeyIsForItsOwnerOnly(t *testing.T) {
	p := pairFor(t, t.TempDir(), "mail.example.org")
	fi, err := os.Stat(p.Key)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", fi.Mode(), err)
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	a, b := pairFor(t, dir, "a.example"), pairFor(t, dir, "b.example")
	for _, p := range []Pair{{a.Cert, b.Key}, {filepath.Join(dir, "none"), a.Key}, {a.Cert, a.Cert}} {
		if _, err := Open(p); err == nil {
			t.Errorf("%v was taken", p)
		}
	}
	if _, err := Open(); err == nil {
		t.Error("no pair was taken")
	}
}

// A handshake with the generated certificate: a client that trusts it must find nothing wrong with it.
func TestHandshake(t *testing.T) {
	s, err := Open(pairFor(t, t.TempDir(), "mail.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Leaves()[0])
	for _, c := range []struct {
		name    string
		version uint16
		want    string
		ok      bool
	}{
		{"mail.example.org", tls.VersionTLS13, "TLS1.3 ", true},
		{"127.0.0.1", tls.VersionTLS12, "TLS1.2 ", true},
		{"other.example.org", tls.VersionTLS13, "", false},
		{"mail.example.org", tls.VersionTLS11, "", false},
	} {
		state, err := handshake(s.Server(), &tls.Config{
			ServerName: c.name, RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: c.version,
		})
		if (err == nil) != c.ok {
			t.Errorf("%s %x: %v", c.name, c.version, err)
			continue
		}
		if got := Describe(state); c.ok && got[:7] != c.want {
			t.Errorf("%s: described as %q", c.name, got)
		}
	}
}

// handshake goes over loopback: a pipe has no buffer, so that two sides that both write wait for ever.
func handshake(server, client *tls.Config) (tls.ConnectionState, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer l.Close()
	go func() {
		if nc, err := l.Accept(); err == nil {
			defer nc.Close()
			_ = tls.Server(nc, server).Handshake() // its failure shows on the client
		}
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", l.Addr().String(), client)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	return c.ConnectionState(), nil
}
