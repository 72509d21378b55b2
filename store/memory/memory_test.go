package memory_test

import (
	"context"
	"errors"
	"testing"

	"barid/base/kv"
	"barid/store/memory"
	"barid/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		s := memory.New()
		t.Cleanup(func() { s.Close() })
		return storetest.Engine{KV: s, Blobs: s, GC: func(ctx context.Context) error {
			_, err := s.GC(ctx)
			return err
		}}
	})
}

func TestFailedCommitWritesNothingAndJumps(t *testing.T) {
	s := memory.New()
	p := kv.Part{Kind: kv.Account, ID: 1}
	var seen, after kv.Ver
	s.Fail(func() error { return kv.ErrFull })
	err := s.Update(t.Context(), p, func(x kv.Txn) error {
		seen = x.Ver()
		x.Put(1, []byte("a"), nil)
		x.Applied(func(kv.Ver) { t.Error("hook of a failed commit ran") })
		x.Keep("lost")
		return nil
	})
	if !errors.Is(err, kv.ErrFull) {
		t.Fatal(err)
	}
	s.Fail(nil)
	err = s.Update(t.Context(), p, func(x kv.Txn) error {
		after = x.Ver()
		_, ok, err := x.Get(1, []byte("a"))
		if ok || x.Kept() != nil {
			t.Errorf("row of a failed commit is there: %v, and %v is kept", ok, x.Kept())
		}
		return err
	})
	if err != nil || after <= seen {
		t.Fatalf("%v; version %d after %d", err, after, seen)
	}
}

// TestDelOnceOfWhatWasPutTwice: what another engine could bring back later is an error here at once.
func TestDelOnceOfWhatWasPutTwice(t *testing.T) {
	s := memory.New()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	id, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	update := func(f func(kv.Txn)) error {
		return s.Update(t.Context(), kv.Part{Kind: kv.Account, ID: 1}, func(x kv.Txn) error { f(x); return nil })
	}
	put := func(x kv.Txn) { x.Put(1, []byte("a"), nil) }
	link := func(x kv.Txn) { x.Link(id, 7) }
	for _, tt := range []struct {
		name string
		put  func(kv.Txn)
		del  func(kv.Txn)
		once func(kv.Txn)
	}{
		{"row", put, func(x kv.Txn) { x.Del(1, []byte("a")) }, func(x kv.Txn) { x.DelOnce(1, []byte("a")) }},
		{"link", link, func(x kv.Txn) { x.Unlink(id, 7) }, func(x kv.Txn) { x.UnlinkOnce(id, 7) }},
	} {
		if update(func(x kv.Txn) { tt.put(x); tt.put(x); tt.once(x) }) == nil {
			t.Errorf("%s: twice in one transaction", tt.name)
		}
		if err := errors.Join(update(tt.put), update(tt.once), update(tt.put)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if update(func(x kv.Txn) { tt.put(x); tt.once(x) }) == nil {
			t.Errorf("%s: twice in two transactions", tt.name)
		}
		if err := errors.Join(update(tt.del), update(func(x kv.Txn) { tt.put(x); tt.once(x) })); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestClosed(t *testing.T) {
	s := memory.New()
	s.Close()
	if err := s.Update(t.Context(), kv.Part{}, func(kv.Txn) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context()); !errors.Is(err, kv.ErrClosed) {
		t.Fatal(err)
	}
}

func TestGCDropsUnlinked(t *testing.T) {
	s := memory.New()
	w, _ := s.Create(t.Context())
	id, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if n, err := s.GC(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := s.Open(t.Context(), id); !errors.Is(err, kv.ErrNotFound) {
		t.Fatal(err)
	}
}
