package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"barid/base/kv"
)

// inject makes a file system whose calls inj can fail. Those on files that were taken over for another use, too,
// which errorfs hands out bare.
func inject(fs vfs.FS, inj errorfs.Injector) vfs.FS { return injected{errorfs.Wrap(fs, inj)} }

type injected struct{ vfs.FS }

// ReuseForWrite implements vfs.FS.
func (i injected) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := i.Rename(old, name); err != nil {
		return nil, err
	}
	return i.OpenReadWrite(name, c)
}

// faults fails write-like calls number first..last.
type faults struct {
	n           atomic.Int64
	first, last int64
	err         error
	hit         atomic.Int64
}

func (f *faults) String() string { return "faults" }

func (f *faults) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	if n := f.n.Add(1); n >= f.first && n <= f.last {
		f.hit.Add(1)
		return &pathError{op.Path, f.err}
	}
	return nil
}

type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return "injected: " + e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// TestEveryCallFails lets each single write-like call of a history fail, and bursts of them, with a full
// disk and with an I/O error. Every error must be temporary, the store must heal by itself, and nothing
// acknowledged may be lost.
func TestEveryCallFails(t *testing.T) {
	stride := int64(1)
	if testing.Short() {
		stride = 17
	}
	for _, c := range []struct {
		name string
		err  error
		len  int64
	}{
		{"one I/O error", syscall.EIO, 1},
		{"disk full for 30 calls", syscall.ENOSPC, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			healed := uint64(0)
			for n := int64(1); n < 2000; n += stride {
				f := &faults{first: n, last: n + c.len - 1, err: c.err}
				healed += failingHistory(t, f)
				if t.Failed() {
					t.Fatalf("with a failure at call %d", n)
				}
				if f.hit.Load() == 0 {
					t.Logf("%d calls, healed %d times", n, healed)
					if n < 200 || healed < uint64(n/stride/4) {
						t.Fatalf("the history is too tame: %d calls, healed %d times", n, healed)
					}
					return
				}
			}
			t.Fatal("the history never ended")
		})
	}
}

func failingHistory(t *testing.T, f *faults) (healed uint64) {
	fs := vfs.NewCrashableMem()
	o := small(inject(fs, f))
	a := newActor(1, 77) // the same history for all n
	var s *Store
	for try := 0; s == nil; try++ {
		var err error
		if s, err = Open("data", o); err != nil && try > 100 {
			t.Fatalf("Open does not recover: %v", err)
		}
	}
	for range 40 {
		for a.step(t.Context(), s) != nil {
			promised(t, s, a, fs)
			settle(t, s, a)
		}
		if len(a.states)%8 == 0 {
			_, _ = s.GC(t.Context())
		}
	}
	settle(t, s, a)
	healed = s.healed.Load()
	cut := fs.CrashClone(vfs.CrashCloneCfg{}) // what is durable now must be all there is
	if err := s.Close(); err != nil && f.hit.Load() == 0 {
		t.Fatal(err)
	}
	for _, fs := range []vfs.FS{fs, cut} {
		s = mustOpen(t, "data", small(fs))
		a.check(t, s, int(a.acked.Load()), int(a.begun.Load()))
		sound(t, s)
		mustClose(t, s)
	}
	return healed
}

// promised looks at the actor's rows with a transaction that writes nothing, as the opening of a mailbox does. If
// it succeeds while the store is not well, what it saw must survive a power cut at once.
func promised(t *testing.T, s *Store, a *actor, fs *vfs.MemFS) {
	t.Helper()
	step := 0
	err := s.Update(t.Context(), a.part, func(x kv.Txn) error {
		v, ok, err := x.Get(modelTable, []byte("step"))
		if err == nil && ok {
			_, err = fmt.Sscan(string(v), &step)
		}
		return err
	})
	if err != nil {
		return
	}
	cut := mustOpen(t, "data", small(fs.CrashClone(vfs.CrashCloneCfg{})))
	defer mustClose(t, cut)
	a.check(t, cut, step, int(a.begun.Load()))
}

