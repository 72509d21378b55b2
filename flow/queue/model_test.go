package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"barid/mail"
	"barid/mail/spool"
	"barid/store/memory"
)

// seeds gives how many histories to run: BARID_SEEDS, or n.
func seeds(t *testing.T, n int) uint64 {
	if v, err := strconv.ParseUint(os.Getenv("BARID_SEEDS"), 10, 64); err == nil {
		return v
	}
	if testing.Short() {
		return uint64(n / 10)
	}
	return uint64(n)
}

// TestModel runs random histories of submissions, answers, operators' verbs, crashes and restarts, and
// compares with plain maps: every recipient is settled exactly once or still waiting, and never tried again
// after an outcome that was on disk.
func TestModel(t *testing.T) {
	if v, err := strconv.ParseUint(os.Getenv("BARID_SEED"), 10, 64); err == nil {
		synctest.Test(t, func(t *testing.T) { history(t, v) })
		return
	}
	for seed := range seeds(t, 300) {
		synctest.Test(t, func(t *testing.T) { history(t, seed) })
		if t.Failed() {
			t.Fatalf("BARID_SEED=%d repeats the choices of this run", seed)
		}
	}
}

// actor is one history.
type actor struct {
	t    *testing.T
	rng  *rand.Rand
	l    *ledger
	disk *memory.Store
	proc *process
	q    *Queue
	n    int
}

func history(t *testing.T, seed uint64) {
	a := &actor{t: t, rng: rand.New(rand.NewPCG(seed, 3)), l: newLedger(t, seed), disk: memory.New()}
	a.l.slow = func(r *rand.Rand) time.Duration {
		if r.IntN(2) == 0 {
			return 0
		}
		return time.Duration(r.IntN(20000)) * time.Millisecond
	}
	a.boot()
	for range 40 {
		a.step()
	}
	a.l.mu.Lock()
	a.l.kind = true
	a.l.mu.Unlock()
	if _, err := a.q.Release(t.Context(), Selector{All: true}, false); err != nil {
		t.Fatal(err)
	}
	sleep(7 * 24 * time.Hour)
	a.l.settle(a.disk)
	a.q.Stop(context.Background())
}

func (a *actor) boot() {
	a.proc = &process{db: a.disk}
	a.l.db = a.proc
	a.q = New(Deps{
		KV: a.proc, Deliver: a.l, Report: a.l,
		Set: Settings{FirstRetry: 10 * time.Second, Tick: 20 * time.Minute, Lane: 4, Line: 8, Memory: 30, Slots: 6, Cached: 4, Delays: []time.Duration{time.Hour}},
	})
	if err := a.q.Start(context.Background()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *actor) step() {
	switch r := a.rng.IntN(20); {
	case r < 9:
		for range 1 + a.rng.IntN(8) {
			a.submit()
		}
	case r < 13:
		sleep(time.Duration(a.rng.IntN(60000)) * time.Millisecond)
	case r < 14:
		sleep(time.Duration(a.rng.IntN(72)) * time.Hour)
	case r < 16:
		a.crash()
	case r < 17:
		a.q.Stop(context.Background())
		a.l.crashed(a.disk)
		a.boot()
	default:
		a.operate()
	}
}

// submit brings a message, to people of several domains at times.
func (a *actor) submit() {
	a.n++
	first, several := a.rng.IntN(4), 1
	if a.rng.IntN(3) == 0 {
		several = 2 + a.rng.IntN(3)
	}
	for i := range several {
		a.submitTo(domainOf((first+i)%4), several > 1)
	}
}

func (a *actor) submitTo(domain string, several bool) {
	e := &spool.Entry{
		Message: spool.Message{
			ID: fmt.Sprintf("m%d", a.n), Size: int64(a.rng.IntN(100000)), From: path("info@example.test"), Account: mail.AccountID(a.rng.IntN(3)),
			Several: several, Priority: int8(a.rng.IntN(3) - 1), Arrived: time.Now(), Expires: time.Now().Add(time.Duration(1+a.rng.IntN(100)) * time.Hour),
		},
		Destination: domain, Next: time.Now(), Hold: a.rng.IntN(12) == 0,
	}
	if a.rng.IntN(4) == 0 {
		e.Route = "relay"
	}
	for i := range 1 + a.rng.IntN(3) {
		e.Rcpts = append(e.Rcpts, spool.Rcpt{To: path(fmt.Sprintf("r%d@%s", i, domain))})
	}
	a.l.accepted(e)
	if err := enqueue(a.proc, e); err != nil {
		a.t.Fatal(err)
	}
	if a.rng.IntN(5) > 0 {
		a.q.Submitted(e)
	}
}

// crash ends the process at once: commits that were not done come to nothing.
func (a *actor) crash() {
	a.proc.die()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a.q.Stop(ctx)
	a.l.crashed(a.disk)
	a.boot()
}

func (a *actor) operate() {
	s := Selector{Domain: domainOf(a.rng.IntN(4))}
	if a.rng.IntN(3) == 0 {
		s = Selector{Account: mail.AccountID(1 + a.rng.IntN(2))}
	}
	ctx := a.t.Context()
	var chosen []*spool.Entry
	for e, err := range a.q.Find(ctx, s) {
		if err != nil {
			a.t.Fatal(err)
		}
		chosen = append(chosen, e)
	}
	var err error
	switch a.rng.IntN(8) {
	case 0:
		_, err = a.q.Hold(ctx, s, false)
	case 1, 2:
		_, err = a.q.Release(ctx, s, false)
	case 3:
		_, err = a.q.Retry(ctx, s, false)
	case 4:
		a.l.verb(a.l.changed, chosen)
		_, err = a.q.Bounce(ctx, s, "", false)
	case 5:
		a.l.verb(a.l.deleted, chosen)
		a.l.verb(a.l.changed, chosen)
		_, err = a.q.Delete(ctx, s, false)
	case 6:
		a.l.verb(a.l.changed, chosen)
		_, err = a.q.Reroute(ctx, s, "", [...]string{"", "relay"}[a.rng.IntN(2)], false)
	case 7:
		err = a.q.PauseLine(ctx, domainOf(a.rng.IntN(4)), time.Now().Add(time.Duration(a.rng.IntN(100))*time.Minute), "")
	}
	if err != nil {
		a.t.Fatal(err)
	}
}
