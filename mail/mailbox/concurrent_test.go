package mailbox

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"barid/mail"
)

// TestManyAtOnce delivers, flags, copies, expunges and reads from many goroutines. UIDs must be given once
// each, in order, and what a reader sees must never go back.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, Options{SnapRecords: 5, ReapInline: 2, HotBytes: 1, Accounts: 1})
	body, done := put(t, w.mem, text("x@example.test", "", "", "x"))
	defer done()
	const writers, each, accounts = 4, 120, 3
	var mu sync.Mutex
	given := map[mail.AccountID][]UID{}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := range each {
				to := []Destination{{Account: mailID(1 + n%accounts)}, {Account: mailID(1 + (n+1)%accounts)}}
				out, err := w.Deliver(ctx, body, to)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, d := range out {
					given[d.Account] = append(given[d.Account], d.UID)
				}
				mu.Unlock()
			}
		})
	}
	for k := range accounts {
		all.Go(func() { w.churn(t, mailID(k+1), each) })
		all.Go(func() { w.watchOver(t, mailID(k+1), each) })
	}
	all.Wait()
	for id, us := range given {
		slices.Sort(us)
		if len(slices.Compact(slices.Clone(us))) != len(us) || us[0] != 1 || int(us[len(us)-1]) != len(us) {
			t.Errorf("account %d: UIDs %v", id, us)
		}
		must(t, w.Account(id).Reap(ctx))
		w.check(id)
	}
}

// churn flags, copies, moves and expunges.
func (w *world) churn(t *testing.T, id mail.AccountID, n int) {
	for k := range n {
		m, err := w.Account(id).Open(ctx, "INBOX")
		if err != nil {
			t.Error(err)
			return
		}
		next := m.View().UIDNext()
		_, _, err = m.Store(ctx, NewUIDSet(UIDRange{next / 2, next}), StoreOp{Mode: Mode(k % 2), Flags: Flagged | Flags(k%3/2)*Deleted})
		if err == nil && k%7 == 0 {
			_, err = m.Copy(ctx, NewUIDSet(UIDRange{1, next / 3}), []string{"Sent", "Trash"}[k%2])
		}
		if err == nil && k%5 == 0 {
			_, _, err = m.Expunge(ctx, nil)
		}
		if err == nil && k%40 == 39 {
			_, err = w.Account(id).Create(ctx, fmt.Sprintf("n%d", k), UseNone)
		}
		if err != nil {
			t.Error(err)
			return
		}
		m.Close()
	}
}

// watchOver looks at Views and follows them with Diff.
func (w *world) watchOver(t *testing.T, id mail.AccountID, n int) {
	m, err := w.Account(id).Open(ctx, "INBOX")
	if err != nil {
		t.Error(err)
		return
	}
	defer m.Close()
	wake, ring := bell()
	stop := m.Watch(ring)
	defer stop()
	old := m.View()
	for range n {
		select {
		case <-wake:
		default:
		}
		v := m.View()
		if v.HighestModSeq() < old.HighestModSeq() || v.UIDNext() < old.UIDNext() {
			t.Errorf("a View went back: modseq %d after %d", v.HighestModSeq(), old.HighestModSeq())
		}
		gone := 0
		Diff(old, v, func(int, Entry) { gone++ }, func(int, Entry) {})
		fresh := 0
		last := UID(0)
		for _, e := range v.All() {
			if e.UID <= last {
				t.Errorf("UID %d after %d", e.UID, last)
			}
			if last = e.UID; e.UID >= old.UIDNext() {
				fresh++
			}
		}
		if old.Len()-gone+fresh != v.Len() {
			t.Errorf("%d - %d + %d messages are not %d", old.Len(), gone, fresh, v.Len())
		}
		err := m.Cold(ctx, v, All(), func(_ int, e Entry, c *Cold) error {
			if c != nil && c.Size != e.Size {
				return fmt.Errorf("size %d of %d", c.Size, e.Size)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		old = v
	}
}

func TestIdleMailboxesLeaveMemory(t *testing.T) {
	w := newWorld(t, Options{HotBytes: 60 << 10, Accounts: 2})
	for id := range mailID(6) {
		w.deliver(text("", "", "", "x"), Destination{Account: id + 1})
	}
	w.Store.mu.Lock()
	if n := len(w.Store.accounts); n > 2 {
		t.Errorf("%d accounts in memory", n)
	}
	w.Store.mu.Unlock()
	w.fill(1000, "INBOX")
	m := w.open(1, "INBOX")
	for _, name := range []string{"Sent", "Trash", "Junk"} {
		w.fill(700, name)
		x, err := w.Account(1).Open(ctx, name)
		must(t, err)
		x.Close()
	}
	w.Store.mu.Lock()
	if w.Store.idleBytes > 60<<10 || w.Store.idle.Len() != 1 {
		t.Errorf("%d mailboxes with %d bytes are idle in memory", w.Store.idle.Len(), w.Store.idleBytes)
	}
	w.Store.mu.Unlock()
	if m.View().Len() != 1001 {
		t.Error("a mailbox that is held was dropped")
	}
	if st, err := w.Account(1).Status(ctx, "Sent"); err != nil || st.Messages != 700 || st.Unseen != 350 {
		t.Errorf("%+v, %v", st, err)
	}
}
