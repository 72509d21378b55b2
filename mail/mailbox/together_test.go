package mailbox

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStoreAllIsStoreOneAfterTheOther does the same changes in one commit and one by one; the mailboxes are alike but
// for modseqs, which keep their order.
func TestStoreAllIsStoreOneAfterTheOther(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		together, alone := newWorld(t, Options{}), newWorld(t, Options{})
		n := 1 + r.IntN(60)
		together.fill(n, "INBOX")
		alone.fill(n, "INBOX")
		a, b := together.open(1, "INBOX"), alone.open(1, "INBOX")
		requests := randomStores(r, n, a.View().HighestModSeq())
		got, err := a.StoreAll(ctx, requests)
		must(t, err)
		last := a.View().HighestModSeq()
		for i, q := range requests {
			modified, modseq, err := b.Store(ctx, q.Set, q.Op)
			if !errors.Is(got[i].Err, err) || !slices.Equal(got[i].Modified, modified) || got[i].ModSeq != modseq {
				t.Fatalf("seed %d, request %d: %+v, alone %v %d %v", seed, i, got[i], modified, modseq, err)
			}
			if got[i].ModSeq > last {
				t.Fatalf("seed %d: modseq %d is past the mailbox's %d", seed, got[i].ModSeq, last)
			}
		}
		if !slices.Equal(entries(a.View()), entries(b.View())) {
			t.Fatalf("seed %d: %v, alone %v", seed, entries(a.View()), entries(b.View()))
		}
		if !slices.Equal(a.View().Keywords(), b.View().Keywords()) {
			t.Fatalf("seed %d: keywords %v, alone %v", seed, a.View().Keywords(), b.View().Keywords())
		}
		together.check(1)
		together.restart()
		if !slices.Equal(entries(together.open(1, "INBOX").View()), entries(b.View())) {
			t.Fatalf("seed %d: differs after a restart", seed)
		}
	}
}

// randomStores makes requests, some with a keyword that can not be.
func randomStores(r *rand.Rand, n int, now ModSeq) (out []StoreRequest) {
	for range 1 + r.IntN(12) {
		lo := UID(1 + r.IntN(n))
		q := StoreRequest{Set: UIDSet{{lo, lo + UID(r.IntN(8))}}, Op: StoreOp{Mode: Mode(r.IntN(3)), Flags: Flags(r.IntN(32))}}
		switch r.IntN(4) {
		case 0:
			q.Op.Keywords = [][]string{{"$Forwarded"}, {"work"}, {"bad one"}, {"new", "bad one"}}[r.IntN(4)]
		case 1:
			since := now - ModSeq(r.IntN(5))
			q.Op.UnchangedSince = &since
		}
		out = append(out, q)
	}
	return out
}

func TestOneStoreThatFailsChangesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(1, "INBOX")
	m := w.open(1, "INBOX")
	before := m.View()
	if _, _, err := m.Store(ctx, All(), StoreOp{Keywords: []string{"new", "bad one"}}); !errors.Is(err, ErrKeyword) {
		t.Fatal(err)
	}
	if m.View() != before || len(m.View().Keywords()) != 0 {
		t.Errorf("keywords %v", m.View().Keywords())
	}
}
