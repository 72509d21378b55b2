package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// ledger is what the world outside of the queue saw, as plain maps. It is a Deliverer and a Joiner: its
// servers answer at random, and its reports are rows of an account, written together with the queue's note.
type ledger struct {
	t  *testing.T
	db kv.KV // of this generation

	mu       sync.Mutex
	rng      *rand.Rand
	kind     bool // everybody takes everything from now on
	slow     func(*rand.Rand) time.Duration
	known    map[string]bool // every recipient that was ever accepted: "m1/a@x.example"
	relayed  map[string]int  // final good answers that servers gave
	exposed  map[string]int  // crashes at which an answer may have been lost, or verbs while it was under way
	final    map[string]bool // a final answer was given in this generation
	settled  map[string]bool // was settled on disk at the last crash
	running  map[string]bool // entries under way, by transaction and line
	inFlight map[string]bool // recipients under way
	deleted  map[string]bool // an operator may have deleted it
	changed  map[string]bool // an operator gave it up
	acked    map[string]bool // its commit was answered
	frozen   bool            // the power is off: nothing that is seen happened
}

func newLedger(t *testing.T, seed uint64) *ledger {
	return &ledger{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), known: map[string]bool{}, relayed: map[string]int{}, exposed: map[string]int{},
		final: map[string]bool{}, settled: map[string]bool{}, running: map[string]bool{}, inFlight: map[string]bool{},
		deleted: map[string]bool{}, changed: map[string]bool{}, acked: map[string]bool{},
	}
}

func rcptKey(e *spool.Entry, i int) string {
	return e.Message.ID + "/" + e.Rcpts[i].To.Mailbox.String()
}

func (l *ledger) Deliver(ctx context.Context, e *spool.Entry) []Outcome {
	wait := l.begin(e)
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen {
		return nil
	}
	delete(l.running, rcptKey(e, 0))
	var out []Outcome
	for _, i := range e.WaitingRcpts() {
		k := rcptKey(e, i)
		delete(l.inFlight, k)
		if ctx.Err() != nil && !l.kind {
			continue // says nothing
		}
		o := l.answer()
		o.Rcpt = i
		if o.Kind != Deferred {
			l.final[k] = true
		}
		if o.Kind == Relayed {
			l.relayed[k]++
		}
		out = append(out, o)
	}
	return out
}

func (l *ledger) begin(e *spool.Entry) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen {
		return 0
	}
	run := rcptKey(e, 0)
	if l.running[run] {
		l.t.Errorf("%s is tried twice at a time", run)
	}
	l.running[run] = true
	for _, i := range e.WaitingRcpts() {
		k := rcptKey(e, i)
		switch {
		case !l.known[k]:
			l.t.Errorf("%s was never submitted", k)
		case l.settled[k]:
			l.t.Errorf("%s is tried again after its outcome was on disk", k)
		case l.final[k]:
			l.t.Errorf("%s is tried again after a final answer", k)
		case l.inFlight[k]:
			l.t.Errorf("%s is under way twice", k)
		}
		l.inFlight[k] = true
	}
	if l.slow == nil || l.kind {
		return 0
	}
	return l.slow(l.rng)
}

func (l *ledger) answer() Outcome {
	if l.kind {
		return Outcome{Kind: Relayed}
	}
	switch l.rng.IntN(8) {
	case 0:
		return refused()
	case 1:
		return unreachable()
	case 2, 3:
		return deferred("busy")
	}
	return Outcome{Kind: Relayed}
}

const reportTable = 200

// Report is not used: ReportWith is.
func (l *ledger) Report(context.Context, *spool.Entry, Kind, []int) error { panic("not joined") }

// ReportWith counts each recipient's failure reports in a row of its own.
func (l *ledger) ReportWith(ctx context.Context, e *spool.Entry, kind Kind, rcpts []int, m Mark) error {
	return updateMarked(ctx, l.db, kv.Part{Kind: kv.Account, ID: 1}, m, func(t kv.Txn) error {
		for _, i := range rcpts {
			if kind != Failed {
				continue
			}
			k := []byte(rcptKey(e, i))
			v, _, err := t.Get(reportTable, k)
			if err != nil {
				return err
			}
			n := uint64(1)
			if len(v) == 8 {
				n += binary.BigEndian.Uint64(v)
			}
			t.Put(reportTable, k, binary.BigEndian.AppendUint64(nil, n))
		}
		return nil
	})
}

