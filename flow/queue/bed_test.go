package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/store/memory"
)

// db is a store with both seams.
type db interface {
	kv.KV
	kv.Blobs
}

// try is one attempt that the fake deliverer saw.
type try struct {
	at       time.Time
	id       string // of the transaction
	line     string
	account  mail.AccountID
	priority int8
	rcpts    int
}

// fake is a Deliverer that does what it is told. It is safe for many goroutines.
type fake struct {
	mu      sync.Mutex
	tries   []try
	running map[string]int // by line
	most    map[string]int
	batch   map[string]int // Entry.Batch
	takes   time.Duration  // of each attempt
	// answer says what becomes of a recipient; nil: relayed.
	answer answers
	hang   func(e *spool.Entry) bool // true: until ctx ends
}

func newFake() *fake {
	return &fake{running: map[string]int{}, most: map[string]int{}, batch: map[string]int{}}
}

func (f *fake) Deliver(ctx context.Context, e *spool.Entry) []Outcome {
	takes, answer, hang := f.begin(e)
	if hang != nil && hang(e) {
		<-ctx.Done()
	} else if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
		}
	}
	var out []Outcome
	for _, i := range e.WaitingRcpts() {
		o := Outcome{Kind: Relayed, Answer: spool.Answer{Code: 250, Enhanced: "2.0.0", Stage: spool.StageData}}
		if ctx.Err() != nil {
			o = deferred("broken off")
		} else if answer != nil {
			o = answer(e, &e.Rcpts[i], e.Attempts+1)
		}
		o.Rcpt = i
		out = append(out, o)
	}
	f.mu.Lock()
	f.running[e.Queue()]--
	f.mu.Unlock()
	return out
}

// answers say what becomes of a recipient.
type answers func(e *spool.Entry, r *spool.Rcpt, n int) Outcome

func (f *fake) begin(e *spool.Entry) (time.Duration, answers, func(*spool.Entry) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, try{time.Now(), e.Message.ID, e.Queue(), e.Account, e.Priority, len(e.WaitingRcpts())})
	f.running[e.Queue()]++
	f.batch[e.Queue()] = e.Batch
	f.most[e.Queue()] = max(f.most[e.Queue()], f.running[e.Queue()])
	return f.takes, f.answer, f.hang
}

// set changes what the fake does.
func (f *fake) set(takes time.Duration, a answers) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes, f.answer = takes, a
}

// at gives how many attempts a line has now, and had at most.
func (f *fake) at(line string) (now, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[line], f.most[line]
}

func (f *fake) seen() []try {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tries)
}

func (f *fake) ids() (out []string) {
	for _, t := range f.seen() {
		out = append(out, t.id)
	}
	return out
}

// Answers of servers.
func deferred(text string) Outcome {
	return Outcome{Kind: Deferred, Answer: spool.Answer{Code: 451, Enhanced: "4.3.0", Text: text, Stage: spool.StageRcpt}}
}

func refused() Outcome {
	return Outcome{Kind: Failed, Answer: spool.Answer{Code: 550, Enhanced: "5.1.1", Text: "no such user", Stage: spool.StageRcpt}}
}

func unreachable() Outcome {
	return Outcome{Kind: Deferred, Answer: spool.Answer{Enhanced: "4.4.1", Text: "connection refused", Stage: spool.StageConnect}}
}

// always answers every recipient alike.
func always(o Outcome) func(*spool.Entry, *spool.Rcpt, int) Outcome {
	return func(*spool.Entry, *spool.Rcpt, int) Outcome { return o }
}

// told is one report that the fake reporter made.
type told struct {
	at    time.Time
	id    string
	kind  Kind
	rcpts []string
}

// reporter is a Reporter that keeps what it made.
type reporter struct {
	mu   sync.Mutex
	made []told
	fail func() error
}

func (r *reporter) Report(_ context.Context, e *spool.Entry, kind Kind, rcpts []int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(); err != nil {
			return err
		}
	}
	t := told{at: time.Now(), id: e.Message.ID, kind: kind}
	for _, i := range rcpts {
		t.rcpts = append(t.rcpts, e.Rcpts[i].To.String())
	}
	r.made = append(r.made, t)
	return nil
}

func (r *reporter) list() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.made)
}

// events keeps what was recorded.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (r *events) Record(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

func (r *events) kinds() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		out = append(out, e.Kind.String())
	}
	return out
}

// bed is a queue on a store with fakes around it.
type bed struct {
	t     *testing.T
	db    db
	f     *fake
	r     *reporter
	ev    *events
	q     *Queue
	set   Settings
	now   func() time.Time
	rep   Reporter
	n     int
	blobs map[string]kv.BlobID
}

// inBubble runs f with a bed in a bubble of fake time.
func inBubble(t *testing.T, set Settings, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, memory.New(), set)
		f(b)
		b.stop()
	})
}

