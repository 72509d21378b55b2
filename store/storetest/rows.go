package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"barid/base/kv"
)

var errOurs = errors.New("storetest: the function's own error")

func testRows(t *testing.T, e Engine) {
	want(t, "absent", get(t, e, acct1, "a"), "-")
	put(t, e, acct1, "a", "1", "b", "", "", "empty key", "\x00\xff", "odd")
	want(t, "value", get(t, e, acct1, "a"), "1")
	want(t, "empty value", get(t, e, acct1, "b"), "")
	want(t, "empty key", get(t, e, acct1, ""), "empty key")
	want(t, "odd key", get(t, e, acct1, "\x00\xff"), "odd")
	put(t, e, acct1, "a", "2")
	want(t, "overwritten", get(t, e, acct1, "a"), "2")
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Del(table, []byte("a"))
		x.Del(table, []byte("never there"))
		return nil
	}))
	want(t, "deleted", get(t, e, acct1, "a"), "-")
}

func testApart(t *testing.T, e Engine) {
	edge := kv.Part{Kind: kv.Account, ID: 1<<64 - 1}
	for i, p := range []kv.Part{acct1, acct2, queue, edge} {
		for _, tb := range []kv.Table{0, 17, 18, 255} {
			must(t, e.KV.Update(t.Context(), p, func(x kv.Txn) error {
				x.Put(tb, []byte("k"), fmt.Appendf(nil, "%d/%d", i, tb))
				return nil
			}))
		}
	}
	for i, p := range []kv.Part{acct1, acct2, queue, edge} {
		must(t, e.KV.View(t.Context(), p, func(r kv.Reader) error {
			for _, tb := range []kv.Table{0, 17, 18, 255} {
				want(t, "table", scan(t, r, tb, nil, nil, kv.ScanOpt{}), fmt.Sprintf("k=%d/%d", i, tb))
				want(t, "table backwards", scan(t, r, tb, nil, nil, kv.ScanOpt{Reverse: true}), fmt.Sprintf("k=%d/%d", i, tb))
			}
			want(t, "empty table", scan(t, r, 99, nil, nil, kv.ScanOpt{}), "")
			return nil
		}))
	}
}

func testReadOwnWrites(t *testing.T, e Engine) {
	put(t, e, acct1, "a", "1", "b", "1", "c", "1", "d", "1")
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table, []byte("b"), []byte("2"))
		v, ok, err := x.Get(table, []byte("b"))
		want(t, "own put", fmt.Sprintf("%s %v %v", v, ok, err), "2 true <nil>")
		x.Del(table, []byte("c"))
		_, ok, _ = x.Get(table, []byte("c"))
		want(t, "own delete", fmt.Sprint(ok), "false")
		x.Put(table, []byte("bb"), []byte("3"))
		want(t, "scan", scan(t, x, table, nil, nil, kv.ScanOpt{}), "a=1 b=2 bb=3 d=1")
		want(t, "backwards", scan(t, x, table, nil, nil, kv.ScanOpt{Reverse: true, Limit: 3}), "d=1 bb=3 b=2")
		x.DelRange(table, []byte("b"), []byte("c"))
		want(t, "own range", scan(t, x, table, nil, nil, kv.ScanOpt{}), "a=1 d=1")
		x.Put(table, []byte("bb"), []byte("4"))
		want(t, "put after range", scan(t, x, table, nil, nil, kv.ScanOpt{}), "a=1 bb=4 d=1")
		out := ""
		must(t, x.GetMany(table, [][]byte{[]byte("a"), []byte("b"), []byte("bb")}, func(i int, v []byte) error {
			out += fmt.Sprintf("%d:%s/%v ", i, v, v == nil)
			return nil
		}))
		want(t, "many", out, "0:1/false 1:/true 2:4/false ")
		want(t, "another table", scan(t, x, table+1, nil, nil, kv.ScanOpt{}), "")
		return nil
	}))
	want(t, "after", all(t, e, acct1), "a=1 bb=4 d=1")
}

