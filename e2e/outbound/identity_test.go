package outbound

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// identities are certificates of an authority that the server under test trusts.
type identities struct {
	t    *testing.T
	file string // the authority, in PEM
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newIdentities(t *testing.T) *identities {
	t.Helper()
	i := &identities{t: t, file: filepath.Join(t.TempDir(), "authority.pem"), key: newKey(t)}
	i.root = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der := i.sign(i.root, &i.key.PublicKey)
	if err := os.WriteFile(i.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return i
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (i *identities) sign(c *x509.Certificate, key *ecdsa.PublicKey) []byte {
	i.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, i.root, key, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	return der
}

// server gives the TLS of a server with a certificate for a name, which is good until end.
func (i *identities) server(name string, end time.Time) *tls.Config {
	key := newKey(i.t)
	der := i.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &key.PublicKey)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