func newBed(t *testing.T, s db, set Settings) *bed {
	b := &bed{t: t, db: s, f: newFake(), r: &reporter{}, ev: &events{}, set: set, blobs: map[string]kv.BlobID{}}
	b.rep = b.r
	return b
}

func (b *bed) start() {
	b.t.Helper()
	d := Deps{KV: b.db, Deliver: b.f, Report: b.rep, Events: b.ev, Set: b.set, Now: b.now}
	if os.Getenv("BARID_LOG") != "" {
		d.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	b.q = New(d)
	if err := b.q.Start(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

// stop ends the queue in good order.
func (b *bed) stop() {
	if b.q != nil {
		b.q.Stop(context.Background())
		b.q = nil
	}
}

// kill ends the queue as a crash does, but for what it has committed.
func (b *bed) kill() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b.q.Stop(ctx)
	b.q = nil
}

func path(s string) addr.Path {
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		panic(err)
	}
	return addr.Path{Mailbox: m}
}

// entry makes an entry for recipients at one domain; change may change it.
func (b *bed) entry(domain string, change func(e *spool.Entry)) *spool.Entry {
	b.n++
	e := &spool.Entry{
		Message: spool.Message{
			ID: fmt.Sprintf("m%d", b.n), Size: 4096, From: path("info@example.test"), Account: 1,
			Arrived: time.Now(), Expires: time.Now().Add(5 * 24 * time.Hour),
		},
		Destination: domain, Next: time.Now(), Rcpts: []spool.Rcpt{{To: path("a@" + domain)}},
	}
	if change != nil {
		change(e)
	}
	return e
}

// commit enqueues entries, one commit and one body each.
func (b *bed) commit(es ...*spool.Entry) []*spool.Entry {
	b.t.Helper()
	for _, e := range es {
		if err := enqueue(b.db, e); err != nil {
			b.t.Fatal(err)
		}
		b.blobs[e.Message.ID] = e.Blob
	}
	return es
}

func enqueue(s db, e *spool.Entry) error {
	w, err := s.Create(context.Background())
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Write([]byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		return err
	}
	if e.Blob, err = w.Commit(nil, nil); err != nil {
		return err
	}
	return s.Update(context.Background(), spool.ShardOf(e.Destination, e.Route).Part(), func(t kv.Txn) error { return spool.Enqueue(t, e) })
}

// submit commits an entry for domain and tells the queue.
func (b *bed) submit(domain string, change func(e *spool.Entry)) *spool.Entry {
	b.t.Helper()
	e := b.commit(b.entry(domain, change))[0]
	b.q.Submitted(e)
	return e
}

// sleep lets fake time pass and everything settle.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// standing gives the entries of the store by transaction, after checking every row.
func standing(t *testing.T, s db) map[string][]*spool.Entry {
	t.Helper()
	out := map[string][]*spool.Entry{}
	ctx := context.Background()
	if m, ok := s.(*memory.Store); ok {
		if _, err := m.GC(ctx); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return s.View(ctx, p, func(r kv.Reader) error {
			blobs, err := spool.Verify(r, spool.Shard(p.ID))
			if err != nil {
				return err
			}
			for id := range maps.Keys(blobs) {
				e, err := spool.Load(r, spool.Shard(p.ID), id)
				if err != nil {
					return err
				}
				out[e.Message.ID] = append(out[e.Message.ID], e)
				body, err := s.Open(ctx, e.Blob)
				if err != nil {
					return fmt.Errorf("%s has no body: %w", e.Message.ID, err)
				}
				_ = body.Close()
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// empty wants nothing to be left, once everything has settled: no rows, no bodies, nothing in memory.
func (b *bed) empty() {
	b.t.Helper()
	synctest.Wait()
	for id, es := range standing(b.t, b.db) {
		b.t.Errorf("%s is left: %+v", id, es[0].Rcpts)
	}
	for id, blob := range b.blobs {
		if r, err := b.db.Open(context.Background(), blob); err == nil {
			_ = r.Close()
			if _, ok := b.db.(*memory.Store); ok {
				b.t.Errorf("%s: its body is left", id)
			}
		} else if !errors.Is(err, kv.ErrNotFound) {
			b.t.Error(err)
		}
	}
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	if b.q.items != 0 || b.q.busy != 0 || b.q.cached != 0 || b.q.ailing != 0 {
		b.t.Errorf("in memory: %d items, %d busy, %d cached, %d ailing", b.q.items, b.q.busy, b.q.cached, b.q.ailing)
	}
	for name, l := range b.q.lines {
		if l.n != 0 || l.ready != 0 || l.busy != 0 || len(l.levels) != 0 || len(l.lanes) != 0 {
			b.t.Errorf("line %s: %d in memory, %d ready, %d busy, %d levels, %d lanes", name, l.n, l.ready, l.busy, len(l.levels), len(l.lanes))
		}
	}
}