// updateMarked calls f with the transaction of a partition and commits the marks with it.
func updateMarked(ctx context.Context, db kv.KV, part kv.Part, m Mark, f func(t kv.Txn) error) error {
	parts := []kv.Part{part}
	marks := append([]Mark{m}, m.With...)
	for _, m := range marks {
		if !slices.Contains(parts, m.Part) {
			parts = append(parts, m.Part)
		}
	}
	return db.UpdateMany(ctx, parts, func(ts []kv.Txn) error {
		if err := f(ts[0]); err != nil {
			return err
		}
		for _, m := range marks {
			if err := m.Do(ts[slices.Index(parts, m.Part)]); err != nil {
				return err
			}
		}
		return nil
	})
}

// accepted notes the recipients of a committed entry.
func (l *ledger) accepted(e *spool.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range e.Rcpts {
		l.known[rcptKey(e, i)] = true
	}
}

// ack notes that the commit of an entry was answered.
func (l *ledger) ack(e *spool.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range e.Rcpts {
		l.acked[rcptKey(e, i)] = true
	}
}

func (l *ledger) answered() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

func (l *ledger) freeze(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = on
}

// survived forgets recipients whose commit was not answered and that are not on disk.
func (l *ledger) survived(s db, acked map[string]bool) {
	found := map[string]bool{}
	for _, es := range standing(l.t, s) {
		for _, e := range es {
			for i := range e.Rcpts {
				found[rcptKey(e, i)] = true
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.known {
		if !acked[k] && !found[k] && !l.settled[k] {
			delete(l.known, k)
		}
	}
	l.acked = maps.Clone(l.known)
}

// crashed begins a new generation: what is settled in s stays so for ever; a final answer that is not on
// disk may come to nothing.
func (l *ledger) crashed(s db) {
	waiting := map[string]bool{}
	for _, es := range standing(l.t, s) {
		there := map[string]bool{}
		for _, e := range es {
			for i := range e.Rcpts {
				k := rcptKey(e, i)
				if there[k] {
					l.t.Errorf("%s is there twice", k)
				}
				there[k] = true
				waiting[k] = e.Rcpts[i].State == spool.Waiting
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.known {
		if !waiting[k] {
			l.settled[k] = true
		} else if l.settled[k] {
			l.t.Errorf("%s waits again", k)
		} else if l.final[k] {
			l.exposed[k]++
		}
	}
	clear(l.final)
	clear(l.running)
	clear(l.inFlight)
}

// verb notes that an operator gave up (or deleted) recipients that still wait; those that are under way may
// arrive all the same.
func (l *ledger) verb(into map[string]bool, es []*spool.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range es {
		for i := range e.Rcpts {
			into[rcptKey(e, i)] = true
		}
	}
}

// settle checks the end: every recipient got the message or its sender a report, once, but for what a crash
// or an operator came between.
func (l *ledger) settle(s db) {
	l.t.Helper()
	reports := map[string]int{}
	_ = s.View(context.Background(), kv.Part{Kind: kv.Account, ID: 1}, func(r kv.Reader) error {
		return r.Scan(reportTable, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
			reports[string(k)] = int(binary.BigEndian.Uint64(v))
			return nil
		})
	})
	for id, es := range standing(l.t, s) {
		l.t.Errorf("%s is left: %+v", id, es[0])
	}
	for k := range l.known {
		got, told, lost := l.relayed[k], reports[k], l.exposed[k]
		switch {
		case told > 1:
			l.t.Errorf("%s was reported %d times", k, told)
		case got+told == 0 && !l.deleted[k]:
			l.t.Errorf("%s was lost: no server took it and nobody was told", k)
		case got > 1+lost:
			l.t.Errorf("%s was relayed %d times with %d crashes between answer and commit", k, got, lost)
		case got > lost && told > 0 && !l.changed[k]:
			l.t.Errorf("%s was relayed and reported as failed", k)
		}
	}
	for k := range reports {
		if !l.known[k] {
			l.t.Errorf("a report about %s, which was never accepted", k)
		}
	}
}

// process is the store as one process sees it: after its death nothing is written.
type process struct {
	db
	mu   sync.RWMutex
	dead bool
}

func (p *process) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

func (p *process) Update(ctx context.Context, part kv.Part, f func(kv.Txn) error) error {
	return p.UpdateMany(ctx, []kv.Part{part}, func(ts []kv.Txn) error { return f(ts[0]) })
}

func (p *process) UpdateMany(ctx context.Context, ps []kv.Part, f func([]kv.Txn) error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.dead {
		return kv.ErrUnavailable
	}
	return p.db.UpdateMany(ctx, ps, f)
}

func domainOf(i int) string { return fmt.Sprintf("d%d.example", i) }
