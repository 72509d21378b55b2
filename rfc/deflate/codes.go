package deflate

import (
	"math/bits"
	"sync"
)

// extra is a code that stands for a range of numbers: the first of them, and the bits that follow the code.
type extra struct {
	base uint16
	bits uint8
}

// of gives the number that the next bits mean.
func (e extra) of(next uint64) int { return int(e.base) + int(next&(1<<e.bits-1)) }

// lengths of copies by code, from 257 on, RFC 1951 §3.2.5.
var lengths = [...]extra{
	{3, 0},
	{4, 0},
	{5, 0},
	{6, 0},
	{7, 0},
	{8, 0},
	{9, 0},
	{10, 0},
	{11, 1},
	{13, 1},
	{15, 1},
	{17, 1},
	{19, 2},
	{23, 2},
	{27, 2},
	{31, 2},
	{35, 3},
	{43, 3},
	{51, 3},
	{59, 3},
	{67, 4},
	{83, 4},
	{99, 4},
	{115, 4},
	{131, 5},
	{163, 5},
	{195, 5},
	{227, 5},
	{258, 0},
}

// distances of copies by code, RFC 1951 §3.2.5.
var distances = [...]extra{
	{1, 0},
	{2, 0},
	{3, 0},
	{4, 0},
	{5, 1},
	{7, 1},
	{9, 2},
	{13, 2},
	{17, 3},
	{25, 3},
	{33, 4},
	{49, 4},
	{65, 5},
	{97, 5},
	{129, 6},
	{193, 6},
	{257, 7},
	{385, 7},
	{513, 8},
	{769, 8},
	{1025, 9},
	{1537, 9},
	{2049, 10},
	{3073, 10},
	{4097, 11},
	{6145, 11},
	{8193, 12},
	{12289, 12},
	{16385, 13},
	{24577, 13},
}

const (
	maxBits     = 15  // of a code, RFC 1951 §3.2.7
	maxLiterals = 286 // codes of literals, lengths and the end of a block that mean something
	maxDists    = 30  // codes of distances that do
	quickBits   = 9   // codes of up to so many bits are looked up at once
	noSymbol    = 1<<12 - 1
)

// codes is a set of Huffman codes, RFC 1951 §3.2.2.
type codes struct {
	quick   [1 << quickBits]uint16  // symbol<<4 | size by the next bits of the stream; 0: the code is longer
	first   [maxBits + 2]uint16     // the first code of a size
	index   [maxBits + 2]uint16     // its place in symbols
	symbols [maxLiterals + 2]uint16 // in the order of their codes
}

// set makes the codes from their sizes. Sizes that leave bits without a meaning are refused, as zlib does; a block that
// has no distances or only one may say so where few is set. Every bit of its code that means nothing is noSymbol then.
func (c *codes) set(sizes []uint8, few bool) error {
	var count [maxBits + 1]uint16
	for _, size := range sizes {
		count[size]++
	}
	count[0] = 0
	*c = codes{}
	room, most := 1, 0
	for size := 1; size <= maxBits; size++ {
		n := count[size]
		if room = room<<1 - int(n); room < 0 {
			return corrupt("too many codes of %d bits", size)
		}
		if n > 0 {
			most = size
		}
		c.first[size+1] = (c.first[size] + n) << 1
		c.index[size+1] = c.index[size] + n
	}
	if room > 0 {
		if !few || most > 1 {
			return corrupt("bits that are no code")
		}
		c.quick = nothing()
	}
	c.number(sizes)
	return nil
}

// number gives the codes of a size to its symbols, in their order.
func (c *codes) number(sizes []uint8) {
	var given [maxBits + 1]uint16
	for symbol, size := range sizes {
		if size == 0 {
			continue
		}
		n := given[size]
		given[size]++
		c.symbols[c.index[size]+n] = uint16(symbol)
		if size > quickBits {
			continue
		}
		// Codes begin with their highest bit, the stream with its lowest.
		from := bits.Reverse16(c.first[size]+n) >> (16 - size)
		for i := int(from); i < len(c.quick); i += 1 << size {
			c.quick[i] = uint16(symbol)<<4 | uint16(size)
		}
	}
}

// nothing is the quick table of a set without codes.
func nothing() (quick [1 << quickBits]uint16) {
	for i := range quick {
		quick[i] = noSymbol<<4 | 1
	}
	return quick
}

// find gives the symbol that next begins with and the size of its code, which may be more than there is of next.
func (c *codes) find(next uint64) (symbol int, size uint) {
	if q := c.quick[next&(1<<quickBits-1)]; q != 0 {
		return int(q >> 4), uint(q & 15)
	}
	return c.long(next)
}

// long finds a code of more than quickBits. The first code of a size is above all shorter ones.
func (c *codes) long(next uint64) (symbol int, size uint) {
	code := bits.Reverse16(uint16(next))
	for size = quickBits + 1; size < maxBits; size++ {
		at := code >> (16 - size)
		if n := c.index[size+1] - c.index[size]; at-c.first[size] < n {
			return int(c.symbols[c.index[size]+at-c.first[size]]), size
		}
	}
	at := code >> (16 - maxBits)
	return int(c.symbols[c.index[maxBits]+at-c.first[maxBits]]), maxBits
}

// fixed are the codes of RFC 1951 §3.2.6.
var fixed = sync.OnceValue(func() *tables {
	var sizes [maxLiterals + 2]uint8
	for i := range sizes {
		switch {
		case i < 144, i >= 280:
			sizes[i] = 8
		case i < 256:
			sizes[i] = 9
		default:
			sizes[i] = 7
		}
	}
	var dists [maxDists + 2]uint8
	for i := range dists {
		dists[i] = 5
	}
	t := &tables{}
	if t.literal.set(sizes[:], false) != nil || t.dist.set(dists[:], false) != nil {
		panic("the codes of RFC 1951 §3.2.6 are no codes")
	}
	return t
})
