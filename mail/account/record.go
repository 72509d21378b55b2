package account

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

// Every value begins with the number of its format. Domains, accounts, aliases are JSON behind it.
const format = 1

// The second byte of an address row's value.
const (
	rowAccount = 'a' // account id as a varint
	rowAlias   = 'l' // the alias in JSON
)

// The keys of TableCounter.
var (
	keyNextAccount = []byte("account")     // the last account id given away
	keyRemoved     = []byte("removed\x00") // prefix, then the id of an account whose mail may be left

	keyLocalLimits   = []byte("local-limits") // what each user of this machine may send without a login
	keyDefaultLimits = []byte("limits")       // what every account may send, unless it is said elsewhere
	keySecret        = []byte("secret")       // the key of the hashes of application passwords
)

// credPassword is the kind of a main password in TableCredential; secret.go has those of application passwords.
const credPassword = 'p'

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("account: encode record: %w", err)
	}
	return append([]byte{format}, b...), nil
}

func decode(v []byte, what string, into any) error {
	if len(v) == 0 || v[0] != format {
		return damaged(what)
	}
	d := json.NewDecoder(bytes.NewReader(v[1:]))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", damaged(what), err)
	}
	return nil
}

func damaged(what string) error { return fmt.Errorf("account: record of %s: %w", what, kv.ErrCorrupt) }

// row is what an address leads to: one of both.
type row struct {
	account mail.AccountID
	alias   *Alias
}

func (w row) String() string {
	if w.alias != nil {
		return fmt.Sprintf("alias %q", w.alias.Address)
	}
	return "account " + w.account.String()
}

// addressKey is domain NUL local part, both canonical. Neither can hold NUL.
func addressKey(m addr.Mailbox) []byte {
	k := make([]byte, 0, len(m.Domain)+1+len(m.Local))
	k = append(k, m.Domain...)
	k = append(k, 0)
	return append(k, m.Local...)
}

// domainRange holds the address keys of a domain.
func domainRange(domain string) (lo, hi []byte) {
	return append([]byte(domain), 0), append([]byte(domain), 1)
}

// keyAddress undoes addressKey and gives the text of the address.
func keyAddress(k []byte) string {
	domain, local, _ := bytes.Cut(k, []byte{0})
	return string(local) + "@" + string(domain)
}

func accountKey(id mail.AccountID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

func credentialKey(id mail.AccountID) []byte { return append(accountKey(id), credPassword) }

func removedKey(id mail.AccountID) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(keyRemoved), uint64(id))
}

func getDomain(r kv.Reader, name string) (d Domain, ok bool, err error) {
	v, ok, err := r.Get(mail.TableDomain, []byte(name))
	if err != nil || !ok {
		return d, false, err
	}
	return d, true, decode(v, "domain "+name, &d)
}

func getAccount(r kv.Reader, id mail.AccountID) (a Account, ok bool, err error) {
	v, ok, err := r.Get(mail.TableAccount, accountKey(id))
	if err != nil || !ok {
		return a, false, err
	}
	return a, true, decode(v, "account "+id.String(), &a)
}

func getAddress(r kv.Reader, m addr.Mailbox) (w row, ok bool, err error) {
	v, ok, err := r.Get(mail.TableAddress, addressKey(m))
	if err != nil || !ok {
		return w, false, err
	}
	w, err = decodeRow(v, m.Key())
	return w, err == nil, err
}

func decodeRow(v []byte, address string) (w row, err error) {
	if len(v) < 3 || v[0] != format {
		return w, damaged("address " + address)
	}
	switch v[1] {
	case rowAccount:
		id, n := binary.Uvarint(v[2:])
		if n != len(v)-2 || id == 0 {
			return w, damaged("address " + address)
		}
		return row{account: mail.AccountID(id)}, nil
	case rowAlias:
		w.alias = new(Alias)
		if err := json.Unmarshal(v[2:], w.alias); err != nil {
			return row{}, fmt.Errorf("%w: %w", damaged("alias "+address), err)
		}
		return w, nil
	}
	return w, damaged("address " + address)
}

// getPassword gives the PHC string of an account's password, "" if it has none.
func getPassword(r kv.Reader, id mail.AccountID) (string, error) {
	v, ok, err := r.Get(mail.TableCredential, credentialKey(id))
	if err != nil || !ok {
		return "", err
	}
	if len(v) < 2 || v[0] != format {
		return "", damaged("password of account " + id.String())
	}
	return string(v[1:]), nil
}

func putDomain(t kv.Txn, d Domain) error {
	v, err := encode(d)
	if err == nil {
		t.Put(mail.TableDomain, []byte(d.Name), v)
	}
	return err
}

func putAccount(t kv.Txn, a Account) error {
	v, err := encode(a)
	if err == nil {
		t.Put(mail.TableAccount, accountKey(a.ID), v)
	}
	return err
}

func putOwned(t kv.Txn, m addr.Mailbox, id mail.AccountID) {
	t.Put(mail.TableAddress, addressKey(m), binary.AppendUvarint([]byte{format, rowAccount}, uint64(id)))
}

func putAlias(t kv.Txn, m addr.Mailbox, a Alias) error {
	b, err := json.Marshal(a)
	if err == nil {
		t.Put(mail.TableAddress, addressKey(m), append([]byte{format, rowAlias}, b...))
	}
	return err
}

func putPassword(t kv.Txn, id mail.AccountID, phc string) {
	t.Put(mail.TableCredential, credentialKey(id), append([]byte{format}, phc...))
}

// nextAccount gives a new account id.
func nextAccount(t kv.Txn) (mail.AccountID, error) {
	var last uint64
	v, ok, err := t.Get(mail.TableCounter, keyNextAccount)
	if err != nil {
		return 0, err
	}
	if ok {
		if len(v) != 9 || v[0] != format {
			return 0, damaged("account counter")
		}
		last = binary.BigEndian.Uint64(v[1:])
	}
	t.Put(mail.TableCounter, keyNextAccount, binary.BigEndian.AppendUint64([]byte{format}, last+1))
	return mail.AccountID(last + 1), nil
}
