// Package bounce gives messages reverse-paths of their own (VERP) and knows them again when a report comes to one.
//
// Life: flow/deliver/remote asks for an address when it speaks to a mail exchanger for a sender that wants them;
// flow/route asks whose an address is at RCPT, flow/report which message it is about.
// Promises:
//   - Invariant: only an address that was given out here is read, and only for Valid after that: nobody can
//     make one up, and one that was seen elsewhere is soon worth nothing.
//   - What is needed to read one stands in it: it is taken also when nothing else is known of the message any more.
//   - The key is changed by itself: a new one signs after KeyLife, the old one is known until the last address
//     under it is too old, then it is removed.
//
// Limits: maxKeys. Failure: keys that can not be read or written are an error, temporary for the peer; mail then
// goes out with the sender's own address.
// Standards: RFC 5321 §4.5.5 (whom reports go to); VERP itself has none.
package bounce

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/dsn"
)

// Valid is how long an address is known after it was given out: other servers try for five days, some for two weeks,
// and what is known of a message is kept for 30 days.
const Valid = 30 * 24 * time.Hour

// KeyLife is how long a key signs.
const KeyLife = 90 * 24 * time.Hour

// Limits and forms of what is stored.
const (
	format   = 1
	keyBytes = 32
	keyRow   = 8 + keyBytes
	maxKeys  = 8
	recheck  = time.Minute // between looks for keys that somebody else made
	day      = 24 * time.Hour
)

// part is the one directory of an installation.
var part = kv.Part{Kind: kv.Directory}

// rowKey is the one row of TableBounceKey: format, then the keys, the newest first, each its time and the secret.
func rowKey() []byte { return []byte{0} }

// key is a secret and since when it signs.
type key struct {
	since  time.Time
	secret []byte
}

func (k key) verp() dsn.VERP { return dsn.VERP{Key: k.secret} }

// Book gives addresses out and reads them. Use New; it is for many goroutines.
type Book struct {
	db  kv.KV
	now func() time.Time

	mu     sync.Mutex
	keys   []key // the newest first
	looked time.Time
}

// New gives a book over db. It reads and writes nothing before it is asked. now may be nil.
func New(db kv.KV, now func() time.Time) *Book {
	if now == nil {
		now = time.Now
	}
	return &Book{db: db, now: now}
}

// Address gives the reverse-path, at the sender's domain, of a message to one recipient. ok is false if it does not
// fit a local part.
func (b *Book) Address(ctx context.Context, domain, id string, login mail.AccountID, rcpt addr.Mailbox) (m addr.Mailbox, ok bool, err error) {
	k, err := b.signing(ctx)
	if err != nil {
		return addr.Mailbox{}, false, err
	}
	m, ok = k.verp().Encode(domain, dsn.Token{ID: id, Rcpt: dsn.RcptTag(rcpt), Login: uint64(login), Day: dayOf(b.now())})
	return m, ok, nil
}

// Is tells whether an address has the form of those given out, whoever made it.
func (b *Book) Is(m addr.Mailbox) bool { return dsn.VERP{}.Has(m) }

// Read gives what an address says that was given out here not longer than Valid ago.
func (b *Book) Read(ctx context.Context, m addr.Mailbox) (t dsn.Token, ok bool, err error) {
	if !b.Is(m) {
		return dsn.Token{}, false, nil
	}
	if t, ok = b.readWith(b.known(), m); ok {
		return t, true, nil
	}
	keys, err := b.look(ctx)
	if err != nil {
		return dsn.Token{}, false, err
	}
	t, ok = b.readWith(keys, m)
	return t, ok, nil
}

func (b *Book) readWith(keys []key, m addr.Mailbox) (dsn.Token, bool) {
	for _, k := range keys {
		if t, ok := k.verp().Decode(m); ok {
			today := dayOf(b.now())
			return t, t.Day <= today+1 && today <= t.Day+uint32(Valid/day)
		}
	}
	return dsn.Token{}, false
}

func dayOf(t time.Time) uint32 { return uint32(max(t.Unix(), 0) / int64(day/time.Second)) }

func (b *Book) known() []key {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys
}

// look reads the keys anew, if that was not done just now.
func (b *Book) look(ctx context.Context) ([]key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if since := now.Sub(b.looked); b.keys != nil && since >= 0 && since < recheck {
		return b.keys, nil
	}
	var keys []key
	err := b.db.View(ctx, part, func(r kv.Reader) (err error) {
		keys, err = load(r)
		return err
	})
	if err == nil {
		b.keys, b.looked = keys, now
	}
	return keys, err
}

// signing gives the key to sign with, and makes one if there is none or it is too old.
func (b *Book) signing(ctx context.Context) (key, error) {
	now := b.now()
	if keys := b.known(); len(keys) > 0 && !keys[0].old(now) {
		return keys[0], nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.keys) > 0 && !b.keys[0].old(now) {
		return b.keys[0], nil
	}
	var keys []key
	err := b.db.Update(ctx, part, func(t kv.Txn) (err error) {
		if keys, err = load(t); err != nil || len(keys) > 0 && !keys[0].old(now) {
			return err
		}
		keys = renewed(keys, now)
		t.Put(mail.TableBounceKey, rowKey(), encode(keys))
		return nil
	})
	if err != nil {
		return key{}, err
	}
	b.keys, b.looked = keys, now
	return keys[0], nil
}

// old tells whether a key signs no more. One from a clock that was wrong is old, too.
func (k key) old(now time.Time) bool {
	age := now.Sub(k.since)
	return age >= KeyLife || age < -day
}

// renewed puts a new key before those under which an address may still be on its way.
func renewed(keys []key, now time.Time) []key {
	k := key{since: now, secret: make([]byte, keyBytes)}
	_, _ = rand.Read(k.secret) // never fails on the systems Go supports (crypto/rand)
	out := []key{k}
	until := now // of the newer key's beginning: until then the next one signed
	for _, k := range keys {
		if now.Sub(until) <= Valid+day && len(out) < maxKeys {
			out = append(out, k)
		}
		until = k.since
	}
	return out
}

func encode(keys []key) []byte {
	b := []byte{format}
	for _, k := range keys {
		b = append(binary.BigEndian.AppendUint64(b, uint64(k.since.Unix())), k.secret...)
	}
	return b
}

func load(r kv.Reader) (keys []key, err error) {
	v, ok, err := r.Get(mail.TableBounceKey, rowKey())
	if err != nil || !ok {
		return nil, err
	}
	if len(v) < 1 || v[0] != format || (len(v)-1)%keyRow != 0 {
		return nil, errors.Join(kv.ErrCorrupt, errors.New("bounce: the row of keys can not be read"))
	}
	for row := range slices.Chunk(v[1:], keyRow) {
		keys = append(keys, key{time.Unix(int64(binary.BigEndian.Uint64(row)), 0), bytes.Clone(row[8:])})
	}
	return keys, nil
}
