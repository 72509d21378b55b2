package account

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"barid/base/kv"
)

// part is the one directory of an installation.
var part = kv.Part{Kind: kv.Directory}

// Directory answers who owns mail. It is for many goroutines. There must be one for each store: it
// remembers answers until it changes something itself.
type Directory struct {
	kv  kv.KV
	o   Options
	now func() time.Time
	log *slog.Logger

	changes atomic.Uint64 // grows with every change of domains, addresses, accounts
	targets *targetCache
	grants  *grantCache
	uses    *uses

	hash   *hasher
	dummy  string // a hash that no password has, for users who do not exist
	proven *proven
	wrong  *wrongCache
	brake  *brake
	alerts *alerts
}

// Open makes a Directory over a store. It writes nothing.
func Open(db kv.KV, o Options) (*Directory, error) {
	o = o.withDefaults()
	if err := o.Hash.check(); err != nil {
		return nil, err
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails on the systems Go supports (crypto/rand)
	return &Directory{
		kv: db, o: o, now: o.Now, log: o.Log,
		targets: newTargetCache(),
		grants:  newGrantCache(),
		uses:    newUses(),
		hash:    newHasher(o.Hash, o.HashSlots, o.HashQueue, o.Metrics),
		dummy:   o.Hash.dummy(),
		proven:  newProven(key),
		wrong:   newWrongCache(),
		brake:   newBrake(o.Brake, o.Now),
		alerts:  newAlerts(),
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hash == (HashCost{}) {
		o.Hash = DefaultHash
	}
	if o.HashSlots <= 0 {
		o.HashSlots = runtime.GOMAXPROCS(0)
	}
	if o.HashQueue <= 0 {
		o.HashQueue = 1024
	}
	o.Brake = o.Brake.withDefaults()
	return o
}

func (d *Directory) view(ctx context.Context, f func(kv.Reader) error) error {
	return d.kv.View(ctx, part, f)
}

// update changes the directory. What was remembered is forgotten even if the change fails, because a
// failed commit may still have happened.
func (d *Directory) update(ctx context.Context, f func(kv.Txn) error) error {
	defer d.changes.Add(1)
	return d.kv.Update(ctx, part, f)
}
