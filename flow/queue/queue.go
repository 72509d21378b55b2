// Package queue decides what is tried when: schedule, back-off, limits of each destination, priority, expiry, hold.
//
// Life: flow/intake writes entries (mail/spool) in the commit that earns the 250 and calls Submitted; the
// queue hands each to a Deliverer until all its recipients are settled, has a Reporter tell the sender, and
// removes it. Operators look and act through Find, Hold, Release and the other verbs. These work before Start
// too, on the rows alone: what is owed to senders or due is then done once the queue runs.
//
// Entries for one destination, or one smarthost route, stand in one line. Within a line, higher MT-PRIORITY
// goes first and new mail before what was tried already; accounts take turns by octets (deficit round
// robin); the number of attempts at a time adapts to what the other side bears (additive increase,
// multiplicative decrease), and a line that can not be reached is left alone for a growing while. Between
// lines, slots are shared by weights, so that nothing starves, and lines in trouble never get them all.
//
// Promises:
//   - Invariant: an entry is tried by one attempt at a time.
//   - Invariant: a recipient whose outcome is committed as final is never tried again. Only a crash between
//     the other side's answer and that commit can double a message.
//   - Invariant: the sender is told of every failure, exactly once if the Reporter is a Joiner, at least
//     once otherwise. mail/spool has the table of states.
//   - New mail is tried at once: Submitted needs no poll.
//   - Nothing expires without a last attempt, unless its line is paused or can not be reached.
//
// Limits: Settings names them. Memory holds what is due within Settings.Horizon, and of that a bounded
// number for each account in a line, for each line and in all; the rest waits on disk behind a mark from
// which it is read on when there is room. So a million standing entries cost no memory.
//
// Failure: while the store fails, nothing new is tried and what was tried is noted again and again until it
// is stored. A Deliverer that says nothing about a recipient has deferred it.
//
// Standards: RFC 5321 §4.5.4; RFC 3461 §5; RFC 6710; RFC 2852; RFC 4865.
package queue

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail/event"
	"barid/mail/spool"
)

// Deps are what a Queue works with.
type Deps struct {
	KV      kv.KV
	Deliver Deliverer
	Report  Reporter // nil: nobody is told anything
	Events  Recorder // nil: nothing is recorded
	Now     func() time.Time
	Node    string // owner of the leases; "" is "local"
	Set     Settings
	Log     *slog.Logger // nil: silent
	Metrics *Metrics     // nil: none
}

// Recorder takes events; *event.Log is one. It must not block.
type Recorder interface{ Record(event.Event) }

// Queue is the scheduler. Use New; it is safe for many goroutines.
type Queue struct {
	d   Deps
	set Settings

	life    context.Context // of attempts; ends when a stop runs out of time
	end     context.CancelFunc
	wake    chan struct{} // to the clock: an earlier alarm was set
	load    chan struct{} // to the loader: a shard wants something
	jobs    chan *item    // to a worker that waits for one
	stopped chan struct{} // closed by Stop: clock and loader end
	loops   sync.WaitGroup

	opening sync.Mutex // held while shards are taken, so that none is taken twice; before mu

	mu     sync.Mutex // guards all below
	state  runState
	shards [spool.Shards]*shard
	lines  map[string]*line
	alarms alarms
	rings  rings
	items  int           // in memory
	cached int           // of them with their whole entry
	busy   int           // slots in use
	ailing int           // of them by lines in trouble
	idle   chan struct{} // closed when busy falls to 0 while stopping

	wanting    []*shard              // for the loader
	gatherings map[string]*gathering // by message
	gathered   int                   // names in them

	stalled bool // a scan stopped because memory was full
	last    instant
}

// runState is where a Queue is in its life.
type runState uint8

const (
	created runState = iota
	running
	stopping
)

// ErrNotRunning is what verbs that change something say after Stop.
var ErrNotRunning = errors.New("queue: not running")

// New makes a queue; Start sets it going.
func New(d Deps) *Queue {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Node == "" {
		d.Node = "local"
	}
	d.Set.fill()
	q := &Queue{
		d: d, set: d.Set, wake: make(chan struct{}, 1), load: make(chan struct{}, 1), stopped: make(chan struct{}), jobs: make(chan *item),
		lines: map[string]*line{}, gatherings: map[string]*gathering{},
	}
	q.rings.init()
	return q
}

// Start takes the shards that hold anything and begins. It returns when the queue works; what is due is read
// and tried from then on.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	if q.state != created {
		q.mu.Unlock()
		return errors.New("queue: started twice")
	}
	q.state = running
	q.life, q.end = context.WithCancel(context.WithoutCancel(ctx))
	q.last = q.instant()
	q.mu.Unlock()
	if err := q.openAll(ctx); err != nil {
		q.end()
		return err
	}
	q.loops.Go(q.loadLoop)
	q.loops.Go(q.clockLoop)
	q.wantLoad()
	return nil
}

// Stop ends the queue: nothing new is begun, and what is under way may finish until ctx ends; then it is
// broken off, but what is known of it is still stored. After Stop nothing of the queue runs.
func (q *Queue) Stop(ctx context.Context) {
	q.mu.Lock()
	if q.state != running {
		q.mu.Unlock()
		return
	}
	q.state = stopping
	q.idle = make(chan struct{})
	if q.busy == 0 {
		close(q.idle)
	}
	q.mu.Unlock()
	close(q.stopped)
	q.loops.Wait()
	select {
	case <-q.idle:
	case <-ctx.Done():
	}
	q.end()
	<-q.idle
}

// Submitted tells the queue of entries whose Enqueue has been committed: they are tried at once. They
// belong to the queue from now on. It does not block. Entries that it is not told of are found within
// Settings.Tick.
func (q *Queue) Submitted(es ...*spool.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.state != running {
		return
	}
	now := q.d.Now()
	for _, e := range es {
		if e.Hold || e.ID == 0 {
			continue
		}
		q.place(q.shard(e.Shard), e.Slot(), e, now)
	}
	q.dispatch(now)
}

// signal leaves a note in a channel of one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
