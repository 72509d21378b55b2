package tls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// SelfSigned describes a certificate that vouches for itself: enough for set-up and development.
type SelfSigned struct {
	Names []string     // host names (A-labels); the first is the subject
	IPs   []netip.Addr // addresses, for loopback and literals
	From  time.Time    // begin of validity
	For   time.Duration
}

// MaxValidity is the longest a self-signed certificate may live; some clients refuse longer ones.
const MaxValidity = 825 * 24 * time.Hour

// Generate makes an ECDSA P-256 key and its certificate, both as PEM.
func (s SelfSigned) Generate() (certPEM, keyPEM []byte, err error) {
	if len(s.Names)+len(s.IPs) == 0 || s.For <= 0 || s.For > MaxValidity {
		return nil, nil, errors.New("tls: a self-signed certificate needs a name and a validity of at most 825 days")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making a key: %w", err)
	}
	template, err := s.template()
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// template is the certificate before signing: RFC 5280 §4.1.2.2 wants a positive serial of at most 20 octets.
func (s SelfSigned) template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		NotBefore:    s.From, NotAfter: s.From.Add(s.For),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              s.Names,
	}
	for _, a := range s.IPs {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.AsSlice()))
	}
	if len(s.Names) > 0 {
		t.Subject = pkix.Name{CommonName: s.Names[0]}
	} else {
		t.Subject = pkix.Name{CommonName: s.IPs[0].String()}
	}
	return t, nil
}

// Write generates into two files, the key readable for its owner only. Existing files are replaced as
// wholes, the key first, so that a half-done write is found by the next Open and never served.
func (s SelfSigned) Write(p Pair) error {
	certPEM, keyPEM, err := s.Generate()
	if err != nil {
		return err
	}
	if p.Cert == p.Key {
		return replace(p.Cert, bytes.Join([][]byte{certPEM, keyPEM}, nil), 0o600)
	}
	if err := replace(p.Key, keyPEM, 0o600); err != nil {
		return err
	}
	return replace(p.Cert, certPEM, 0o644)
}

// replace writes a file beside name and renames it.
func replace(name string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".tls-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
