package deflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzReader compares with the library: the same octets, and a failure where it has one, however the input comes.
func FuzzReader(f *testing.F) {
	for _, s := range samples()[:3] {
		f.Add(pack(f, s, 9, 100), 1)
		f.Add(pack(f, s, 0, 3), 9)
	}
	f.Add(pack(f, samples()[5][:3000], 9, 3000), 100)
	f.Add(octets(emptyBlock+emptyBlock+lastFixed+code(0, 7)), 4)
	f.Add(octets(lastDynamic+sized(steps15(), 1)+"0 10"+code(1<<15-2, 15)+code(1<<15-1, 15)), 2)
	f.Add(octets(lastDynamic+sized(map[int]int{'a': 1, 257: 2, 256: 2}, 1)+"0 11 0 10"), 3)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), most))
		r := NewReader(bufio.NewReaderSize(bytes.NewReader(b), 16+size&0xfff))
		got, err := io.ReadAll(io.LimitReader(&pieces{r, 1 + size&0xffff}, most))
		compare(t, got, want, err, wantErr)
		r = NewReader(bufio.NewReader(iotest.OneByteReader(bytes.NewReader(b))))
		again, err2 := io.ReadAll(io.LimitReader(r, most))
		if !bytes.Equal(got, again) || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("%d octets and %v in pieces, %d and %v one by one", len(got), err, len(again), err2)
		}
		if len(r.ring) > windowBytes {
			t.Fatalf("a window of %d octets", len(r.ring))
		}
	})
}

func compare(t *testing.T, got, want []byte, err, wantErr error) {
	t.Helper()
	var bad *CorruptError
	switch {
	case wantErr == nil && err == nil && bytes.Equal(got, want):
	case wantErr == nil && errors.As(err, &bad) && strings.HasPrefix(bad.Why, "bits that are no code"):
		// The library takes a single size of codes; zlib does not.
	case wantErr == nil:
		t.Fatalf("%d octets and %v, want %d", len(got), err, len(want))
	case wantErr == io.ErrUnexpectedEOF && (err == nil || err == io.ErrUnexpectedEOF) && bytes.HasPrefix(got, want):
	case !errors.As(err, &bad):
		t.Fatalf("%d octets and %v, the library says %v", len(got), err, wantErr)
	case !bytes.HasPrefix(got, want) && !bytes.HasPrefix(want, got):
		t.Fatalf("gave %d octets, the library %d others", len(got), len(want))
	}
}
