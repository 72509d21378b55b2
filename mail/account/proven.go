package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"sync"
	"time"

	"barid/mail"
)

const (
	maxProven   = 1 << 16             // accounts whose last login is remembered
	maxHomes    = 16                  // addresses an account logged in from
	homeFor     = 30 * 24 * time.Hour // how long such an address stays familiar
	wrongHalf   = 1 << 13             // wrong passwords in each half of wrongCache
	provenPurge = maxProven / 64      // forgotten at once when there are too many
)

// tag stands for (name, stored hash, password) under a key that only this process has. It changes with the
// password, and tells nothing about it.
type tag [sha256.Size]byte

// proven remembers what was right: so that a client that logs in every minute costs no Argon2, and so that an
// owner is known by where they come from.
type proven struct {
	key [32]byte

	mu       sync.Mutex
	accounts map[mail.AccountID]*proof
}

type proof struct {
	tag   tag
	right bool // tag is of a password that was right
	homes map[netip.Prefix]time.Time
}

func newProven(key [32]byte) *proven {
	return &proven{key: key, accounts: make(map[mail.AccountID]*proof)}
}

// tagOf makes a tag. name and hash can not hold NUL.
func (p *proven) tagOf(name, hash, password string) (t tag) {
	h := hmac.New(sha256.New, p.key[:])
	b := make([]byte, 0, 512)
	b = append(append(append(append(append(b, name...), 0), hash...), 0), password...)
	h.Write(b)
	h.Sum(t[:0])
	return t
}

// matches tells whether t was right before.
func (p *proven) matches(id mail.AccountID, t tag) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[id]
	return a != nil && a.right && subtle.ConstantTimeCompare(a.tag[:], t[:]) == 1
}

// home tells whether the account logged in from there lately.
func (p *proven) home(id mail.AccountID, from netip.Prefix, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[id]
	if a == nil {
		return false
	}
	at, ok := a.homes[from]
	return ok && now.Sub(at) < homeFor
}

// remember notes a login that was right.
func (p *proven) remember(id mail.AccountID, t tag, from netip.Prefix, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[id]
	if a == nil {
		if len(p.accounts) >= maxProven {
			p.purge()
		}
		a = &proof{homes: make(map[netip.Prefix]time.Time, 1)}
		p.accounts[id] = a
	}
	a.tag, a.right = t, true
	if _, ok := a.homes[from]; !ok && len(a.homes) >= maxHomes {
		delete(a.homes, a.oldestHome())
	}
	a.homes[from] = now
}

// forget drops what was right; the owner's addresses stay familiar.
func (p *proven) forget(id mail.AccountID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.accounts[id]; a != nil {
		a.tag, a.right = tag{}, false
	}
}

// purge makes room. Which accounts go does not matter: they pay one hash.
func (p *proven) purge() {
	n := 0
	for id := range p.accounts {
		if n++; n > provenPurge {
			return
		}
		delete(p.accounts, id)
	}
}

func (a *proof) oldestHome() (oldest netip.Prefix) {
	var at time.Time
	for h, t := range a.homes {
		if at.IsZero() || t.Before(at) {
			oldest, at = h, t
		}
	}
	return oldest
}

// wrongCache remembers what was wrong, of users and of nobody alike: a device with an old password must not use
// up what the people around it may try.
type wrongCache struct {
	mu            sync.Mutex
	recent, older map[tag]struct{}
}

func newWrongCache() *wrongCache { return &wrongCache{recent: make(map[tag]struct{})} }

func (w *wrongCache) has(t tag) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.recent[t]
	if !ok {
		if _, ok = w.older[t]; ok {
			w.keep(t)
		}
	}
	return ok
}

func (w *wrongCache) add(t tag) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(t)
}

func (w *wrongCache) keep(t tag) {
	if len(w.recent) >= wrongHalf {
		w.older, w.recent = w.recent, make(map[tag]struct{})
	}
	w.recent[t] = struct{}{}
}
