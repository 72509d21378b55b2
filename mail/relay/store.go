package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// part is the one directory of an installation.
var part = kv.Part{Kind: kv.Directory}

// format is the first byte of every value; JSON stands behind it.
const format = 1

// Store keeps routes, rules and sources. It is for many goroutines; there must be one for each kv.KV.
type Store struct {
	kv   kv.KV
	now  func() time.Time
	snap atomic.Pointer[Snapshot]
	mu   sync.Mutex // of changes, so that snapshots are published in order
}

// Open reads what db keeps. It writes nothing. Rows that can not be read are no error here: see Snapshot.Err.
func Open(ctx context.Context, db kv.KV, now func() time.Time) *Store {
	s := &Store{kv: db, now: now}
	s.reload(ctx)
	return s
}

// Snapshot gives what is there now.
func (s *Store) Snapshot() *Snapshot { return s.snap.Load() }

// reload publishes what the rows say.
func (s *Store) reload(ctx context.Context) {
	snap := newSnapshot()
	snap.err = s.kv.View(ctx, part, func(r kv.Reader) error { return load(r, snap) })
	s.snap.Store(snap)
}

// load reads every row into snap.
func load(r kv.Reader, snap *Snapshot) error {
	err := r.Scan(mail.TableRelayRoute, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		x := new(Route)
		snap.routes[string(k)] = x
		return decode(v, "route "+string(k), x)
	})
	if err != nil {
		return err
	}
	err = r.Scan(mail.TableRelayRule, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		x := new(Rule)
		err := decode(v, "rule "+string(k), x)
		snap.rules[x.key()] = x
		return err
	})
	if err != nil {
		return err
	}
	return r.Scan(mail.TableRelaySource, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		x := new(Source)
		err := decode(v, "source "+string(k), x)
		snap.sources[x.Addr] = x
		return err
	})
}

func decode(v []byte, what string, into any) error {
	if len(v) == 0 || v[0] != format {
		return fmt.Errorf("relay: %s: %w", what, kv.ErrCorrupt)
	}
	d := json.NewDecoder(bytes.NewReader(v[1:]))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("relay: %s: %w: %w", what, kv.ErrCorrupt, err)
	}
	return nil
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("relay: encode: %w", err)
	}
	return append([]byte{format}, b...), nil
}

func (r *Rule) rowKey() []byte { return []byte(r.Recipient + "\x00" + r.Sender) }

// Change is one object that an Update made different.
type Change struct {
	Kind string `json:"kind"` // "route", "rule", "source"
	Name string `json:"name"`
	What string `json:"what"` // "added", "changed", "removed"
}

// Update lets f change everything in one commit, and tells which objects became different. With dry nothing is
// written. Errors of f are given as they are; nothing is written then.
func (s *Store) Update(ctx context.Context, dry bool, f func(*Edit) error) (changes []Change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next *Snapshot
	work := func(r kv.Reader) (*Edit, error) {
		old := newSnapshot()
		if err := load(r, old); err != nil {
			return nil, err
		}
		e := newEdit(old, s.now())
		if err := f(e); err != nil {
			return nil, err
		}
		if err := e.check(); err != nil {
			return nil, err
		}
		next, changes = e.next, e.changes()
		return e, nil
	}
	if dry {
		err = s.kv.View(ctx, part, func(r kv.Reader) error {
			_, err := work(r)
			return err
		})
		return changes, err
	}
	err = s.kv.Update(ctx, part, func(t kv.Txn) error {
		e, err := work(t)
		if err != nil {
			return err
		}
		return e.write(t)
	})
	switch {
	case err == nil:
		s.snap.Store(next)
	case next != nil: // a commit that failed may still have happened
		s.reload(context.WithoutCancel(ctx))
	}
	return changes, err
}

// Rotate replaces a refresh token that its server exchanged for another (RFC 6749 §6). A relay that has changed
// meanwhile keeps what it has.
func (s *Store) Rotate(ctx context.Context, route string, old, fresh Secret) error {
	_, err := s.Update(ctx, false, func(e *Edit) error {
		r, ok := e.next.routes[route]
		if !ok {
			return nil
		}
		out := *r
		out.Relays = append([]Relay(nil), r.Relays...)
		for i := range out.Relays {
			if o := out.Relays[i].OAuth; o != nil && o.RefreshToken == old {
				turned := *o
				turned.RefreshToken = fresh
				out.Relays[i].OAuth = &turned
			}
		}
		e.next.routes[route] = &out
		return nil
	})
	return err
}

// parseAddr reads the address of a source.
func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, ErrInvalid{Kind: "source", Field: "address", Value: s, Why: "an IP address of this machine is needed"}
	}
	return a.Unmap(), nil
}