// settle waits until the store takes writes and finds out which state it is in.
func settle(t *testing.T, s *Store, a *actor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := s.WaitHealthy(ctx)
		if err == nil {
			err = s.Update(ctx, sharedPart, func(x kv.Txn) error {
				x.Put(modelTable+1, []byte("probe"), nil)
				return nil
			})
		}
		if err == nil {
			break
		}
		if !errors.Is(err, kv.ErrFull) && !errors.Is(err, kv.ErrUnavailable) {
			t.Fatalf("not a temporary error: %v", err)
		}
		if ctx.Err() != nil {
			t.Fatalf("the store does not heal: %v", err)
		}
	}
	a.rewind(a.check(t, s, int(a.acked.Load()), int(a.begun.Load())))
}

// flaky is a switch for write errors.
type flaky struct {
	on  atomic.Bool
	err error
}

func (f *flaky) String() string { return "flaky" }

func (f *flaky) MaybeError(op errorfs.Op) error {
	if f.on.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		return f.err
	}
	return nil
}

// TestDiskFullInsidePebble: the disk is full without a warning. All writes are refused as full, reading
// goes on, and writing is taken up by itself.
func TestDiskFullInsidePebble(t *testing.T) {
	f := &flaky{err: syscall.ENOSPC}
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(inject(fs, f)))
	a := newActor(1, 5)
	for round := range 5 {
		for range 10 {
			if err := a.step(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		f.on.Store(true)
		for range 10 {
			err := s.Update(t.Context(), a.part, func(x kv.Txn) error {
				x.Put(modelTable, []byte("k"), make([]byte, 2000))
				return nil
			})
			if !errors.Is(err, kv.ErrFull) {
				t.Fatalf("round %d: Update on a full disk: %v", round, err)
			}
			if _, err := storeBody(t, s, 3000); !errors.Is(err, kv.ErrFull) {
				t.Fatalf("round %d: Commit on a full disk: %v", round, err)
			}
		}
		if _, err := readState(s, a); err != nil {
			t.Fatalf("reading on a full disk: %v", err)
		}
		f.on.Store(false)
		settleAny(t, s, a)
	}
	mustClose(t, s)
	s = mustOpen(t, "data", small(fs))
	sound(t, s)
	mustClose(t, s)
}

// settleAny is settle for a partition that was also written by others: it restores the model's rows.
func settleAny(t *testing.T, s *Store, a *actor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := s.WaitHealthy(ctx)
		if err == nil {
			err = s.Update(ctx, a.part, func(x kv.Txn) error {
				x.Del(modelTable, []byte("k"))
				return nil
			})
		}
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("the store does not heal: %v", err)
		}
	}
	a.check(t, s, len(a.states)-1, len(a.states)-1)
}

func readState(s *Store, a *actor) (rows int, err error) {
	err = s.View(context.Background(), a.part, func(r kv.Reader) error {
		return r.Scan(modelTable, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error { rows++; return nil })
	})
	for _, h := range a.last().held {
		if _, err := readBody(s, h.id); err != nil {
			return rows, err
		}
	}
	return rows, err
}

// storeBody stores a body nobody links.
func storeBody(t *testing.T, s *Store, n int) (kv.BlobID, error) {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		return kv.BlobID{}, err
	}
	defer w.Close()
	if _, err := w.Write(content{uint64(n), n}.bytes()); err != nil {
		return kv.BlobID{}, err
	}
	return w.Commit(nil, nil)
}

