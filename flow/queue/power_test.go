package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"barid/mail"
	"barid/mail/spool"
	"barid/store/embedded"
)

// TestPowerCuts runs random histories on the real engine, cuts the power at a random write, keeps a random
// share of what was not synced, and goes on with what is found, twice; at the end every recipient got the
// message or its sender a report.
func TestPowerCuts(t *testing.T) {
	if v, err := strconv.ParseUint(os.Getenv("BARID_SEED"), 10, 64); err == nil {
		synctest.Test(t, func(t *testing.T) { powerCuts(t, v) })
		return
	}
	early := 0
	n := seeds(t, 200)
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			if powerCuts(t, seed) {
				early++
			}
		})
		if t.Failed() {
			t.Fatalf("BARID_SEED=%d repeats the choices of this run", seed)
		}
	}
	if early < int(n)/2 {
		t.Errorf("only %d of %d histories were cut in the middle", early, n)
	}
}

// cutter takes the power away at the n-th write-like call.
type cutter struct {
	fs   *vfs.MemFS
	left atomic.Int64
	rng  *rand.Rand
	l    *ledger

	mu    sync.Mutex
	clone *vfs.MemFS
	acked map[string]bool // recipients whose commit was answered before
}

func (c *cutter) String() string { return "cutter" }

func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.left.Add(-1) == 0 {
		c.cut()
	}
	return nil
}

// cut is the moment: what the ledger sees after it did not happen.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clone != nil {
		return
	}
	c.acked = c.l.answered()
	c.clone = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(5) * 25, RNG: c.rng})
	c.l.freeze(true)
}

func smallStore(t *testing.T, fs vfs.FS) *embedded.Store {
	t.Helper()
	s, err := embedded.Open("data", embedded.Options{FS: fs, MemtableBytes: 1 << 20, CacheBytes: 1 << 20, GCInterval: -1, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func powerCuts(t *testing.T, seed uint64) (early bool) {
	rng := rand.New(rand.NewPCG(seed, 5))
	p := &powered{t: t, rng: rng, l: newLedger(t, seed)}
	p.l.slow = func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3)) * time.Second }
	fs := vfs.NewCrashableMem()
	for round := range 2 {
		c := &cutter{fs: fs, rng: rand.New(rand.NewPCG(seed, uint64(10+round))), l: p.l}
		p.boot(errorfs.Wrap(fs, c))
		c.left.Store(1 + rng.Int64N(120))
		for range 25 {
			p.step()
		}
		early = early || c.left.Load() <= 0
		c.cut()
		p.halt()
		p.l.freeze(false)
		fs = c.clone
		s := smallStore(t, fs)
		p.l.survived(s, c.acked)
		p.l.crashed(s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return early
		}
	}
	p.l.mu.Lock()
	p.l.kind = true
	p.l.mu.Unlock()
	p.boot(fs)
	if _, err := p.q.Release(t.Context(), Selector{All: true}, false); err != nil {
		t.Fatal(err)
	}
	sleep(10 * time.Minute)
	p.l.settle(p.s)
	p.halt()
	return early
}

// powered is a queue on an engine that will lose its power.
type powered struct {
	t   *testing.T
	rng *rand.Rand
	l   *ledger
	s   *embedded.Store
	q   *Queue
	n   int
}

func (p *powered) boot(fs vfs.FS) {
	p.s = smallStore(p.t, fs)
	p.l.db = p.s
	p.q = New(Deps{KV: p.s, Deliver: p.l, Report: p.l, Set: Settings{FirstRetry: 5 * time.Second, Tick: time.Hour, Lane: 4, Line: 8, Slots: 6}})
	if err := p.q.Start(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *powered) halt() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.q.Stop(ctx)
	if err := p.s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *powered) step() {
	ctx := p.t.Context()
	s := Selector{Domain: domainOf(p.rng.IntN(3))}
	var err error
	switch p.rng.IntN(12) {
	case 0:
		_, err = p.q.Hold(ctx, s, false)
	case 1:
		_, err = p.q.Release(ctx, s, false)
	case 2:
		p.chosen(s)
		_, err = p.q.Bounce(ctx, s, "", false)
	case 3:
		p.chosen(s)
		_, err = p.q.Reroute(ctx, s, "", "relay", false)
	case 4, 5, 6:
		sleep(time.Duration(p.rng.IntN(10)) * time.Second)
	default:
		p.submit()
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// chosen notes entries that an operator's verb may meet while they are under way.
func (p *powered) chosen(s Selector) {
	var es []*spool.Entry
	for e, err := range p.q.Find(p.t.Context(), s) {
		if err != nil {
			p.t.Fatal(err)
		}
		es = append(es, e)
	}
	p.l.verb(p.l.changed, es)
}

// submit brings a message, to people of two domains at times.
func (p *powered) submit() {
	p.n++
	first, several := p.rng.IntN(3), 1+p.rng.IntN(2)
	for i := range several {
		p.submitTo(domainOf((first+i)%3), several > 1)
	}
}

func (p *powered) submitTo(domain string, several bool) {
	e := &spool.Entry{
		Message: spool.Message{
			ID: fmt.Sprintf("m%d", p.n), Size: 1000, From: path("info@example.test"), Account: mail.AccountID(p.rng.IntN(3)),
			Several: several, Arrived: time.Now(), Expires: time.Now().Add(5 * time.Minute),
		},
		Destination: domain, Next: time.Now(),
	}
	for i := range 1 + p.rng.IntN(2) {
		e.Rcpts = append(e.Rcpts, spool.Rcpt{To: path(fmt.Sprintf("r%d@%s", i, domain))})
	}
	p.l.accepted(e)
	if err := enqueue(p.s, e); err != nil {
		p.t.Fatal(err)
	}
	p.l.ack(e)
	p.q.Submitted(e)
}
