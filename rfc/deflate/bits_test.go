package deflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"
)

// Streams are written as bits here: "0" and "1" in the order in which they come; a space means nothing.

// number is v in n bits, the lowest first, as all numbers but codes are.
func number(v, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte("01"[v>>i&1])
	}
	return b.String()
}

// code is v in n bits, the highest first.
func code(v, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte("01"[v>>(n-1-i)&1])
	}
	return b.String()
}

// octets makes a stream of bits, with 0 behind them up to the next octet.
func octets(stream string) []byte {
	stream = strings.ReplaceAll(stream, " ", "")
	out := make([]byte, (len(stream)+7)/8)
	for i, c := range []byte(stream) {
		out[i/8] |= (c - '0') << (i % 8)
	}
	return out
}

// Heads of blocks: whether it is the last, and its type.
const (
	lastStored  = "1 00"
	lastFixed   = "1 10"
	lastDynamic = "1 01"
	nextFixed   = "0 10"
)

// sized is the head of a dynamic block behind its type. Sizes are given in 4 bits each: those of literals by symbol, and
// of distances in order.
func sized(literals map[int]int, dists ...int) string {
	most := 257
	for s := range literals {
		most = max(most, s+1)
	}
	b := number(most-257, 5) + number(len(dists)-1, 5) + number(15, 4)
	for _, s := range order {
		b += number(map[bool]int{true: 4}[s < 16], 3)
	}
	for s := range most {
		b += code(literals[s], 4)
	}
	for _, size := range dists {
		b += code(size, 4)
	}
	return b
}

// emptyBlock is the shortest block with its own codes, of which it uses that for its end.
var emptyBlock = "0 01" + number(0, 5) + number(0, 5) + number(14, 4) +
	// sizes of the codes of 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1: of 18 and 1
	"000 000 100" + strings.Repeat("000", 14) + "100" +
	// 1 is 0, 18 is 1: 138 and 118 times nothing, then the end of 1 bit, then a distance of 1 bit
	"1" + number(127, 7) + "1" + number(107, 7) + "0 0" + "0"

// TestSetsOfCodes are those that zlib takes and those that it refuses.
func TestSetsOfCodes(t *testing.T) {
	const end = 256
	for _, c := range []struct{ name, stream, gives, why string }{
		{"an empty block of the last kind", lastFixed + code(0, 7), "", ""},
		{"empty blocks", emptyBlock + nextFixed + code(0, 7) + emptyBlock + lastFixed + code(0, 7), "", ""},
		{"only the end, of 1 bit", lastDynamic + sized(map[int]int{end: 1}, 0) + "0", "", ""},
		{"only the end, the other bit", lastDynamic + sized(map[int]int{end: 1}, 0) + "1", "", "bits that are no length"},
		{"only the end, of 2 bits", lastDynamic + sized(map[int]int{end: 2}, 0) + "00", "", "bits that are no code"},
		{"no end", lastDynamic + sized(map[int]int{'a': 1, 'b': 1}, 0) + "00", "", "a block that can not end"},
		{"two literals", lastDynamic + sized(map[int]int{'a': 1, 'b': 2, end: 2}, 0) + "0 10 0 11", "aba", ""},
		{"15 bits", lastDynamic + sized(steps15(), 0) + "0 10" + code(1<<15-2, 15) + code(1<<15-1, 15), "abo", ""},
		{"too many", lastDynamic + sized(map[int]int{'a': 1, 'b': 1, end: 1}, 0), "", "too many codes of 1 bits"},
		{"bits that mean nothing", lastDynamic + sized(map[int]int{'a': 2, 'b': 2, end: 2}, 0), "", "bits that are no code"},
		{"no distance, none used", lastDynamic + sized(map[int]int{'a': 1, end: 1}, 0, 0, 0) + "0 1", "a", ""},
		{"no distance, one used", lastDynamic + sized(map[int]int{'a': 1, 257: 2, end: 2}, 0) + "0 11 0", "a", "bits that are no distance"},
		{"one distance", lastDynamic + sized(map[int]int{'a': 1, 257: 2, end: 2}, 1) + "0 11 0 10", "aaaa", ""},
		{"one distance, the other bit", lastDynamic + sized(map[int]int{'a': 1, 257: 2, end: 2}, 1) + "0 11 1", "a", "bits that are no distance"},
		{"one distance of 2 bits", lastDynamic + sized(map[int]int{'a': 1, 257: 2, end: 2}, 2), "", "bits that are no code"},
		{"too many distances", lastDynamic + sized(map[int]int{'a': 1, end: 1}, 1, 1, 1), "", "too many codes of 1 bits"},
		{"287 literals", lastDynamic + number(30, 5) + number(0, 5) + number(0, 4), "", "287 literals and 1 distances"},
		{"31 distances", lastDynamic + number(0, 5) + number(30, 5) + number(0, 4), "", "257 literals and 31 distances"},
		{"a single size of code", lastDynamic + number(0, 10) + number(0, 4) + "000 000 000 100", "", "bits that are no code"},
		{"no size of code", lastDynamic + number(0, 10) + number(0, 4) + "000 000 000 000", "", "bits that are no code"},
		{"too many sizes of codes", lastDynamic + number(0, 10) + number(0, 4) + "100 100 100 000", "", "too many codes of 1 bits"},
		{"a repetition of nothing", lastDynamic + number(0, 10) + number(0, 4) + "100 000 000 100 1 00", "", "a repetition of nothing"},
		{"more sizes than codes", lastDynamic + number(0, 10) + number(0, 4) + "000 000 100 100" +
			strings.Repeat("1"+number(127, 7), 2), "", "more sizes than codes"},
		{"literal 286", lastFixed + code(0xc6, 8), "", "bits that are no length"},
		{"literal 287", lastFixed + code(0xc7, 8), "", "bits that are no length"},
		{"distance 30", lastFixed + code(0x30, 8) + code(1, 7) + code(30, 5), "\x00", "bits that are no distance"},
		{"distance 31", lastFixed + code(0x30, 8) + code(1, 7) + code(31, 5), "\x00", "bits that are no distance"},
		{"258 as 227 and 31", lastFixed + code(0x91, 8) + code(0xc4, 8) + number(31, 5) + code(0, 5) + code(0, 7), strings.Repeat("a", 259), ""},
		{"258 as such", lastFixed + code(0x91, 8) + code(0xc5, 8) + code(0, 5) + code(0, 7), strings.Repeat("a", 259), ""},
		{"beyond the beginning", lastFixed + code(0x91, 8) + code(1, 7) + code(1, 5), "a", "copy from 2 octets back, there are 1"},
		{"from nothing", lastFixed + code(1, 7) + code(0, 5), "", "copy from 1 octets back, there are 0"},
		{"type 3", "1 11", "", "block of type 3"},
		{"stored", lastStored + "11111" + number(2, 16) + number(0xfffd, 16) + number('h', 8) + number('i', 8), "hi", ""},
		{"stored, nothing", lastStored + "00000" + number(0, 16) + number(0xffff, 16), "", ""},
		{"stored, bad check", lastStored + "00000" + number(2, 16) + number(0xfffc, 16), "", "stored block of 2 octets with the check 65532"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := octets(c.stream)
			got, err := io.ReadAll(NewReader(bufio.NewReader(bytes.NewReader(b))))
			var bad *CorruptError
			switch {
			case string(got) != c.gives:
				t.Errorf("gives %q, want %q; %v", got, c.gives, err)
			case c.why == "" && err != nil, c.why != "" && (!errors.As(err, &bad) || bad.Why != c.why):
				t.Errorf("%v, want %q", err, c.why)
			}
			if c.why == "" {
				for n := range b { // any part of it is that, and no more
					cut(t, b[:n], got)
				}
			}
		})
	}
}