// linkBody stores a body and links it.
func linkBody(t *testing.T, s *Store, p kv.Part, owner uint64, c content) kv.BlobID {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Write(c.bytes()); err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit(nil, fmt.Append(nil, owner))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), p, func(x kv.Txn) error { x.Link(id, owner); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func unlinkBody(t *testing.T, s *Store, p kv.Part, owner uint64, id kv.BlobID) {
	t.Helper()
	if err := s.Update(t.Context(), p, func(x kv.Txn) error { x.Unlink(id, owner); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestReserve: below the reserve bodies are refused, rows go on; below half of it rows are refused, too.
func TestReserve(t *testing.T) {
	fs := vfs.NewMem()
	o := small(fs)
	o.ReserveBytes = 1 << 20
	set := func(free uint64) {
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: free, TotalBytes: 1 << 40, UsedBytes: 1})
	}
	set(2 << 20)
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	p := kv.Part{Kind: kv.Account, ID: 1}
	row := func() error {
		return s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, nil, nil); return nil })
	}
	if _, err := storeBody(t, s, 100); err != nil {
		t.Fatal(err)
	}
	set(1<<20 - 1)
	if _, err := storeBody(t, s, 100); !errors.Is(err, kv.ErrFull) {
		t.Fatalf("body below the reserve: %v", err)
	}
	if err := row(); err != nil {
		t.Fatalf("rows below the reserve: %v", err)
	}
	set(1<<19 - 1)
	if err := row(); !errors.Is(err, kv.ErrFull) {
		t.Fatalf("rows below half the reserve: %v", err)
	}
	if err := s.Update(t.Context(), p, func(x kv.Txn) error { _, _, err := x.Get(1, nil); return err }); err != nil {
		t.Fatalf("a transaction that only reads, on a full disk: %v", err)
	}
	if err := s.View(t.Context(), p, func(r kv.Reader) error { _, _, err := r.Get(1, nil); return err }); err != nil {
		t.Fatal(err)
	}
	set(2 << 20)
	if err := row(); err != nil {
		t.Fatal(err)
	}
	if _, err := storeBody(t, s, 100); err != nil {
		t.Fatal(err)
	}
}

// TestReserveOfASmallDisk: the reserve is never more than a sixteenth of the file system, so that a small one can
// be used at all.
func TestReserveOfASmallDisk(t *testing.T) {
	fs := vfs.NewMem()
	o := small(fs)
	o.ReserveBytes = 256 << 20
	set := func(free uint64) {
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: free, TotalBytes: 64 << 20, UsedBytes: 64<<20 - free})
	}
	set(12 << 20)
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	if _, err := storeBody(t, s, 100); err != nil {
		t.Fatalf("12 of 64 MiB are free: %v", err)
	}
	set(4<<20 - 1)
	if _, err := storeBody(t, s, 100); !errors.Is(err, kv.ErrFull) {
		t.Fatalf("less than 4 of 64 MiB are free: %v", err)
	}
}

// TestFailedCommitMakesVersionsJump: what was applied and lost must not be taken for the present.
func TestFailedCommitMakesVersionsJump(t *testing.T) {
	f := &flaky{err: syscall.EIO}
	s := mustOpen(t, "data", small(inject(vfs.NewMem(), f)))
	defer mustClose(t, s)
	p := kv.Part{Kind: kv.Account, ID: 1}
	var hook, after kv.Ver
	var kept any
	f.on.Store(true)
	err := s.Update(t.Context(), p, func(x kv.Txn) error {
		x.Put(1, []byte("a"), nil)
		x.Applied(func(v kv.Ver) { hook = v })
		x.Keep("lost")
		return nil
	})
	if !errors.Is(err, kv.ErrUnavailable) || hook == 0 {
		t.Fatalf("%v, hook %d", err, hook)
	}
	f.on.Store(false)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if err := s.WaitHealthy(ctx); err != nil {
			t.Fatal(err)
		}
		if s.Update(ctx, p, func(x kv.Txn) error { after, kept = x.Ver(), x.Kept(); return nil }) == nil {
			break
		}
	}
	if kept != nil {
		t.Errorf("kept %v of a transaction that was lost", kept)
	}
	if after <= hook {
		t.Fatalf("version %d after the lost %d", after, hook)
	}
}

// TestBarrier: a transaction without writes must not succeed on rows that never became durable.
func TestBarrier(t *testing.T) {
	f := &flaky{err: syscall.EIO}
	s := mustOpen(t, "data", small(inject(vfs.NewMem(), f)))
	defer mustClose(t, s)
	p := kv.Part{Kind: kv.Account, ID: 1}
	applied := make(chan struct{})
	done := make(chan error)
	f.on.Store(true)
	go func() {
		done <- s.Update(context.Background(), p, func(x kv.Txn) error {
			x.Put(1, []byte("a"), nil)
			x.Applied(func(kv.Ver) { close(applied) })
			return nil
		})
	}()
	<-applied
	saw := false
	err := s.Update(t.Context(), p, func(x kv.Txn) error {
		_, ok, err := x.Get(1, []byte("a"))
		saw = ok
		return err
	})
	if err == nil && saw {
		t.Fatal("acknowledged what was read from a lost transaction")
	}
	if err := <-done; err == nil {
		t.Fatal("a commit whose sync failed was acknowledged")
	}
	f.on.Store(false)
}

