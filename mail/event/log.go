package event

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Options are the limits of a Log. The zero value has the defaults.
type Options struct {
	Queue  int           // events that may wait; 0: 8192. What comes when it is full is dropped and counted
	Batch  int           // events of one transaction; 0: 1024
	Delay  time.Duration // longest time an event waits to be written; 0: 100 ms
	Keep   time.Duration // age at which Sweep removes events; 0: 30 days
	Log    *slog.Logger  // nil: silent
	Metric *Metrics
}

func (o *Options) fill() {
	def(&o.Queue, 8192)
	def(&o.Batch, 1024)
	def(&o.Delay, 100*time.Millisecond)
	def(&o.Keep, 30*24*time.Hour)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func def[T int | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

// part is where events are kept: the installation's own partition, behind one writer.
var part = kv.Part{Kind: kv.Global}

// Log writes events behind the messages and finds them again. Use Open; Close it after everything that
// records. It is safe for many goroutines.
type Log struct {
	db    kv.KV
	o     Options
	queue chan Event
	flush chan chan struct{} // Flush asks, the writer closes the inner one when all before it is written
	done  chan struct{}      // the writer has ended

	mu     sync.RWMutex // guards closed against sends to queue
	closed bool
	last   int64 // microseconds of the newest key; the writer's own
	noted  bool  // the index has its beginning; the writer's own
}

// Open starts a log on db.
func Open(db kv.KV, o Options) (*Log, error) {
	o.fill()
	l := &Log{db: db, o: o, queue: make(chan Event, o.Queue), flush: make(chan chan struct{}), done: make(chan struct{})}
	last, err := l.newest()
	if err != nil {
		return nil, err
	}
	l.last = last
	go l.write()
	return l, nil
}

// newest reads the time of the newest event, so that keys ascend even when the clock went back.
func (l *Log) newest() (last int64, err error) {
	err = l.db.View(context.Background(), part, func(r kv.Reader) error {
		return r.Scan(mail.TableEvent, nil, nil, kv.ScanOpt{Reverse: true, Limit: 1}, func(k, _ []byte) error {
			if len(k) == 8 {
				last = int64(binary.BigEndian.Uint64(k))
			}
			return nil
		})
	})
	return last, err
}

// Record takes e. It never blocks: if the queue is full, or the log is closed, e is dropped and counted.
// The slices of e belong to the log from now on.
func (l *Log) Record(e Event) {
	if l == nil {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.o.Metric.drop(1)
		return
	}
	select {
	case l.queue <- e:
	default:
		l.o.Metric.drop(1)
	}
}

// Flush returns when everything recorded before it was written or dropped.
func (l *Log) Flush(ctx context.Context) error {
	ask := make(chan struct{})
	select {
	case l.flush <- ask:
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ask:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what is queued and ends the writer. Record drops from then on.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	<-l.done
	return nil
}
