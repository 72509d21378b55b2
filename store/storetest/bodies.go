package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"barid/base/kv"
)

// Sizes around every border an engine is likely to have.
var bodySizes = []int{
	0, 1, 63, 64, 4096, 65535, 65536, 65537, 131072, 262143, 262144, 262145, 300000,
	524288, 524289, 1<<20 + 17, 3<<20 + 1,
}

func testBodySizes(t *testing.T, e Engine) {
	for _, prefix := range []string{"", "Received: by here\r\n", string(body(9000, 7))} {
		for i, n := range bodySizes {
			data := body(n, uint32(i))
			w, err := e.Blobs.Create(t.Context())
			must(t, err)
			for rest := data; len(rest) > 0; { // odd pieces
				k := min(len(rest), 70001)
				m, err := w.Write(rest[:k])
				must(t, err)
				if m != k {
					t.Fatalf("Write took %d of %d", m, k)
				}
				rest = rest[k:]
			}
			if w.Size() != int64(n) {
				t.Fatalf("Size is %d, want %d", w.Size(), n)
			}
			id, err := w.Commit([]byte(prefix), []byte("a note"))
			must(t, err)
			if id.IsZero() {
				t.Fatal("zero id")
			}
			got, err := load(t.Context(), e, id)
			must(t, err)
			if !bytes.Equal(got, append([]byte(prefix), data...)) {
				t.Fatalf("prefix %d, body %d bytes: what is read differs", len(prefix), n)
			}
			must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error { x.Link(id, uint64(i)); return nil }))
			must(t, w.Close())
			got, err = load(t.Context(), e, id)
			must(t, err)
			if !bytes.Equal(got, append([]byte(prefix), data...)) {
				t.Fatalf("after Close: prefix %d, body %d bytes: what is read differs", len(prefix), n)
			}
		}
	}
}

// testBodiesTogether makes bodies of all sizes durable in one call; those that are linked stay.
func testBodiesTogether(t *testing.T, e Engine) {
	var ws []kv.BlobWriter
	var notes [][]byte
	for i, n := range bodySizes {
		w, err := e.Blobs.Create(t.Context())
		must(t, err)
		_, err = w.Write(body(n, uint32(i)))
		must(t, err)
		ws, notes = append(ws, w), append(notes, fmt.Appendf(nil, "note %d", i))
	}
	ids, err := kv.CommitAll(e.Blobs, ws, notes)
	must(t, err)
	must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
		for i, id := range ids {
			x.Link(id, uint64(i))
		}
		return nil
	}))
	if _, err := kv.CommitAll(e.Blobs, ws[:2], notes[:2]); err == nil {
		t.Error("writers can be committed twice")
	}
	for _, w := range ws {
		must(t, w.Close())
	}
	if e.GC != nil {
		must(t, e.GC(t.Context()))
	}
	for i, id := range ids {
		got, err := load(t.Context(), e, id)
		must(t, err)
		if !bytes.Equal(got, body(bodySizes[i], uint32(i))) {
			t.Errorf("body %d of %d bytes: what is read differs", i, bodySizes[i])
		}
	}
	none, err := kv.CommitAll(e.Blobs, nil, nil)
	if must(t, err); len(none) != 0 {
		t.Error("ids of nothing")
	}
}

func testBodyReadAt(t *testing.T, e Engine) {
	for _, n := range []int{0, 100, 70000, 1<<20 + 333} {
		data := body(n, uint32(n))
		id, w := store(t, e, "prefix", data)
		defer w.Close()
		whole := append([]byte("prefix"), data...)
		r, err := e.Blobs.Open(t.Context(), id)
		must(t, err)
		if r.Size() != int64(len(whole)) {
			t.Fatalf("Size is %d, want %d", r.Size(), len(whole))
		}
		x := uint32(n + 1)
		for range 200 {
			x = x*1664525 + 1013904223
			off := int(x>>8) % (len(whole) + 10)
			x = x*1664525 + 1013904223
			p := make([]byte, int(x>>8)%150000)
			checkReadAt(t, r, whole, p, off)
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Fatal("negative offset: no error")
		}
		must(t, r.Close())
	}
}

// checkReadAt holds r to the words of io.ReaderAt.
func checkReadAt(t *testing.T, r io.ReaderAt, whole, p []byte, off int) {
	t.Helper()
	m, err := r.ReadAt(p, int64(off))
	expect := []byte{}
	if off < len(whole) {
		expect = whole[off:min(len(whole), off+len(p))]
	}
	if m != len(expect) || !bytes.Equal(p[:m], expect) {
		t.Fatalf("ReadAt(%d bytes, %d): got %d bytes, want %d, or they differ", len(p), off, m, len(expect))
	}
	if m < len(p) && !errors.Is(err, io.EOF) || m == len(p) && err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("ReadAt(%d bytes, %d): %d, %v", len(p), off, m, err)
	}
}

