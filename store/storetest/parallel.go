package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"barid/base/kv"
)

func testVersions(t *testing.T, e Engine) {
	var hook, last kv.Ver
	for i := range 5 {
		must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
			if i > 0 && x.Ver() != hook {
				t.Fatalf("Ver is %d, the hook before said %d", x.Ver(), hook)
			}
			if x.Part() != acct1 {
				t.Fatalf("Part is %v", x.Part())
			}
			last = x.Ver()
			x.Put(table, []byte("a"), []byte{byte(i)})
			x.Applied(func(v kv.Ver) { hook = v })
			return nil
		}))
		if hook <= last {
			t.Fatalf("Ver did not grow: %d after %d", hook, last)
		}
	}
	_ = e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		if x.Ver() < hook {
			t.Fatalf("Ver fell from %d to %d", hook, x.Ver())
		}
		x.Put(table, []byte("a"), nil)
		return errOurs
	})
	order := ""
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table, []byte("b"), nil)
		x.Applied(func(kv.Ver) { order += "1" })
		x.Applied(func(kv.Ver) { order += "2" })
		return nil
	}))
	want(t, "hooks in order", order, "12")
}

// testKeep: what is kept is the last that was applied, or nothing.
func testKeep(t *testing.T, e Engine) {
	update := func(p kv.Part, want []any, f func(kv.Txn) error) {
		t.Helper()
		err := e.KV.Update(t.Context(), p, func(x kv.Txn) error {
			if got := x.Kept(); !slices.Contains(want, got) {
				t.Errorf("kept %v, want one of %v", got, want)
			}
			return f(x)
		})
		if err != nil && !errors.Is(err, errOurs) {
			t.Fatal(err)
		}
	}
	keep := func(v any) func(kv.Txn) error {
		return func(x kv.Txn) error {
			x.Put(table, []byte("a"), nil)
			x.Keep(v)
			if x.Kept() != v {
				t.Errorf("kept %v in the transaction itself, want %v", x.Kept(), v)
			}
			return nil
		}
	}
	idle := func(kv.Txn) error { return nil }
	update(acct1, []any{nil}, keep(1))
	update(acct1, []any{nil, 1}, keep(2))
	update(acct1, []any{nil, 2}, func(x kv.Txn) error { return errors.Join(keep(3)(x), errOurs) })
	update(acct1, []any{nil, 2}, idle)
	update(acct2, []any{nil}, idle)
	update(acct1, []any{nil, 2}, func(x kv.Txn) error { x.Put(table, []byte("b"), nil); return nil })
	update(acct1, []any{nil}, keep(4))
	must(t, e.KV.UpdateMany(t.Context(), []kv.Part{acct2, acct1}, func(xs []kv.Txn) error {
		xs[0].Keep(5)
		xs[0].Put(table, []byte("a"), nil)
		return nil
	}))
	update(acct2, []any{nil, 5}, idle)
	update(acct1, []any{nil, 4}, idle)
}

// testSerial: transactions of one partition are serial, a later one sees an earlier one's rows and its
// hook's effects. The unguarded counter is the point: only the partition's lock protects it.
func testSerial(t *testing.T, e Engine) {
	const writers, each = 8, 60
	counter := uint64(0) // changed only under the partition's lock
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for range writers {
		wg.Go(func() {
			for range each {
				err := e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
					v, _, err := x.Get(table, []byte("n"))
					if err != nil {
						return err
					}
					n := uint64(0)
					if len(v) == 8 {
						n = binary.BigEndian.Uint64(v)
					}
					if n != counter {
						return fmt.Errorf("row says %d, hooks say %d", n, counter)
					}
					x.Put(table, []byte("n"), binary.BigEndian.AppendUint64(nil, n+1))
					x.Applied(func(kv.Ver) { counter++ })
					return nil
				})
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	if counter != writers*each {
		t.Fatalf("%d, want %d", counter, writers*each)
	}
}

func testUpdateMany(t *testing.T, e Engine) {
	ps := []kv.Part{queue, acct2, acct1}
	must(t, e.KV.UpdateMany(t.Context(), ps, func(xs []kv.Txn) error {
		for i, x := range xs {
			if x.Part() != ps[i] {
				t.Fatalf("Txn %d is of %v, want %v", i, x.Part(), ps[i])
			}
			x.Put(table, []byte("a"), []byte{'0' + byte(i)})
			v, _, _ := x.Get(table, []byte("a"))
			want(t, "own write", string(v), string([]byte{'0' + byte(i)}))
		}
		return nil
	}))
	err := e.KV.UpdateMany(t.Context(), ps, func(xs []kv.Txn) error {
		for _, x := range xs {
			x.Put(table, []byte("b"), nil)
		}
		return errOurs
	})
	if err != errOurs { //nolint:errorlint // the contract: returned as it is
		t.Fatalf("got %v", err)
	}
	for i, p := range ps {
		want(t, "rows", all(t, e, p), fmt.Sprintf("a=%d", i))
	}
	err = e.KV.UpdateMany(t.Context(), []kv.Part{acct1, acct1}, func([]kv.Txn) error { return nil })
	if err == nil {
		t.Fatal("a partition named twice: no error")
	}
	must(t, e.KV.UpdateMany(t.Context(), nil, func([]kv.Txn) error { return nil }))
}

// testNoDeadlock moves tokens between partitions in both directions; their sum never changes.
func testNoDeadlock(t *testing.T, e Engine) {
	ps := []kv.Part{acct1, acct2, queue}
	for _, p := range ps {
		put(t, e, p, "n", "xxxxxxxxxx")
	}
	var wg sync.WaitGroup
	errs := make(chan error, 6)
	for w := range 6 {
		wg.Go(func() {
			for i := range 40 {
				from, to := ps[(w+i)%3], ps[(w+i+1+w%2)%3]
				err := e.KV.UpdateMany(t.Context(), []kv.Part{from, to}, func(xs []kv.Txn) error {
					a, _, err := xs[0].Get(table, []byte("n"))
					if err != nil || len(a) == 0 {
						return err
					}
					b, _, err := xs[1].Get(table, []byte("n"))
					xs[0].Put(table, []byte("n"), a[1:])
					xs[1].Put(table, []byte("n"), append([]byte("x"), b...))
					return err
				})
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	sum := ""
	for _, p := range ps {
		sum += get(t, e, p, "n")
	}
	want(t, "tokens", sum, strings.Repeat("x", 30))
}

func testParts(t *testing.T, e Engine) {
	list := func(k kv.Kind) string {
		out := ""
		must(t, e.KV.Parts(t.Context(), k, func(p kv.Part) error {
			out += fmt.Sprintf("%c%d ", p.Kind, p.ID)
			return nil
		}))
		return out
	}
	want(t, "empty", list(kv.Account), "")
	for _, id := range []uint64{300, 1, 2, 1<<64 - 1} {
		put(t, e, kv.Part{Kind: kv.Account, ID: id}, "a", "1", "b", "2")
	}
	put(t, e, queue, "a", "1")
	want(t, "accounts", list(kv.Account), "a1 a2 a300 a18446744073709551615 ")
	want(t, "queue", list(kv.Queue), "q1 ")
	must(t, e.KV.Update(t.Context(), acct2, func(x kv.Txn) error {
		x.DelRange(table, nil, nil)
		return nil
	}))
	want(t, "after emptying one", list(kv.Account), "a1 a300 a18446744073709551615 ")
	n := 0
	must(t, e.KV.Parts(t.Context(), kv.Account, func(kv.Part) error { n++; return kv.ErrStop }))
	want(t, "ErrStop", fmt.Sprint(n), "1")
}