func testScan(t *testing.T, e Engine) {
	put(t, e, acct1, "a", "1", "b", "2", "bb", "3", "c", "4", "\xff", "5", "\xff\xff", "6")
	cases := []struct {
		lo, hi string
		o      kv.ScanOpt
		want   string
	}{
		{"", "", kv.ScanOpt{}, "a=1 b=2 bb=3 c=4 \xff=5 \xff\xff=6"},
		{"", "", kv.ScanOpt{Limit: 2}, "a=1 b=2"},
		{"", "", kv.ScanOpt{Limit: 2, Reverse: true}, "\xff\xff=6 \xff=5"},
		{"b", "c", kv.ScanOpt{}, "b=2 bb=3"},
		{"b", "c", kv.ScanOpt{Reverse: true}, "bb=3 b=2"},
		{"ba", "", kv.ScanOpt{}, "bb=3 c=4 \xff=5 \xff\xff=6"},
		{"c", "b", kv.ScanOpt{}, ""},
		{"b", "b", kv.ScanOpt{Reverse: true}, ""},
		{"d", "e", kv.ScanOpt{}, ""},
		{"\xff", "", kv.ScanOpt{}, "\xff=5 \xff\xff=6"},
	}
	must(t, e.KV.View(t.Context(), acct1, func(r kv.Reader) error {
		for _, c := range cases {
			var hi []byte
			if c.hi != "" {
				hi = []byte(c.hi)
			}
			want(t, fmt.Sprintf("%q..%q %+v", c.lo, c.hi, c.o), scan(t, r, table, []byte(c.lo), hi, c.o), c.want)
		}
		n := 0
		err := r.Scan(table, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error {
			n++
			return fmt.Errorf("wrapped: %w", kv.ErrStop)
		})
		want(t, "ErrStop", fmt.Sprint(n, err), "1 <nil>")
		err = r.Scan(table, nil, nil, kv.ScanOpt{}, func(_, _ []byte) error { return errOurs })
		if !errors.Is(err, errOurs) {
			t.Fatalf("own error: got %v", err)
		}
		return nil
	}))
}

func testGetMany(t *testing.T, e Engine) {
	var pairs []string
	for i := 0; i < 500; i += 2 {
		pairs = append(pairs, fmt.Sprintf("k%03d", i), fmt.Sprint("v", i))
	}
	put(t, e, acct1, pairs...)
	keys := make([][]byte, 500)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "k%03d", i)
	}
	must(t, e.KV.View(t.Context(), acct1, func(r kv.Reader) error {
		next := 0
		must(t, r.GetMany(table, keys, func(i int, v []byte) error {
			if i != next {
				t.Fatalf("index %d out of order, want %d", i, next)
			}
			next++
			if i%2 == 0 && string(v) != fmt.Sprint("v", i) || i%2 == 1 && v != nil {
				t.Fatalf("key %d: %q", i, v)
			}
			return nil
		}))
		if next != len(keys) {
			t.Fatalf("%d calls, want %d", next, len(keys))
		}
		if err := r.GetMany(table, keys, func(int, []byte) error { return errOurs }); !errors.Is(err, errOurs) {
			t.Fatalf("own error: got %v", err)
		}
		return r.GetMany(table, nil, func(int, []byte) error { return errOurs })
	}))
}

func testDelRange(t *testing.T, e Engine) {
	put(t, e, acct1, "a", "1", "b", "2", "c", "3", "d", "4")
	put(t, e, acct2, "a", "1", "b", "2")
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table+1, []byte("b"), []byte("next table"))
		x.DelRange(table, []byte("b"), []byte("d"))
		x.DelRange(table, []byte("z"), []byte("a")) // empty range
		return nil
	}))
	want(t, "middle", all(t, e, acct1), "a=1 d=4")
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.DelRange(table, nil, nil)
		return nil
	}))
	want(t, "whole table", all(t, e, acct1), "")
	want(t, "other partition", all(t, e, acct2), "a=1 b=2")
	must(t, e.KV.View(t.Context(), acct1, func(r kv.Reader) error {
		want(t, "next table", scan(t, r, table+1, nil, nil, kv.ScanOpt{}), "b=next table")
		return nil
	}))
}

