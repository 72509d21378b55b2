package mailbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/mail"
	"barid/store/embedded"
)

// crashWorker changes one account and writes down what it looked like after each answer.
type crashWorker struct {
	id  mail.AccountID
	r   *rand.Rand
	s   *Store
	e   *embedded.Store
	own *Mailbox
	bin *Mailbox

	mu     sync.Mutex
	states []string // after each acknowledged change
}

// signature is everything a reader can see of an account.
func signature(s *Store, id mail.AccountID) (string, error) {
	var b strings.Builder
	for _, name := range []string{"INBOX", "Trash"} {
		m, err := s.Account(id).Open(ctx, name)
		if err != nil {
			return "", err
		}
		v := m.View()
		fmt.Fprintf(&b, "%s %d next %d:", name, v.UIDValidity(), v.UIDNext())
		for _, e := range v.All() {
			fmt.Fprintf(&b, " %d/%d/%x", e.UID, e.Msg, e.Flags)
		}
		b.WriteString("\n")
		m.Close()
	}
	u, err := s.Account(id).Usage(ctx)
	fmt.Fprintf(&b, "%d bytes in %d", u.Bytes, u.Messages)
	return b.String(), err
}

func (w *crashWorker) note() error {
	sig, err := signature(w.s, w.id)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states = append(w.states, sig)
	return nil
}

func (w *crashWorker) acked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.states) - 1
}

// bodyOf tells what message number n of account id must hold.
func bodyOf(id mail.AccountID, n int) string {
	return text(fmt.Sprintf("%d.%d@x", id, n), fmt.Sprintf("%d.%d@x", id, n-1), "", strings.Repeat("s", n%50))
}

// step makes one change and waits for its answer.
func (w *crashWorker) step(n int) error {
	v := w.own.View()
	set := NewUIDSet(UIDRange{1 + UID(w.r.IntN(int(v.UIDNext()))), v.UIDNext()})
	var err error
	switch k := w.r.IntN(10); {
	case k < 5 || v.Len() == 0:
		var bw interface {
			io.Closer
		}
		bw, err = w.deliver(bodyOf(w.id, n))
		if bw != nil {
			defer bw.Close()
		}
	case k < 7:
		_, _, err = w.own.Store(ctx, set, StoreOp{Mode: Mode(w.r.IntN(3)), Flags: Flags(w.r.IntN(32))})
	case k < 8:
		_, err = w.own.Copy(ctx, set, "Trash")
	case k < 9:
		_, err = w.bin.Move(ctx, All(), "INBOX")
	default:
		_, _, err = w.own.Expunge(ctx, nil)
	}
	return err
}

func (w *crashWorker) deliver(body string) (io.Closer, error) {
	bw, err := w.e.Create(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(bw, body); err != nil {
		return bw, err
	}
	id, err := bw.Commit(nil, nil)
	if err != nil {
		return bw, err
	}
	m := &Message{Blob: id, Size: int64(len(body)), Received: epoch}
	_, err = w.s.Deliver(ctx, m, []Destination{{Account: w.id}})
	return bw, err
}

const crashWorkers = 3

func crashOptions(r *rand.Rand) Options {
	return Options{SnapRecords: 1 + r.IntN(9), ReapInline: 1 + r.IntN(3), KeepChanges: 8, HotBytes: int64(1 + r.IntN(1<<14))}
}

// TestPowerCutsLoseNothingAcknowledged cuts the power at a random moment and keeps a random part of what
// was not synced. Every account must look as after its last acknowledged change, or a later one.
func TestPowerCutsLoseNothingAcknowledged(t *testing.T) {
	n := seeds(300)
	if testing.Short() {
		n = 20
	}
	for seed := range uint64(n) {
		crashOnce(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func crashOnce(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	fs := vfs.NewCrashableMem()
	o := embedded.Options{FS: fs, GCInterval: -1, SegmentBytes: 64 << 10, MemtableBytes: 64 << 10}
	e, err := embedded.Open("data", o)
	must(t, err)
	s := Open(e, e, crashOptions(r))
	steps := 5 + r.IntN(40)
	cutAt := r.IntN(steps)
	var workers [crashWorkers]*crashWorker
	for k := range workers {
		w := &crashWorker{id: mail.AccountID(k + 1), r: rand.New(rand.NewPCG(seed, uint64(k))), s: s, e: e}
		w.own, err = s.Account(w.id).Open(ctx, "INBOX")
		must(t, err)
		w.bin, err = s.Account(w.id).Open(ctx, "Trash")
		must(t, err)
		must(t, w.note())
		workers[k] = w
	}
	var clone *vfs.MemFS
	var floor [crashWorkers]int
	var cut sync.Once
	var all sync.WaitGroup
	for k, w := range workers {
		all.Go(func() {
			for n := range steps {
				if k == 0 && n == cutAt {
					cut.Do(func() {
						for i, o := range workers {
							floor[i] = o.acked()
						}
						clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: rand.New(rand.NewPCG(seed, 9))})
					})
				}
				if err := w.step(n); err != nil {
					t.Errorf("worker %d: %v", k, err)
					return
				}
				if err := w.note(); err != nil {
					t.Errorf("worker %d: %v", k, err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, w := range workers {
		w.own.Close()
		w.bin.Close()
	}
	s.Close()
	must(t, e.Close())
	if !t.Failed() {
		afterCrash(t, clone, o, workers[:], floor[:])
	}
}

// afterCrash opens what the power cut left.
func afterCrash(t *testing.T, fs *vfs.MemFS, o embedded.Options, workers []*crashWorker, floor []int) {
	t.Helper()
	o.FS = fs
	e, err := embedded.Open("data", o)
	must(t, err)
	defer e.Close()
	s := Open(e, e, Options{})
	defer s.Close()
	for k, w := range workers {
		sig, err := signature(s, w.id)
		must(t, err)
		at := -1
		for n := floor[k]; n < len(w.states); n++ {
			if w.states[n] == sig {
				at = n
			}
		}
		if at < 0 {
			t.Errorf("account %d came back as\n%s\nacknowledged was\n%s", w.id, sig, w.states[floor[k]])
		}
		ps, err := s.Check(ctx, w.id)
		must(t, err)
		for _, p := range ps {
			t.Errorf("account %d: %s", w.id, p)
		}
		wantBodies(t, s, w.id)
		must(t, s.Account(w.id).Reap(ctx))
	}
}

// wantBodies reads every message.
func wantBodies(t *testing.T, s *Store, id mail.AccountID) {
	t.Helper()
	for _, name := range []string{"INBOX", "Trash"} {
		m, err := s.Account(id).Open(ctx, name)
		must(t, err)
		defer m.Close()
		for _, e := range m.View().All() {
			r, err := m.Body(ctx, e)
			if err != nil {
				t.Errorf("account %d, UID %d: %v", id, e.UID, err)
				continue
			}
			b, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
			if err != nil || int64(len(b)) != e.Size || !strings.HasPrefix(string(b), "From: ") {
				t.Errorf("account %d, UID %d: %d bytes, %v", id, e.UID, len(b), err)
			}
			r.Close()
		}
	}
}
