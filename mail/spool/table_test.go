package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"barid/base/kv"
	"barid/rfc/smtp"
	"barid/store/embedded"
	"barid/store/memory"
)

var ctx = context.Background()

// db is a store with both seams.
type db interface {
	kv.KV
	kv.Blobs
}

// put stores a body and enqueues e with it in one commit.
func put(s db, e *Entry) error {
	w, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := fmt.Fprintf(w, "%4096d", 1); err != nil {
		return err
	}
	if e.Blob, err = w.Commit(nil, nil); err != nil {
		return err
	}
	return s.Update(ctx, ShardOf(e.Destination, e.Route).Part(), func(t kv.Txn) error { return Enqueue(t, e) })
}

// change loads the entry n in a transaction and lets f change it.
func change(s db, n Name, l Lease, f func(t kv.Txn, e *Entry) error) error {
	return s.Update(ctx, n.Shard.Part(), func(t kv.Txn) error {
		e, err := Load(t, n.Shard, n.ID)
		if err != nil || e == nil {
			return errors.Join(err, errors.New("no such entry"))
		}
		return f(t, e)
	})
}

// edit is change with an Update at its end.
func edit(s db, n Name, l Lease, f func(e *Entry)) error {
	return change(s, n, l, func(t kv.Txn, e *Entry) error {
		f(e)
		return Update(t, l, e)
	})
}

// step is one commit of the truth table and what it leaves: "S0", or "S1"/"S2" and the recipients.
type step struct {
	name string
	do   func(s db, l Lease, n *Name) error
	want string
}

// walk is every edge of the table, in an order that one entry can take.
func walk() []step {
	put2 := func(s db, _ Lease, n *Name) error {
		e := plain()
		e.Rcpts = append(e.Rcpts, Rcpt{To: path("b", "example.org"), Notify: smtp.NotifySuccess}, Rcpt{To: path("c", "example.org")})
		err := put(s, e)
		*n = e.Name()
		return err
	}
	ed := func(f func(e *Entry)) func(db, Lease, *Name) error {
		return func(s db, l Lease, n *Name) error { return edit(s, *n, l, f) }
	}
	return []step{
		{"enqueue", put2, "S1 waiting waiting waiting"},
		{"outcome: deferred", ed(func(e *Entry) { e.Attempts++; e.Next = e.Next.Add(time.Minute) }), "S1 waiting waiting waiting"},
		{"hold", ed(func(e *Entry) { e.Hold = true }), "S2 waiting waiting waiting"},
		{"release", ed(func(e *Entry) { e.Hold = false }), "S1 waiting waiting waiting"},
		{"outcome: one failed", ed(func(e *Entry) { e.Finish(0, Failed, Answer{Code: 550}, 0) }), "S1 failed? waiting waiting"},
		{"note of the report", ed(func(e *Entry) { e.Rcpts[0].Told = true }), "S1 failed waiting waiting"},
		{"outcome: one relayed", ed(func(e *Entry) { e.Finish(1, Relayed, Answer{Code: 250}, 0) }), "S1 failed relayed? waiting"},
		{"reroute", func(s db, l Lease, n *Name) error {
			to := ShardOf("example.org", "relay")
			return s.UpdateMany(ctx, []kv.Part{n.Shard.Part(), to.Part()}, func(ts []kv.Txn) error {
				e, err := Load(ts[0], n.Shard, n.ID)
				if err != nil {
					return err
				}
				e, err = Move(ts[0], ts[1], l, e, "example.org", "relay")
				if err == nil {
					*n = e.Name()
				}
				return err
			})
		}, "S1 failed relayed? waiting"},
		{"note of the success", ed(func(e *Entry) { e.Rcpts[1].Told = true }), "S1 failed relayed waiting"},
		{"expiry", ed(func(e *Entry) { e.Finish(2, Expired, Answer{}, 0) }), "S1 failed relayed expired?"},
		{"note of the expiry settles the last", ed(func(e *Entry) { e.Rcpts[2].Told = true }), "S0"},
	}
}