func testRollback(t *testing.T, e Engine) {
	put(t, e, acct1, "a", "1")
	ran := false
	err := e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table, []byte("a"), []byte("2"))
		x.Put(table, []byte("b"), []byte("2"))
		x.Applied(func(kv.Ver) { ran = true })
		return errOurs
	})
	if err != errOurs { //nolint:errorlint // the contract: returned as it is
		t.Fatalf("got %v, want the function's own error as it is", err)
	}
	want(t, "rows", all(t, e, acct1), "a=1")
	want(t, "applied hook ran", fmt.Sprint(ran), "false")
	put(t, e, acct1, "c", "3")
	want(t, "rows after the next", all(t, e, acct1), "a=1 c=3")
}

// testPanic: a panic in the function must not leave the partition locked.
func testPanic(t *testing.T, e Engine) {
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("the panic was swallowed")
			}
		}()
		_ = e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
			x.Put(table, []byte("a"), []byte("1"))
			panic("storetest")
		})
	}()
	put(t, e, acct1, "b", "2")
	want(t, "rows", all(t, e, acct1), "b=2")
}

func testSnapshot(t *testing.T, e Engine) {
	put(t, e, acct1, "a", "1")
	must(t, e.KV.View(t.Context(), acct1, func(r kv.Reader) error {
		put(t, e, acct1, "a", "2", "b", "2")
		want(t, "old view", scan(t, r, table, nil, nil, kv.ScanOpt{}), "a=1")
		v, _, _ := r.Get(table, []byte("a"))
		want(t, "old get", string(v), "1")
		want(t, "new view", all(t, e, acct1), "a=2 b=2")
		return nil
	}))
	if err := e.KV.View(t.Context(), acct1, func(kv.Reader) error { return errOurs }); !errors.Is(err, errOurs) {
		t.Fatalf("own error: got %v", err)
	}
}

func testSlices(t *testing.T, e Engine) {
	k, v := []byte("key"), []byte("value")
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table, k, v)
		copy(k, "xxx")
		copy(v, "xxxxx")
		got, _, _ := x.Get(table, []byte("key"))
		want(t, "inside", string(got), "value")
		first, _, _ := x.Get(table, []byte("key"))
		x.Put(table, []byte("key"), []byte("other"))
		want(t, "a value read stays valid", string(first), "value")
		x.Put(table, []byte("key"), []byte("value"))
		return nil
	}))
	want(t, "rows", all(t, e, acct1), "key=value")
}

func testLimits(t *testing.T, e Engine) {
	caps := e.KV.Caps()
	if caps.MaxKey < 256 || caps.MaxValue < 64<<10 || caps.MaxTxn < 4<<20 {
		t.Fatalf("limits too small to work with: %+v", caps)
	}
	big := bytes.Repeat([]byte("k"), caps.MaxKey)
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		x.Put(table, big, make([]byte, caps.MaxValue))
		return nil
	}))
	for name, f := range map[string]func(kv.Txn){
		"key":   func(x kv.Txn) { x.Put(table, append(big, 'k'), nil) },
		"value": func(x kv.Txn) { x.Put(table, []byte("v"), make([]byte, caps.MaxValue+1)) },
		"txn": func(x kv.Txn) {
			for i := 0; i*caps.MaxValue <= caps.MaxTxn; i++ {
				x.Put(table, fmt.Appendf(nil, "t%d", i), make([]byte, caps.MaxValue))
			}
		},
	} {
		err := e.KV.Update(t.Context(), acct2, func(x kv.Txn) error {
			x.Put(table, []byte("small"), nil)
			f(x)
			return nil
		})
		if err == nil {
			t.Errorf("over the limit of a %s: no error", name)
		}
	}
	want(t, "nothing written", all(t, e, acct2), "")
}

func testCancelled(t *testing.T, e Engine) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := false
	for name, err := range map[string]error{
		"View":   e.KV.View(ctx, acct1, func(kv.Reader) error { called = true; return nil }),
		"Update": e.KV.Update(ctx, acct1, func(kv.Txn) error { called = true; return nil }),
	} {
		if !errors.Is(err, context.Canceled) || called {
			t.Errorf("%s: err %v, function called: %v", name, err, called)
		}
	}
	if _, err := e.Blobs.Create(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Create: %v", err)
	}
}