func testBodyStates(t *testing.T, e Engine) {
	for _, n := range []int{10, 400000} {
		w, err := e.Blobs.Create(t.Context())
		must(t, err)
		_, err = w.Write(body(n, 1))
		must(t, err)
		must(t, w.Close()) // dropped
		must(t, w.Close()) // again
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("Write after Close: no error")
		}
		if _, err := w.Commit(nil, nil); err == nil {
			t.Error("Commit after Close: no error")
		}
		id, w := store(t, e, "", body(n, 2))
		if _, err := w.Commit(nil, nil); err == nil {
			t.Error("second Commit: no error")
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("Write after Commit: no error")
		}
		if _, err := load(t.Context(), e, id); err != nil {
			t.Error("read before Close:", err)
		}
		must(t, w.Close())
		w, err = e.Blobs.Create(t.Context())
		must(t, err)
		if _, err := w.Commit(nil, make([]byte, 1025)); err == nil {
			t.Error("note over 1 KiB: no error")
		}
		must(t, w.Close())
	}
}

func testBodiesParallel(t *testing.T, e Engine) {
	var wg sync.WaitGroup
	errs := make(chan error, 12)
	for g := range 12 {
		wg.Go(func() {
			for i := range 10 {
				if err := storeAndCheck(t, e, g, i); err != nil {
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
}

// storeAndCheck writes, links, closes and reads one body; it runs beside others of its kind.
func storeAndCheck(t *testing.T, e Engine, g, i int) error {
	data := body(1+(g*7919+i*104729)%(600<<10), uint32(g*100+i))
	w, err := e.Blobs.Create(t.Context())
	if err != nil {
		return err
	}
	defer w.Close()
	for rest := data; len(rest) > 0; {
		k := min(len(rest), 50000)
		if _, err := w.Write(rest[:k]); err != nil {
			return err
		}
		rest = rest[k:]
	}
	id, err := w.Commit([]byte("p"), nil)
	if err != nil {
		return err
	}
	p := kv.Part{Kind: kv.Account, ID: uint64(g)}
	if err := e.KV.Update(t.Context(), p, func(x kv.Txn) error { x.Link(id, uint64(i)); return nil }); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	got, err := load(t.Context(), e, id)
	if err != nil {
		return err
	}
	if !bytes.Equal(got[1:], data) {
		return fmt.Errorf("writer %d, body %d: what is read differs", g, i)
	}
	return nil
}

func testBodyUnknown(t *testing.T, e Engine) {
	id, w := store(t, e, "", []byte("known"))
	defer w.Close()
	for i := range id {
		other := id
		other[i] ^= 0x55
		got, err := load(t.Context(), e, other)
		if err == nil {
			t.Fatalf("id changed at byte %d: read %q without an error", i, got)
		}
		if !errors.Is(err, kv.ErrNotFound) && !errors.Is(err, kv.ErrCorrupt) {
			t.Fatalf("id changed at byte %d: %v", i, err)
		}
	}
	if _, err := e.Blobs.Open(t.Context(), kv.BlobID{}); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("zero id: %v", err)
	}
}

func gc(t *testing.T, e Engine) {
	t.Helper()
	if e.GC == nil {
		t.Skip("this engine has no collector to call")
	}
	must(t, e.GC(t.Context()))
}

// testLinks: a body lives as long as an owner holds it; linking twice is one link.
func testLinks(t *testing.T, e Engine) {
	link := func(p kv.Part, f func(kv.Txn)) {
		t.Helper()
		must(t, e.KV.Update(t.Context(), p, func(x kv.Txn) error { f(x); return nil }))
	}
	for _, n := range []int{1000, 500000} {
		data := body(n, 3)
		id, w := store(t, e, "", data)
		link(acct1, func(x kv.Txn) { x.Link(id, 1); x.Link(id, 1); x.Link(id, 2) })
		must(t, w.Close())
		alive := func(what string) {
			t.Helper()
			gc(t, e)
			got, err := load(t.Context(), e, id)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s: body is lost: %v", what, err)
			}
		}
		alive("two links")
		link(acct2, func(x kv.Txn) { x.Link(id, 1) })
		link(acct2, func(x kv.Txn) { x.Link(id, 3) })
		link(acct2, func(x kv.Txn) { x.UnlinkOnce(id, 3) })
		link(acct1, func(x kv.Txn) { x.Unlink(id, 1); x.Unlink(id, 99) })
		alive("one of two unlinked")
		_ = e.KV.Update(t.Context(), acct1, func(x kv.Txn) error { x.Unlink(id, 2); return errOurs })
		link(acct2, func(x kv.Txn) { x.Unlink(id, 1) })
		alive("a rolled back Unlink")
		must(t, e.KV.UpdateMany(t.Context(), []kv.Part{acct1, acct2}, func(xs []kv.Txn) error {
			xs[0].Unlink(id, 2)
			xs[1].Link(id, 7)
			return nil
		}))
		alive("moved to another partition")
		link(acct2, func(x kv.Txn) { x.Unlink(id, 7); x.Link(id, 7) })
		alive("unlinked and linked in one transaction")
		link(acct2, func(x kv.Txn) { x.Link(id, 8); x.UnlinkOnce(id, 8); x.Unlink(id, 7) })
		gc(t, e)
	}
}

// testPins: a body is protected from Commit to Close, and only then collected if nobody linked it.
func testPins(t *testing.T, e Engine) {
	for _, n := range []int{1000, 500000} {
		data := body(n, 4)
		id, w := store(t, e, "", data)
		gc(t, e)
		got, err := load(t.Context(), e, id)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("collected before Close: %v", err)
		}
		must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error { x.Link(id, uint64(n)); return nil }))
		must(t, w.Close())
		gc(t, e)
		got, err = load(t.Context(), e, id)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("collected after link: %v", err)
		}
	}
}