// TestFlushFails: Pebble can log rows but not write tables. Writes are refused before its memory fills up,
// reading goes on, and all is well by itself as soon as tables can be written.
func TestFlushFails(t *testing.T) {
	var off atomic.Bool
	inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if off.Load() && isTable(op.Path) && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return syscall.ENOSPC
		}
		return nil
	})
	s := mustOpen(t, "data", small(inject(vfs.NewMem(), inj)))
	defer mustClose(t, s)
	write := func(i int) error {
		return s.Update(t.Context(), owner1, func(x kv.Txn) error {
			x.Put(1, fmt.Append(nil, i), make([]byte, 3000))
			return nil
		})
	}
	off.Store(true)
	acked := 0
	var err error
	for acked < 1000 && err == nil {
		if err = write(acked); err == nil {
			acked++
		}
	}
	if !errors.Is(err, kv.ErrFull) {
		t.Fatalf("after %d writes: %v", acked, err)
	}
	count := 0
	err = s.View(t.Context(), owner1, func(r kv.Reader) error {
		return r.Scan(1, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error { count++; return nil })
	})
	if err != nil || count != acked {
		t.Fatalf("%v; %d rows, %d acknowledged", err, count, acked)
	}
	off.Store(false)
	for begun := time.Now(); write(acked) != nil; {
		if time.Since(begun) > time.Minute {
			t.Fatal("does not recover")
		}
		time.Sleep(time.Millisecond)
	}
	if n := s.healed.Load(); n != 0 {
		t.Errorf("healed %d times; nothing was fenced", n)
	}
}

// TestMemtablesGrow: Pebble begins with small memtables and flushes them late. The brake must not take
// many small ones for many.
func TestMemtablesGrow(t *testing.T) {
	s := mustOpen(t, "data", Options{FS: vfs.NewMem(), GCInterval: -1, MemtableBytes: 8 << 20})
	defer mustClose(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range 6000 {
		err := s.Update(ctx, owner1, func(x kv.Txn) error {
			x.Put(1, fmt.Append(nil, i), make([]byte, 8<<10))
			return nil
		})
		if err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
}

// TestReadErrors: a read that the disk refuses is not taken for damage.
func TestReadErrors(t *testing.T) {
	var off atomic.Bool
	inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if off.Load() && op.Kind == errorfs.OpFileReadAt {
			return syscall.EIO
		}
		return nil
	})
	s := mustOpen(t, "data", small(inject(vfs.NewMem(), inj)))
	defer mustClose(t, s)
	for _, size := range []int{1000, 200 << 10, inlineMax + 1000} {
		id := linkBody(t, s, owner1, uint64(size), content{1, size})
		off.Store(true)
		_, err := readBody(s, id)
		off.Store(false)
		if !errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if _, err := readBody(s, id); err != nil {
			t.Errorf("%d bytes, afterwards: %v", size, err)
		}
	}
}

// TestAFencedStoreIsRead: while the disk takes no writes transactions that only read are let in again, and see
// what is durable and nothing else.
func TestAFencedStoreIsRead(t *testing.T) {
	f := &flaky{err: syscall.ENOSPC}
	s := mustOpen(t, "data", small(inject(vfs.NewMem(), f)))
	defer mustClose(t, s)
	p := kv.Part{Kind: kv.Account, ID: 1}
	put := func(key string) error {
		return s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, []byte(key), []byte("x")); return nil })
	}
	has := func(key string) (ok bool, err error) {
		err = s.Update(t.Context(), p, func(x kv.Txn) error { _, ok, err = x.Get(1, []byte(key)); return err })
		return ok, err
	}
	if err := put("durable"); err != nil {
		t.Fatal(err)
	}
	f.on.Store(true)
	if err := put("lost"); !errors.Is(err, kv.ErrFull) {
		t.Fatalf("on a full disk: %v", err)
	}
	soon := func(f func() error) {
		t.Helper()
		err := f()
		for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); err = f() {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	soon(func() error { _, err := has("durable"); return err })
	if ok, err := has("lost"); ok || err != nil {
		t.Fatalf("what is not durable is shown: %v %v", ok, err)
	}
	if err := put("refused"); !errors.Is(err, kv.ErrFull) {
		t.Fatalf("writing while fenced: %v", err)
	}
	f.on.Store(false)
	soon(func() error { return put("again") })
	for key, want := range map[string]bool{"durable": true, "lost": false, "refused": false, "again": true} {
		if ok, err := has(key); ok != want || err != nil {
			t.Errorf("%s: %v %v", key, ok, err)
		}
	}
}