// state tells in which row of the table the only entry of s is.
func state(t *testing.T, s db) string {
	t.Helper()
	out := "S0"
	if err := s.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return s.View(ctx, p, func(r kv.Reader) error {
			if _, err := Verify(r, Shard(p.ID)); err != nil {
				return err
			}
			return Scan(r, Shard(p.ID), 0, 0, func(_ ID, err error) { t.Error(err) }, func(e *Entry) error {
				if out != "S0" {
					return fmt.Errorf("two entries: %s and %v", out, e)
				}
				out = describe(e)
				b, err := s.Open(ctx, e.Blob)
				if err != nil {
					return fmt.Errorf("entry without bytes: %w", err)
				}
				return b.Close()
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func describe(e *Entry) string {
	s := "S1"
	if e.Hold {
		s = "S2"
	}
	for i := range e.Rcpts {
		s += " " + e.Rcpts[i].State.String()
		if e.Rcpts[i].State != Waiting && !e.Rcpts[i].Told {
			s += "?"
		}
	}
	return s
}

// lease takes both shards of the walk.
func lease(t *testing.T, s db) (l Lease) {
	t.Helper()
	for _, sh := range []Shard{ShardOf("example.org", ""), ShardOf("example.org", "relay")} {
		if err := s.Update(ctx, sh.Part(), func(tx kv.Txn) (err error) {
			l, err = Acquire(tx, "test", time.Time{})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestWalkOfTheTable(t *testing.T) {
	s := memory.New()
	l := lease(t, s)
	var n Name
	for _, st := range walk() {
		s.Fail(func() error { return kv.ErrFull })
		before, old := state(t, s), n
		if err := st.do(s, l, &n); !errors.Is(err, kv.ErrFull) {
			t.Fatalf("%s on a full store: %v", st.name, err)
		}
		n = old
		if got := state(t, s); got != before {
			t.Fatalf("%s failed and left %q", st.name, got)
		}
		s.Fail(nil)
		if err := st.do(s, l, &n); err != nil {
			t.Fatalf("%s: %v", st.name, err)
		}
		if got := state(t, s); got != st.want {
			t.Fatalf("%s left %q, want %q", st.name, got, st.want)
		}
	}
}

// cutter takes the power away at the n-th write-like call.
type cutter struct {
	fs    *vfs.MemFS
	left  atomic.Int64
	acked atomic.Int64 // steps answered
	rng   *rand.Rand

	mu    sync.Mutex
	clone *vfs.MemFS
	at    int64 // steps answered when the power went
}

func (c *cutter) String() string { return "cutter" }

func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.left.Add(-1) == 0 {
		c.cut()
	}
	return nil
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clone == nil {
		c.at = c.acked.Load()
		c.clone = c.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(5) * 25, RNG: c.rng})
	}
}

// TestWalkWithACrashAtEveryWrite cuts the power at each write of the walk, three times with different luck,
// and finds the entry in the state of the last answered commit or of the one that was under way.
func TestWalkWithACrashAtEveryWrite(t *testing.T) {
	for luck := range 3 {
		for n := int64(1); ; n++ {
			c := &cutter{fs: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(uint64(luck), uint64(n)))}
			if walkUntilCut(t, c, n) {
				if n < 10 {
					t.Fatalf("the walk made %d writes only", n)
				}
				break
			}
			if t.Failed() {
				t.Fatalf("at write %d, luck %d", n, luck)
			}
		}
	}
}

// walkUntilCut reports whether the walk ended before the n-th write.
func walkUntilCut(t *testing.T, c *cutter, n int64) (over bool) {
	s := open(t, errorfs.Wrap(c.fs, c))
	l := lease(t, s)
	c.left.Store(n)
	var name Name
	steps := walk()
	for _, st := range steps {
		if err := st.do(s, l, &name); err != nil {
			t.Fatalf("%s: %v", st.name, err)
		}
		c.acked.Add(1)
	}
	over = c.left.Load() > 0
	c.cut()
	_ = s.Close()
	s = open(t, c.clone)
	got := state(t, s)
	if want := wants(steps, c.at); got != want[0] && got != want[1] {
		t.Errorf("after %d answered steps the store is in %q, want %q", c.at, got, want)
	}
	_ = s.Close()
	return over
}

func wants(steps []step, acked int64) [2]string {
	at := func(i int64) string {
		if i < 0 {
			return "S0"
		}
		return steps[min(i, int64(len(steps)-1))].want
	}
	return [2]string{at(acked - 1), at(acked)}
}

func open(t *testing.T, fs vfs.FS) *embedded.Store {
	t.Helper()
	s, err := embedded.Open("data", embedded.Options{FS: fs, MemtableBytes: 1 << 20, CacheBytes: 1 << 20, GCInterval: -1, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheTableRefuses(t *testing.T) {
	s := memory.New()
	for name, f := range map[string]func(e *Entry){
		"nobody":              func(e *Entry) { e.Rcpts = nil },
		"too many":            func(e *Entry) { e.Rcpts = make([]Rcpt, MaxRcpts+1) },
		"no destination":      func(e *Entry) { e.Destination = "" },
		"told while waiting":  func(e *Entry) { e.Rcpts[0].Told = true },
		"removed, not told":   func(e *Entry) { e.Rcpts[0].State = Removed },
		"all settled":         func(e *Entry) { e.Rcpts[0].State, e.Rcpts[0].Told = Relayed, true },
		"state":               func(e *Entry) { e.Rcpts[0].State = Expanded + 1 },
		"priority":            func(e *Entry) { e.Priority = 10 },
		"deadline, no mode":   func(e *Entry) { e.DeliverBy = t0 },
		"mode, no deadline":   func(e *Entry) { e.ByMode = 'R' },
		"null recipient":      func(e *Entry) { e.Rcpts[0].To.Null = true },
		"size":                func(e *Entry) { e.Size = -1 },
		"number of attempts":  func(e *Entry) { e.Attempts = -1 },
		"another's partition": func(e *Entry) { e.Route = "elsewhere" },
	} {
		e := plain()
		f(e)
		err := s.Update(ctx, ShardOf("example.org", "").Part(), func(t kv.Txn) error { return Enqueue(t, e) })
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := state(t, s); got != "S0" {
		t.Error(got)
	}
}

func TestAnOldOwnerCanNotWrite(t *testing.T) {
	s := memory.New()
	old := lease(t, s)
	e := plain()
	if err := put(s, e); err != nil {
		t.Fatal(err)
	}
	now := lease(t, s)
	for name, f := range map[string]func(t kv.Txn, e *Entry) error{
		"update": func(t kv.Txn, e *Entry) error { return Update(t, old, e) },
		"remove": func(t kv.Txn, e *Entry) error { return Remove(t, old, e) },
		"move":   func(t kv.Txn, e *Entry) error { _, err := Move(t, t, old, e, "example.org", ""); return err },
		"low":    func(t kv.Txn, e *Entry) error { return RaiseLow(t, old) },
	} {
		if err := change(s, e.Name(), old, f); !errors.Is(err, ErrLostLease) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := edit(s, e.Name(), now, func(e *Entry) { e.Attempts++ }); err != nil {
		t.Error(err)
	}
}

func TestTheLowMark(t *testing.T) {
	s := memory.New()
	l := lease(t, s)
	part := ShardOf("example.org", "").Part()
	low := func() (ms int64) {
		_ = s.View(ctx, part, func(r kv.Reader) error {
			m, err := ReadMeta(r)
			ms = m.Low
			return err
		})
		return ms
	}
	raise := func() {
		if err := s.Update(ctx, part, func(t kv.Txn) error { return RaiseLow(t, l) }); err != nil {
			t.Fatal(err)
		}
		if err := s.View(ctx, part, func(r kv.Reader) error {
			_, err := Verify(r, Shard(part.ID))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	e := plain()
	_ = put(s, e)
	if raise(); low() != millis(t0) {
		t.Errorf("low mark of one entry is %d", low())
	}
	_ = edit(s, e.Name(), l, func(e *Entry) { e.Next = e.Next.Add(time.Hour) })
	if raise(); low() != millis(t0.Add(time.Hour)) {
		t.Errorf("low mark did not rise: %d", low())
	}
	late := plain() // the clock went back
	late.Next, late.Priority = t0.Add(-time.Hour), 9
	_ = put(s, late)
	if raise(); low() != millis(t0.Add(-time.Hour)) {
		t.Errorf("low mark did not go down: %d", low())
	}
	_ = edit(s, late.Name(), l, func(e *Entry) { e.Rcpts[0] = Rcpt{To: e.Rcpts[0].To, State: Removed, Told: true} })
	_ = edit(s, e.Name(), l, func(e *Entry) { e.Hold = true })
	if raise(); low() != never {
		t.Errorf("low mark of an empty schedule is %d", low())
	}
	_ = edit(s, e.Name(), l, func(e *Entry) { e.Hold = false; e.Next = t0 })
	if raise(); low() != millis(t0) {
		t.Errorf("low mark after the release is %d", low())
	}
}

func TestOwes(t *testing.T) {
	for _, c := range []struct {
		notify smtp.Notify
		null   bool
		by     byte
		passed Passed
		state  State
		want   bool
	}{
		{state: Failed, want: true},
		{state: Expired, want: true},
		{state: Failed, null: true},
		{state: Relayed},
		{state: Removed},
		{state: Relayed, notify: smtp.NotifySuccess, want: true},
		{state: Delivered, notify: smtp.NotifySuccess, want: true},
		{state: Relayed, notify: smtp.NotifySuccess, passed: PassedReport},
		{state: Relayed, by: 'N', want: true},
		{state: Relayed, by: 'N', notify: smtp.NotifyFailure, passed: PassedReport, want: true},
		{state: Relayed, by: 'N', passed: PassedDeadline},
		{state: Relayed, by: 'N', notify: smtp.NotifyNever},
		{state: Relayed, by: 'N', null: true},
		{state: Relayed, by: 'R'},
		{state: Failed, notify: smtp.NotifySuccess},
		{state: Failed, notify: smtp.NotifyDelay},
		{state: Failed, notify: smtp.NotifyNever},
		{state: Failed, notify: smtp.NotifyFailure, passed: PassedReport, want: true},
		{state: Expired, notify: smtp.NotifyFailure | smtp.NotifySuccess, want: true},
	} {
		e := plain()
		e.From.Null = c.null
		e.Rcpts[0].Notify = c.notify
		if c.by != 0 {
			e.ByMode, e.DeliverBy = c.by, t0
		}
		if e.Finish(0, c.state, Answer{}, c.passed); e.Rcpts[0].Told == c.want {
			t.Errorf("%+v: told is %v", c, e.Rcpts[0].Told)
		}
	}
}

func TestScheduleOrder(t *testing.T) {
	s := memory.New()
	var want []ID
	for i, c := range []struct {
		next     time.Duration
		priority int8
	}{{0, 9}, {0, 0}, {0, 0}, {0, -9}, {time.Millisecond, 9}, {time.Hour, 0}} {
		e := plain()
		e.Next, e.Priority = t0.Add(c.next), c.priority
		if err := put(s, e); err != nil {
			t.Fatal(err)
		}
		want = append(want, ID(i+1))
	}
	var got []ID
	_ = s.View(ctx, ShardOf("example.org", "").Part(), func(r kv.Reader) error {
		var last Cursor
		_ = ScanSchedule(r, At(t0), At(t0.Add(time.Minute)), 3, func(s Slot) error {
			got, last = append(got, s.ID), s.Cursor
			return nil
		})
		return ScanSchedule(r, last.After(), Cursor{}, 0, func(s Slot) error {
			if !last.Less(s.Cursor) {
				t.Errorf("%v is not before %v", last, s.Cursor)
			}
			got, last = append(got, s.ID), s.Cursor
			return nil
		})
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("order %v", got)
	}
	back := 0
	_ = s.View(ctx, ShardOf("example.org", "").Part(), func(r kv.Reader) error {
		return ScanScheduleBack(r, At(t0.Add(time.Millisecond)), Cursor{}, 0, func(s Slot) error { back++; return nil })
	})
	if back != 2 {
		t.Errorf("%d from the end", back)
	}
}

func TestPauses(t *testing.T) {
	s := memory.New()
	want := Pause{Queue: "example.org", Since: t0, Until: t0.Add(time.Hour), Reason: "repair"}
	part := ShardOf("example.org", "").Part()
	get := func() (ps []Pause) {
		_ = s.View(ctx, part, func(r kv.Reader) error { return Pauses(r, func(p Pause) { ps = append(ps, p) }) })
		return ps
	}
	_ = s.Update(ctx, part, func(t kv.Txn) error { PutPause(t, want); return nil })
	if ps := get(); len(ps) != 1 || ps[0] != want {
		t.Errorf("%+v", ps)
	}
	_ = s.Update(ctx, part, func(t kv.Txn) error { DelPause(t, want.Queue); return nil })
	if ps := get(); len(ps) != 0 {
		t.Errorf("%+v", ps)
	}
}