// steps15 has codes of 1 to 15 bits for the letters from a on, two of 15, the last for the end.
func steps15() map[int]int {
	sizes := map[int]int{256: 15}
	for i := range 15 {
		sizes['a'+i] = i + 1
	}
	return sizes
}

// cut reads a stream that was broken off.
func cut(t *testing.T, b, whole []byte) {
	t.Helper()
	got, err := io.ReadAll(NewReader(bufio.NewReader(bytes.NewReader(b))))
	if err != io.ErrUnexpectedEOF && err != nil || !bytes.HasPrefix(whole, got) {
		t.Errorf("%d octets give %q and %v", len(b), got, err)
	}
	_, wantErr := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	if wantErr != io.ErrUnexpectedEOF {
		t.Errorf("the library says %v of %d octets", wantErr, len(b))
	}
}

// TestFarthestCopy reaches back to the beginning of the window, and not beyond.
func TestFarthestCopy(t *testing.T) {
	for name, past := range map[string]int{"as far as there is": windowBytes, "one too few": windowBytes - 1, "long past": 3*windowBytes + 5} {
		var text strings.Builder
		for i := range past {
			text.WriteByte(byte(i*i>>5 + i))
		}
		stream := "0 00" + "00000" + number(past&0x7fff, 16) + number(^past&0xffff|0x8000, 16)
		b := octets(stream)
		b = append(b, text.String()[:past&0x7fff]...)
		for rest := text.String()[past&0x7fff:]; rest != ""; rest = rest[0x4000:] {
			b = append(b, octets("0 00"+"00000"+number(0x4000, 16)+number(0xbfff, 16))...)
			b = append(b, rest[:0x4000]...)
		}
		b = append(b, octets(lastFixed+code(0xc5, 8)+code(29, 5)+number(0x1fff, 13)+code(0, 7))...)
		got, err := io.ReadAll(NewReader(bufio.NewReader(bytes.NewReader(b))))
		want := text.String()
		if past >= windowBytes {
			want += want[past-windowBytes:][:copyBytes]
		}
		if string(got) != want || (err != nil) != (past < windowBytes) {
			t.Errorf("%s: %d octets, want %d: %v", name, len(got), len(want), err)
		}
	}
}
