package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// flip changes one byte of a file.
func flip(t *testing.T, fs vfs.FS, name string, off int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x40
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedBody: one damaged byte anywhere in a record makes exactly that body unreadable; all others
// are served, new ones are taken, and Verify names the one.
func TestDamagedBody(t *testing.T) {
	for _, size := range []int{3000, 200 << 10, inlineMax + 5000} {
		for _, at := range []string{"header", "meta", "payload"} {
			t.Run(fmt.Sprint(size, at), func(t *testing.T) { damageOne(t, size, at) })
		}
	}
}

func damageOne(t *testing.T, size int, at string) {
	fs := vfs.NewMem()
	o := small(fs)
	o.SegmentBytes = 8 << 20
	s := mustOpen(t, "data", o)
	var ids []kv.BlobID
	var cs []content
	for i := range 5 {
		c := content{uint64(i), size + i}
		ids, cs = append(ids, linkBody(t, s, owner1, uint64(i), c)), append(cs, c)
	}
	loc, err := parseID(ids[2])
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	off := map[string]int64{"header": 20, "meta": headerLen + 1, "payload": loc.len - 2000}[at]
	flip(t, fs, "data/bodies/"+segmentName(loc.seg), loc.off+off)
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	checkBodies(t, s, ids, cs, func(i int) bool { return i != 2 })
	if _, err := readBody(s, ids[2]); !errors.Is(err, kv.ErrCorrupt) {
		t.Fatalf("the damaged body: %v", err)
	}
	rep, err := s.Verify(t.Context(), nil)
	if err != nil || rep.Sound() || rep.DamagedCount != 1 {
		t.Fatalf("%v, %+v", err, rep)
	}
	want := fmt.Sprintf(`[{"id":"%x","segment":%q,"held_by":["account %d: 2"]}]`, ids[2][:], segmentName(loc.seg), owner1.ID)
	if got, _ := json.Marshal(rep.Damaged); string(got) != want {
		t.Fatalf("%s, want %s", got, want)
	}
	linkBody(t, s, owner1, 9, content{9, 100})
	for i, id := range ids { // collection must not take the living along with the damaged
		if i == 0 {
			unlinkBody(t, s, owner1, 0, id)
		}
	}
	mustGC(t, s)
	checkBodies(t, s, ids, cs, func(i int) bool { return i != 2 && i != 0 })
}

// TestDamagedRows: a damaged block of a table file is an error for what lies in it, and nothing else.
func TestDamagedRows(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	value := func(i int) []byte { return content{uint64(i), 700}.bytes() }
	const n = 300
	for i := range n {
		p := kv.Part{Kind: kv.Account, ID: uint64(i)}
		if err := s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, []byte("a"), value(i)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.rows.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.rows.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	names, _ := fs.List("data/rows")
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			flip(t, fs, "data/rows/"+name, 20000)
		}
	}
	s = mustOpen(t, "data", small(fs))
	defer mustClose(t, s)
	bad := 0
	for i := range n {
		err := s.View(t.Context(), kv.Part{Kind: kv.Account, ID: uint64(i)}, func(r kv.Reader) error {
			v, ok, err := r.Get(1, []byte("a"))
			if err == nil && (!ok || !bytes.Equal(v, value(i))) {
				t.Errorf("partition %d: wrong value without an error", i)
			}
			return err
		})
		if errors.Is(err, kv.ErrCorrupt) {
			bad++
		} else if err != nil {
			t.Errorf("partition %d: %v", i, err)
		}
	}
	if bad == 0 || bad > n/4 {
		t.Fatalf("%d of %d partitions are damaged by one byte", bad, n)
	}
	rep, err := s.Verify(t.Context(), nil)
	if err != nil || rep.RowDamage == 0 {
		t.Fatalf("%v, %+v", err, rep)
	}
	for i := range n { // writing goes on, also into the damaged place
		p := kv.Part{Kind: kv.Account, ID: uint64(i)}
		if err := s.Update(t.Context(), p, func(x kv.Txn) error { x.Put(1, []byte("b"), value(i)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTornTailIsCut: what a crash left of an unfinished record is not taken for one, and the next record
// goes there.
func TestTornTailIsCut(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	first := linkBody(t, s, owner1, 1, content{1, 1000})
	torn, err := storeBody(t, s, 1000)
	if err != nil {
		t.Fatal(err)
	}
	hint := s.tailHint(1)
	mustClose(t, s)
	loc, _ := parseID(torn)
	flip(t, fs, "data/bodies/"+segmentName(loc.seg), loc.off+500)
	f, err := fs.Open("data/bodies/" + segmentName(loc.seg))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := recoverTail(loc.seg, f, loc.off+loc.len, hint) // without the hint of the clean Close
	if err != nil || got.end != loc.off || got.torn != loc.len || got.damaged != 0 {
		t.Fatalf("%v, %+v; the torn record is at %d", err, got, loc.off)
	}
	s = mustOpen(t, "data", small(fs))
	defer mustClose(t, s)
	if _, err := readBody(s, first); err != nil {
		t.Fatal(err)
	}
}

// TestSalvage gets all bodies back after the rows are lost.
func TestSalvage(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	ids, cs := linkMany(t, s, 100, 1500)
	for i := range ids {
		if i%2 == 0 {
			unlinkBody(t, s, owner1, uint64(i), ids[i])
		}
	}
	mustGC(t, s)
	mustClose(t, s)
	if err := fs.RemoveAll("data/rows"); err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	out, err := salvage(t.Context(), fs, "data", func(note []byte, r io.Reader) error {
		i := 0
		if _, err := fmt.Sscan(string(note), &i); err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if !bytes.Equal(b, cs[i].bytes()) {
			t.Errorf("body %d differs", i)
		}
		found[i]++
		return err
	})
	if err != nil || out.Broken != 0 || out.DamagedBytes != 0 {
		t.Fatalf("%v, %+v", err, out)
	}
	for i := range ids {
		if i%2 == 1 && found[i] != 1 || found[i] > 1 {
			t.Errorf("body %d was found %d times", i, found[i])
		}
	}
}

// TestHeaders: a header survives encoding, and no changed bit goes unnoticed.
func TestHeaders(t *testing.T) {
	h := header{typ: recEnd, noteLen: 7, payload: 70000, index: 3, total: 1 << 33, synced: 12345, seg: 9, prefixLen: 5, metaCRC: 1}
	h.origin = location{kind: kindStream, seg: 8, off: 160, len: 320, nonce: 5}.id()
	b := make([]byte, headerLen)
	h.encode(b)
	got, ok := decodeHeader(b, 9)
	if !ok || got != h {
		t.Fatalf("%v %+v", ok, got)
	}
	if _, ok := decodeHeader(b, 10); ok {
		t.Fatal("a record of another segment is accepted")
	}
	for bit := range 8 * headerLen {
		b[bit/8] ^= 1 << (bit % 8)
		if _, ok := decodeHeader(b, 9); ok {
			t.Fatalf("bit %d changed unnoticed", bit)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func FuzzLocator(f *testing.F) {
	f.Add((&locator{size: 5, extents: []extent{{1, 2, 3, 4}, {5, 6, 7, 8}}}).encode())
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 9})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLocator(b)
		if err != nil {
			return
		}
		again, err := decodeLocator(l.encode())
		if err != nil || again.size != l.size || len(again.extents) != len(l.extents) {
			t.Fatalf("%v: %+v, %+v", err, l, again)
		}
	})
}

func FuzzWalk(f *testing.F) {
	h := header{typ: recBody, payload: 10}
	rec := make([]byte, h.recordLen())
	h.seal(rec, nil)
	h.seg = 1
	h.encode(rec)
	f.Add(append(encodeSegmentHeader(1, [16]byte{}), rec...))
	f.Add(bytes.Repeat(binary.LittleEndian.AppendUint32(nil, recordMagic), 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := recoverTail(1, bytes.NewReader(b), int64(len(b)), segmentHeader)
		if err != nil || got.end < segmentHeader || got.end > alignUp(int64(max(len(b), segmentHeader))) {
			t.Fatalf("%v, %+v", err, got)
		}
	})
}

// TestBodiesWithoutRows: a folder that lost its rows is refused, not taken for a new one whose bodies are garbage.
func TestBodiesWithoutRows(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(fs))
	if _, err := storeBody(t, s, 3000); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if err := fs.RemoveAll("data/rows"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first attempt makes the folder again
		if _, err := Open("data", small(fs)); !errors.Is(err, ErrFormat) {
			t.Fatalf("opening a folder without rows: %v", err)
		}
	}
	found, err := salvage(t.Context(), fs, "data", func([]byte, io.Reader) error { return nil })
	if err != nil || found.Bodies != 1 {
		t.Fatalf("salvage: %+v %v", found, err)
	}
}