// TestAFailedSyncIsNotDurable: a record that was written, and whose sync failed, lies in the system's cache. A
// transaction that only reads must not find it while the disk takes no writes, and nobody may find it later.
func TestAFailedSyncIsNotDurable(t *testing.T) {
	for _, large := range []int{0, 100 << 10} { // also a batch that goes around the memtable
		t.Run(fmt.Sprint(large), func(t *testing.T) { failedSync(t, large) })
	}
}

func failedSync(t *testing.T, large int) {
	var off atomic.Bool
	inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		if off.Load() && sync && (isLog(op.Path) || strings.HasSuffix(op.Path, "probe")) {
			return syscall.EIO
		}
		return nil
	})
	fs := vfs.NewCrashableMem()
	s := mustOpen(t, "data", small(inject(fs, inj)))
	p := kv.Part{Kind: kv.Account, ID: 1}
	put := func(key string) error {
		return s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, []byte(key), make([]byte, large)); return nil })
	}
	has := func(s *Store, key string) (ok bool, err error) {
		err = s.Update(t.Context(), p, func(x kv.Txn) error { _, ok, err = x.Get(1, []byte(key)); return err })
		return ok, err
	}
	if err := put("durable"); err != nil {
		t.Fatal(err)
	}
	off.Store(true)
	if err := put("lost"); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatalf("a failed sync: %v", err)
	}
	want := func(s *Store, rows map[string]bool) {
		t.Helper()
		for key, want := range rows {
			got, err := has(s, key)
			for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); got, err = has(s, key) {
				time.Sleep(time.Millisecond)
			}
			if err != nil || got != want {
				t.Errorf("%s: %v %v", key, got, err)
			}
		}
	}
	rows := map[string]bool{"durable": true, "lost": false}
	want(s, rows)
	off.Store(false)
	for end := time.Now().Add(time.Minute); put("again") != nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	rows["again"] = true
	want(s, rows)
	cut := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	mustClose(t, s)
	for _, fs := range []vfs.FS{cut, fs} {
		s := mustOpen(t, "data", small(fs))
		want(s, rows)
		mustClose(t, s)
	}
}

// TestAGroupThatFailsIsNotStored: when the sync of bodies that were to be durable together fails, none of them counts, and the
// next group is stored.
func TestAGroupThatFailsIsNotStored(t *testing.T) {
	var off atomic.Bool
	inj := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if off.Load() && op.Kind == errorfs.OpFileSyncData && strings.Contains(op.Path, "seg-") {
			return syscall.EIO
		}
		return nil
	})
	s := mustOpen(t, "data", small(inject(vfs.NewCrashableMem(), inj)))
	defer mustClose(t, s)
	group := func() ([]kv.BlobID, error) {
		var ws []kv.BlobWriter
		for i := range 5 {
			w, err := s.Create(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			fmt.Fprintf(w, "body %d", i)
			ws = append(ws, w)
		}
		return kv.CommitAll(s, ws, make([][]byte, len(ws)))
	}
	off.Store(true)
	if ids, err := group(); err == nil || ids != nil {
		t.Fatalf("a group whose sync failed: %v, %v", ids, err)
	}
	if n := len(s.pins.all()); n != 0 {
		t.Errorf("%d bodies of it are protected", n)
	}
	off.Store(false)
	if ids, err := group(); err != nil || len(ids) != 5 || ids[0] == ids[4] {
		t.Errorf("the next group: %v, %v", ids, err)
	}
}
