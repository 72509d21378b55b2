package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// secretBytes is the entropy of an application password: guessing is hopeless at any speed, so that a fast hash
// is enough and no brake is needed.
const secretBytes = 20

// hashBytes is the size of a secret's hash.
const hashBytes = sha256.Size

// newSecret makes the password of an application: 32 small letters and digits, which no program's settings file
// has to quote.
func newSecret() string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(random(secretBytes)))
}

// hashSecret is HMAC-SHA-256 under the installation's key.
func hashSecret(key []byte, id mail.AccountID, secret string) (sum [hashBytes]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(id)))
	h.Write([]byte(secret))
	h.Sum(sum[:0])
	return sum
}

// secretKey gives the installation's key for application passwords, which it makes the first time.
func secretKey(t kv.Txn) ([]byte, error) {
	key, err := getSecretKey(t)
	if err != nil || key != nil {
		return key, err
	}
	key = random(32)
	t.Put(mail.TableCounter, keySecret, append([]byte{format}, key...))
	return key, nil
}

// getSecretKey gives the key, nil if there is none yet. It is valid until the transaction ends.
func getSecretKey(r kv.Reader) ([]byte, error) {
	v, ok, err := r.Get(mail.TableCounter, keySecret)
	if err != nil || !ok {
		return nil, err
	}
	if len(v) != 33 || v[0] != format {
		return nil, damaged("key of application passwords")
	}
	return v[1:], nil
}

// proveSecret finds the application password of an account that a secret is. It does the same work for an account
// that is nobody's, but for the rows there are.
func (d *Directory) proveSecret(r kv.Reader, id mail.AccountID, secret string) (p Application, ok bool, err error) {
	key, err := getSecretKey(r)
	if err != nil {
		return p, false, err
	}
	if key == nil {
		key = d.proven.key[:]
	}
	sum := hashSecret(key, id, secret)
	lo, hi := applicationRange(id)
	err = r.Scan(mail.TableCredential, lo, hi, kv.ScanOpt{}, func(k, v []byte) error {
		if len(v) <= hashBytes || subtle.ConstantTimeCompare(v[1:1+hashBytes], sum[:]) != 1 {
			return nil
		}
		ok = true
		p, err = decodeApplication(id, k, v)
		return err
	})
	return p, ok && err == nil, err
}

// The kinds of rows in TableCredential that application passwords have, behind the account's number.
const (
	credApplication = 'a' // and its number -> format, hash, record in JSON
	credUsed        = 'u' // and its number -> format, time of the last login, address
	credNext        = 'n' // -> format, the last number given away
)

func applicationKey(id mail.AccountID, app mail.ApplicationID) []byte {
	return binary.BigEndian.AppendUint32(append(accountKey(id), credApplication), uint32(app))
}

func applicationRange(id mail.AccountID) (lo, hi []byte) {
	return append(accountKey(id), credApplication), append(accountKey(id), credApplication+1)
}

func usedKey(id mail.AccountID, app mail.ApplicationID) []byte {
	return binary.BigEndian.AppendUint32(append(accountKey(id), credUsed), uint32(app))
}

// nextApplication gives a number that no application password of the account ever had.
func nextApplication(t kv.Txn, id mail.AccountID) (mail.ApplicationID, error) {
	key := append(accountKey(id), credNext)
	v, ok, err := t.Get(mail.TableCredential, key)
	if err != nil {
		return 0, err
	}
	last := uint32(0)
	if ok {
		if len(v) != 5 || v[0] != format {
			return 0, damaged("application counter of account " + id.String())
		}
		last = binary.BigEndian.Uint32(v[1:])
	}
	t.Put(mail.TableCredential, key, binary.BigEndian.AppendUint32([]byte{format}, last+1))
	return mail.ApplicationID(last + 1), nil
}

func putApplication(t kv.Txn, p Application, hash [hashBytes]byte) error {
	v, err := encode(p)
	if err != nil {
		return err
	}
	row := append(append([]byte{format}, hash[:]...), v[1:]...)
	t.Put(mail.TableCredential, applicationKey(p.Account, p.ID), row)
	return nil
}

func decodeApplication(id mail.AccountID, k, v []byte) (p Application, err error) {
	what := "application password of account " + id.String()
	if len(v) <= hashBytes || v[0] != format || len(k) != 13 {
		return p, damaged(what)
	}
	err = decode(append([]byte{format}, v[1+hashBytes:]...), what, &p)
	p.Account = id
	if err == nil && uint32(p.ID) != binary.BigEndian.Uint32(k[9:]) {
		err = damaged(what)
	}
	return p, err
}

func getApplication(r kv.Reader, id mail.AccountID, app mail.ApplicationID) (p Application, ok bool, err error) {
	k := applicationKey(id, app)
	v, ok, err := r.Get(mail.TableCredential, k)
	if err != nil || !ok {
		return p, false, err
	}
	p, err = decodeApplication(id, k, v)
	return p, err == nil, err
}

func applicationHash(r kv.Reader, id mail.AccountID, app mail.ApplicationID) (hash [hashBytes]byte, ok bool, err error) {
	v, ok, err := r.Get(mail.TableCredential, applicationKey(id, app))
	if err != nil || !ok || len(v) <= hashBytes {
		return hash, false, err
	}
	copy(hash[:], v[1:])
	return hash, true, nil
}

// applications gives all of an account in order of their number, with their last use as it is stored.
func applications(r kv.Reader, id mail.AccountID) (all []Application, err error) {
	lo, hi := applicationRange(id)
	err = r.Scan(mail.TableCredential, lo, hi, kv.ScanOpt{}, func(k, v []byte) error {
		p, err := decodeApplication(id, k, v)
		if err == nil {
			all = append(all, p)
		}
		return err
	})
	for i := range all {
		if err == nil {
			err = getUsed(r, &all[i])
		}
	}
	return all, err
}

// getUsed fills in when p was used last.
func getUsed(r kv.Reader, p *Application) error {
	v, ok, err := r.Get(mail.TableCredential, usedKey(p.Account, p.ID))
	if err != nil || !ok {
		return err
	}
	if len(v) < 9 || v[0] != format {
		return damaged("use of an application password of account " + p.Account.String())
	}
	p.LastUsed = time.Unix(int64(binary.BigEndian.Uint64(v[1:])), 0).UTC()
	p.LastRemote, _ = netip.AddrFromSlice(v[9:])
	return nil
}

func putUsed(t kv.Txn, id mail.AccountID, app mail.ApplicationID, u use) {
	v := binary.BigEndian.AppendUint64([]byte{format}, uint64(u.at.Unix()))
	t.Put(mail.TableCredential, usedKey(id, app), append(v, u.remote.AsSlice()...))
}
