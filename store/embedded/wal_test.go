package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"barid/base/kv"
)

// journalOf gives the youngest file of rows whose name has the suffix or prefix, and its length.
func journalOf(t *testing.T, fs vfs.FS, match func(string) bool) (name string, size int64) {
	t.Helper()
	names, err := fs.List("data/rows")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if match(n) && n > name {
			name = n
		}
	}
	st, err := fs.Stat("data/rows/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return "data/rows/" + name, st.Size()
}

// TestDamagedLog: one damaged byte in the log of the rows must not make acknowledged rows vanish silently: after a
// clean Close wherever it is, after a crash if it is in what was synced earlier than just before.
func TestDamagedLog(t *testing.T) {
	for _, again := range []bool{false, true} { // the first log of a folder is different from the later ones
		for _, clean := range []bool{false, true} {
			for _, size := range []int{100, 3000} {
				t.Run(fmt.Sprint(again, clean, size), func(t *testing.T) { damageLog(t, again, clean, size) })
			}
		}
	}
}

func damageLog(t *testing.T, again, clean bool, size int) {
	fs := vfs.NewCrashableMem()
	o := small(fs)
	o.MemtableBytes = 8 << 20
	s := mustOpen(t, "data", o)
	if again {
		mustClose(t, s)
		s = mustOpen(t, "data", o)
	}
	const n = 30
	put := func(i int) {
		t.Helper()
		err := s.Update(t.Context(), owner1, func(x kv.Txn) error {
			x.Put(1, fmt.Append(nil, 100+i), content{uint64(i), size}.bytes())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		put(i)
	}
	name, end := journalOf(t, fs, isLog)
	if clean {
		mustClose(t, s)
	} else {
		for i := range 3 {
			put(n + i)
		}
		defer mustClose(t, s)
	}
	disk := func() *vfs.MemFS { return fs.CrashClone(vfs.CrashCloneCfg{}) }
	step := max(1, end/300)
	for off := int64(0); off < end; off += step {
		if !clean && !payload(t, fs, name, off, size) {
			continue
		}
		broken := o
		cut := disk()
		broken.FS = cut
		flip(t, cut, name, off)
		s, err := Open("data", broken)
		if err == nil {
			mustClose(t, s)
			t.Fatalf("damage at %d of %d, and no error", off, end)
		}
		if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), name[len("data/"):]) || !strings.Contains(err.Error(), "salvage") {
			t.Fatalf("damage at %d: %v", off, err)
		}
	}
	o.FS = disk()
	mustClose(t, mustOpen(t, "data", o))
}

// payload says whether off lies in a row's value rather than in a header of the log.
func payload(t *testing.T, fs vfs.FS, name string, off int64, size int) bool {
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, off+200)
	n, _ := f.ReadAt(b, 0)
	for i := range 30 {
		v := content{uint64(i), size}.bytes()
		if at := int64(bytes.Index(b[:n], v[:20])); at >= 0 && at <= off && off < at+int64(size) && at/chunkBlock == (at+int64(size))/chunkBlock {
			return true
		}
	}
	return false
}

// TestDamagedManifest: one damaged byte in the list of tables must not make tables vanish silently.
func TestDamagedManifest(t *testing.T) {
	fs := vfs.NewMem()
	o := small(fs)
	s := mustOpen(t, "data", o)
	name, end := "", int64(0)
	for i := range 10 {
		if err := s.Update(t.Context(), owner1, func(x kv.Txn) error { x.Put(1, fmt.Append(nil, i), []byte("x")); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.rows.db.Flush(); err != nil {
			t.Fatal(err)
		}
		if i == 8 { // a record follows that proves what is before it
			name, end = journalOf(t, fs, isManifest)
		}
	}
	mustClose(t, s)
	for off := range end {
		flip(t, fs, name, off)
		s, err := Open("data", o)
		if err == nil {
			mustClose(t, s)
			t.Fatalf("damage at %d of %d, and no error", off, end)
		}
		if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), "salvage") {
			t.Fatalf("damage at %d: %v", off, err)
		}
		flip(t, fs, name, off)
	}
	mustClose(t, mustOpen(t, "data", o))
}
