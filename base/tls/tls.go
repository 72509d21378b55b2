// Package tls keeps the certificates of the server and says how TLS was spoken.
//
// Life: app opens one Store; every listener takes its configuration from it; a certificate that is renewed on
// disk is served from the next handshake after Reload.
// Promises: TLS 1.2 is the least we speak; a reload that fails leaves the certificates that work in place.
// Limits: MaxPEM octets a file. Failure: errors name the file; a pair whose parts do not fit is refused.
// Standards: RFC 8446, RFC 6066 §3 (SNI), RFC 8314 §4, RFC 9325, RFC 5280.
package tls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// MaxPEM is how much of a certificate or key file is read, in octets.
const MaxPEM = 1 << 20

// A Pair names the PEM files of a certificate chain and its key; both may be the same file.
type Pair struct{ Cert, Key string }

// A Store holds certificates and chooses one for each handshake. It is safe for many goroutines.
type Store struct {
	pairs []Pair
	now   atomic.Pointer[set]
}

// set is what is served; it never changes, a reload makes another.
type set struct {
	byName map[string]*tls.Certificate // lower case; "*.example.org" for wildcards
	first  *tls.Certificate
	stamps []stamp
}

// stamp tells whether a file has changed.
type stamp struct {
	size int64
	time time.Time
}

// ErrNone is a store without certificates.
var ErrNone = errors.New("tls: no certificate")

// Open loads the pairs. The first serves clients that name no host, or one we have no certificate for.
func Open(pairs ...Pair) (*Store, error) {
	if len(pairs) == 0 {
		return nil, ErrNone
	}
	s := &Store{pairs: pairs}
	return s, s.Reload()
}

// Reload reads the files again. After an error the old certificates stay.
func (s *Store) Reload() error {
	next := &set{byName: make(map[string]*tls.Certificate)}
	for _, p := range s.pairs {
		cert, err := load(p)
		if err != nil {
			return err
		}
		if next.first == nil {
			next.first = cert
		}
		next.add(cert)
	}
	next.stamps = stamps(s.pairs)
	s.now.Store(next)
	return nil
}

// Refresh reloads if a file has changed since it was read, and tells whether it did.
func (s *Store) Refresh() (changed bool, err error) {
	old, current := s.now.Load().stamps, stamps(s.pairs)
	for i := range current {
		if old[i] != current[i] {
			return true, s.Reload()
		}
	}
	return false, nil
}

// stamps looks at the files; one that is missing has the zero stamp.
func stamps(pairs []Pair) []stamp {
	list := make([]stamp, 0, 2*len(pairs))
	for _, p := range pairs {
		for _, name := range []string{p.Cert, p.Key} {
			var st stamp
			if fi, err := os.Stat(name); err == nil {
				st = stamp{fi.Size(), fi.ModTime()}
			}
			list = append(list, st)
		}
	}
	return list
}

// load reads one pair and parses its leaf.
func load(p Pair) (*tls.Certificate, error) {
	certPEM, err := readFile(p.Cert)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readFile(p.Key)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", p.Cert, err)
		}
	}
	return &cert, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxPEM+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > MaxPEM {
		return nil, fmt.Errorf("reading %s: more than %d octets", name, MaxPEM)
	}
	return b, nil
}

// add files cert under its names; the first certificate of a name stays.
func (n *set) add(cert *tls.Certificate) {
	for _, name := range cert.Leaf.DNSNames {
		name = strings.ToLower(name)
		if n.byName[name] == nil {
			n.byName[name] = cert
		}
	}
}

// choose gives the certificate for a host name: its own, the wildcard of its parent, the first.
func (n *set) choose(name string) *tls.Certificate {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if cert := n.byName[name]; cert != nil {
		return cert
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if cert := n.byName["*."+parent]; cert != nil {
			return cert
		}
	}
	return n.first
}

// Certificate chooses by the name the client asks for (RFC 6066 §3); it is tls.Config.GetCertificate.
func (s *Store) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.now.Load().choose(hello.ServerName), nil
}

// Server gives the configuration of a listener, to be shared by all its connections.
func (s *Store) Server() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Certificate}
}

// Leaves gives the certificates that are served, each once, for status pages and expiry warnings.
func (s *Store) Leaves() []*x509.Certificate {
	n := s.now.Load()
	list := []*x509.Certificate{n.first.Leaf}
	seen := map[*tls.Certificate]bool{n.first: true}
	for _, name := range sortedKeys(n.byName) {
		if cert := n.byName[name]; !seen[cert] {
			seen[cert] = true
			list = append(list, cert.Leaf)
		}
	}
	return list
}
