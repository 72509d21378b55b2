package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Level is how well a connection is protected. The order counts.
type Level uint8

// The levels. Numbers are part of the stored form.
const (
	Clear     Level = 0 // no TLS, or nothing is known
	Encrypted Level = 1 // TLS with any certificate
	Verified  Level = 2 // TLS with a certificate that is valid for the host's name
)

// String gives the level's word in logs and texts.
func (l Level) String() string {
	return [...]string{"clear", "encrypted", "verified", "unknown"}[min(l, Verified+1)]
}

// Memory knows the best level that each domain was ever sent to with, so that nobody who takes STARTTLS out of
// a dialogue gets our mail in clear (D43). It is for many goroutines.
type Memory interface {
	// Level gives the best level seen and when it was last seen; Clear for a domain that is not known. An
	// error defers the mail: not knowing is no reason to send in clear.
	Level(ctx context.Context, domain string) (Level, time.Time, error)
	// Saw notes that mail was delivered to a domain at a level. A lower one than the best changes nothing.
	Saw(ctx context.Context, domain string, l Level, now time.Time) error
}

const (
	memoryVersion = 1
	memoryFresh   = 24 * time.Hour // the time of last sight is written once in so long
	memoryCached  = 20_000         // domains in the process's memory, about 100 octets each
)

// seen is a row: what is remembered of one domain. Its form: version, level, last sight (Unix seconds, 8 octets).
type seen struct {
	level Level
	last  int64
}

// Levels is a Memory in the store: one row of the global partition for each domain that has TLS. Use OpenLevels.
type Levels struct {
	db kv.KV

	mu    sync.Mutex
	cache map[string]seen // at most memoryCached; also domains that have no row
}

// OpenLevels gives the memory that db keeps.
func OpenLevels(db kv.KV) *Levels { return &Levels{db: db, cache: map[string]seen{}} }

var levelPart = kv.Part{Kind: kv.Global}

// Level implements Memory.
func (m *Levels) Level(ctx context.Context, domain string) (Level, time.Time, error) {
	s, err := m.get(ctx, domain)
	if s.level == Clear {
		return Clear, time.Time{}, err
	}
	return s.level, time.Unix(s.last, 0).UTC(), err
}

func (m *Levels) get(ctx context.Context, domain string) (seen, error) {
	if s, ok := m.cached(domain); ok {
		return s, nil
	}
	var s seen
	err := m.db.View(ctx, levelPart, func(r kv.Reader) (err error) {
		s, err = readSeen(r, domain)
		return err
	})
	if err == nil {
		m.keep(domain, s)
	}
	return s, err
}

// Saw implements Memory.
func (m *Levels) Saw(ctx context.Context, domain string, l Level, now time.Time) error {
	if s, ok := m.cached(domain); ok && !s.news(l, now) {
		return nil
	}
	var s seen
	err := m.db.Update(ctx, levelPart, func(t kv.Txn) (err error) {
		if s, err = readSeen(t, domain); err != nil || !s.news(l, now) {
			return err
		}
		s = seen{l, now.Unix()}
		t.Put(mail.TableTLSMemory, []byte(domain), s.append(nil))
		return nil
	})
	if err == nil {
		m.keep(domain, s)
	}
	return err
}

// Forget makes a domain unknown: an operator accepts that it lost its TLS.
func (m *Levels) Forget(ctx context.Context, domain string) error {
	err := m.db.Update(ctx, levelPart, func(t kv.Txn) error {
		t.Del(mail.TableTLSMemory, []byte(domain))
		return nil
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.cache, domain)
	return err
}

// Remembered is one line of what is remembered.
type Remembered struct {
	Domain string
	Level  Level
	Last   time.Time
}

// All calls f for every domain in order of name until it returns false.
func (m *Levels) All(ctx context.Context, f func(Remembered) bool) error {
	return m.db.View(ctx, levelPart, func(r kv.Reader) error {
		return r.Scan(mail.TableTLSMemory, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			s, err := parseSeen(string(k), v)
			if err == nil && !f(Remembered{string(k), s.level, time.Unix(s.last, 0).UTC()}) {
				err = kv.ErrStop
			}
			return err
		})
	})
}

func (m *Levels) cached(domain string) (seen, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.cache[domain]
	return s, ok
}

// keep puts a row into the cache, but not an older one in the place of a better. A full cache is emptied:
// what is needed comes back with one read each.
func (m *Levels) keep(domain string, s seen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cache[domain].level > s.level {
		return
	}
	if len(m.cache) >= memoryCached {
		clear(m.cache)
	}
	m.cache[strings.Clone(domain)] = s
}

// news tells whether a sight of l is worth a write.
func (s seen) news(l Level, now time.Time) bool {
	return l > s.level || l != Clear && l == s.level && now.Sub(time.Unix(s.last, 0)) >= memoryFresh
}

func (s seen) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, memoryVersion, byte(s.level)), uint64(s.last))
}

func readSeen(r kv.Reader, domain string) (seen, error) {
	v, ok, err := r.Get(mail.TableTLSMemory, []byte(domain))
	if err != nil || !ok {
		return seen{}, err
	}
	return parseSeen(domain, v)
}

var errSeen = errors.New("not a row of remembered TLS")

func parseSeen(domain string, v []byte) (seen, error) {
	if len(v) != 10 || v[0] != memoryVersion || Level(v[1]) > Verified {
		return seen{}, fmt.Errorf("TLS memory of %s: %w: %w", domain, errSeen, kv.ErrCorrupt)
	}
	return seen{Level(v[1]), int64(binary.BigEndian.Uint64(v[2:]))}, nil
}
