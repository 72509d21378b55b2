package embedded

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

var owner1 = kv.Part{Kind: kv.Account, ID: 1}

// linkMany links n bodies of about size bytes, every 40th of them a stream.
func linkMany(t *testing.T, s *Store, n, size int) (ids []kv.BlobID, cs []content) {
	t.Helper()
	for i := range n {
		c := content{uint64(i), size + i}
		if i%40 == 39 {
			c.size = inlineMax + 1000 + i
		}
		ids = append(ids, linkBody(t, s, owner1, uint64(i), c))
		cs = append(cs, c)
	}
	return ids, cs
}

func mustGC(t *testing.T, s *Store) GCStats {
	t.Helper()
	st, err := s.GC(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func checkBodies(t *testing.T, s *Store, ids []kv.BlobID, cs []content, keep func(i int) bool) {
	t.Helper()
	for i, id := range ids {
		if !keep(i) {
			continue
		}
		got, err := readBody(s, id)
		if err != nil || !bytes.Equal(got, cs[i].bytes()) {
			t.Fatalf("body %d (%d bytes): %v", i, cs[i].size, err)
		}
	}
}

// TestGCRewrites: dead bodies free their space, live ones stay readable under their old names, also after
// a second move and a restart.
func TestGCRewrites(t *testing.T) {
	fs := vfs.NewMem()
	o := small(fs)
	s := mustOpen(t, "data", o)
	ids, cs := linkMany(t, s, 200, 2000)
	full := func(int) bool { return true }
	if st := mustGC(t, s); st.Rewritten != 0 {
		t.Fatalf("rewrote segments without garbage: %v", st)
	}
	checkBodies(t, s, ids, cs, full)
	keep := full
	for _, mod := range []int{3, 9} { // keep every 3rd, then every 9th
		for i, id := range ids {
			if keep(i) && i%mod != 0 {
				unlinkBody(t, s, owner1, uint64(i), id)
			}
		}
		keep = func(i int) bool { return i%mod == 0 }
		before, _ := s.Stats()
		st := mustGC(t, s)
		after, _ := s.Stats()
		if st.Rewritten == 0 || st.Dead == 0 || after.SegmentBytes >= before.SegmentBytes {
			t.Fatalf("nothing collected: %v, segments %d -> %d bytes", st, before.SegmentBytes, after.SegmentBytes)
		}
		checkBodies(t, s, ids, cs, keep)
		sound(t, s)
	}
	for i, id := range ids { // collected bodies are gone, not wrong
		if keep(i) {
			continue
		}
		if got, err := readBody(s, id); err == nil && !bytes.Equal(got, cs[i].bytes()) {
			t.Fatalf("body %d: wrong bytes", i)
		} else if err != nil && !errors.Is(err, kv.ErrNotFound) && !damaged(err) {
			t.Fatalf("body %d: %v", i, err)
		}
	}
	mustClose(t, s)
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	checkBodies(t, s, ids, cs, keep)
	for i, id := range ids {
		if keep(i) {
			unlinkBody(t, s, owner1, uint64(i), id)
		}
	}
	mustGC(t, s)
	if st, _ := s.Stats(); st.Segments != 1 {
		t.Fatalf("%d segments left when everything is dead", st.Segments)
	}
}

// TestGCFreesWhatNobodyLinked: bodies that are durable, and then refused, leave no space behind, whether their writers were
// closed without more, after a transaction that came to nothing, or before a restart.
func TestGCFreesWhatNobodyLinked(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	errRefused := errors.New("refused")
	var kept []kv.BlobID
	var cs []content
	for i := range 300 {
		c := content{uint64(i), 1000 + i}
		if i%10 == 9 {
			c.size += inlineMax
		}
		w, err := s.Create(t.Context())
		noError(t, err)
		_, err = w.Write(c.bytes())
		noError(t, err)
		ids, err := s.CommitAll([]kv.BlobWriter{w}, [][]byte{nil})
		noError(t, err)
		link := func(x kv.Txn) error { x.Link(ids[0], uint64(i)); return nil }
		switch i % 6 {
		case 0:
			noError(t, s.Update(t.Context(), owner1, link))
			kept, cs = append(kept, ids[0]), append(cs, c)
		case 1, 2, 3:
			err := s.Update(t.Context(), owner1, func(x kv.Txn) error { return errors.Join(link(x), errRefused) })
			if !errors.Is(err, errRefused) {
				t.Fatal(err)
			}
		}
		noError(t, w.Close())
	}
	mustClose(t, s)
	s = mustOpen(t, "data", small(fs))
	defer mustClose(t, s)
	before, _ := s.Stats()
	st := mustGC(t, s)
	after, _ := s.Stats()
	if after.SegmentBytes > before.SegmentBytes/3 {
		t.Errorf("%d bytes before, %d after: %v", before.SegmentBytes, after.SegmentBytes, st)
	}
	checkBodies(t, s, kept, cs, func(int) bool { return true })
	sound(t, s)
}

// TestGCUnderReaders: a reader that opened a body before its segment went away reads on.
func TestGCUnderReaders(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	ids, cs := linkMany(t, s, 120, 3000)
	readers := make([]kv.BlobReader, len(ids))
	for i, id := range ids {
		r, err := s.Open(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers[i] = r
	}
	for i, id := range ids {
		if i%4 != 0 {
			unlinkBody(t, s, owner1, uint64(i), id)
		}
	}
	if st := mustGC(t, s); st.Rewritten == 0 {
		t.Fatal("nothing rewritten")
	}
	for i, r := range readers {
		got := make([]byte, r.Size())
		if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, cs[i].bytes()) {
			t.Fatalf("body %d: %v", i, err)
		}
	}
}

// TestGCBesideWork: collection, delivery, deletion and reading at the same time.
func TestGCBesideWork(t *testing.T) {
	o := small(vfs.NewMem())
	o.GCLiveShare = 1 // rewrite at any pretext
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	ctx, stop := context.WithCancel(t.Context())
	var wg, gcs sync.WaitGroup
	gcs.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.GC(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	actors := make([]*actor, 4)
	for i := range actors {
		actors[i] = newActor(i+1, 3)
		wg.Go(func() {
			for n := range 60 {
				if err := actors[i].step(t.Context(), s); err != nil {
					t.Error(err)
					return
				}
				if n%10 == 9 {
					actors[i].check(t, s, n+1, n+1)
				}
			}
		})
	}
	wg.Wait()
	stop()
	gcs.Wait()
	for _, a := range actors {
		a.check(t, s, 60, 60)
	}
	sound(t, s)
}

// TestGCSparesUnfinished: frames of a body that is still being written are not collected.
func TestGCSparesUnfinished(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	c := content{9, 3 * frameLen}
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	data := c.bytes()
	if _, err := w.Write(data[:2*frameLen+1]); err != nil {
		t.Fatal(err)
	}
	ids, _ := linkMany(t, s, 60, 3000)
	for i, id := range ids {
		unlinkBody(t, s, owner1, uint64(i), id)
	}
	mustGC(t, s)
	if _, err := w.Write(data[2*frameLen+1:]); err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit([]byte("p"), nil)
	if err != nil {
		t.Fatal(err)
	}
	mustGC(t, s)
	if err := s.Update(t.Context(), owner1, func(x kv.Txn) error { x.Link(id, 1); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	mustGC(t, s)
	if got, err := readBody(s, id); err != nil || !bytes.Equal(got[1:], data) {
		t.Fatal("lost: ", err)
	}
}

// TestAbandonedStreamsAreGarbage: what a broken connection left of a large body is collected.
func TestAbandonedStreamsAreGarbage(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	for range 5 {
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 3*frameLen)); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	linkBody(t, s, owner1, 1, content{1, 200 << 10}) // so that the last frame is not in the open segment
	before, _ := s.Stats()
	mustGC(t, s)
	if after, _ := s.Stats(); after.SegmentBytes > before.SegmentBytes/3 {
		t.Fatalf("%d bytes before, %d after", before.SegmentBytes, after.SegmentBytes)
	}
}

// TestUnlinkDuringCollection: an Unlink between the collector's look and its commit must not be forgotten.
func TestUnlinkDuringCollection(t *testing.T) {
	s := mustOpen(t, "data", small(vfs.NewMem()))
	defer mustClose(t, s)
	id := linkBody(t, s, owner1, 1, content{1, 5000})
	if err := s.Update(t.Context(), owner1, func(x kv.Txn) error { x.Link(id, 2); x.Unlink(id, 1); return nil }); err != nil {
		t.Fatal(err)
	}
	r, err := s.use()
	if err != nil {
		t.Fatal(err)
	}
	defer r.users.Done()
	unlinkBody(t, s, owner1, 2, id)
	if err := r.db.Delete(blobKey(spaceSuspect, id), nil); err != nil { // as if judged just before
		t.Fatal(err)
	}
	if err := s.suspectAgain(r, []kv.BlobID{id}); err != nil {
		t.Fatal(err)
	}
	if st := mustGC(t, s); st.Dead != 1 {
		t.Fatalf("%v", st)
	}
}
