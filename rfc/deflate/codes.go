package deflate

// extra is a code that stands for a range of numbers, RFC 1951 §3.2.5.
type extra struct {
	base uint16
	bits uint8
}

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

// order is that of the code lengths of code lengths, RFC 1951 §3.2.7.
var order = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

const (
	maxBits     = 15 // of a code
	quickBits   = 9  // codes of up to so many bits are looked up at once
	maxLiterals = 288
	maxDists    = 32
)

// codes is a set of Huffman codes, RFC 1951 §3.2.2.
type codes struct {
	quick   [1 << quickBits]uint16 // symbol<<4 | bits by the next bits of the stream; 0: a longer code, or none
	count   [maxBits + 1]uint16    // codes of each length
	symbols [maxLiterals]uint16    // in the order of their codes
}

// set makes the codes from their lengths. A set with room for more codes is refused, but for that of a single one.
func (c *codes) set(sizes []uint8) error {
	*c = codes{}
	for _, size := range sizes {
		c.count[size]++
	}
	used := len(sizes) - int(c.count[0])
	c.count[0] = 0
	room := 1
	var first, next [maxBits + 2]uint16 // where the codes of a length begin, in symbols; the next code of a length
	for size := 1; size <= maxBits; size++ {
		room = room<<1 - int(c.count[size])
		if room < 0 {
			return corrupt("too many codes of %d bits", size)
		}
		first[size+1] = first[size] + c.count[size]
		next[size+1] = (next[size] + c.count[size]) << 1
	}
	if room > 0 && (used > 1 || used == 1 && c.count[1] == 0) {
		return corrupt("%d codes do not cover all bits", used)
	}
	for symbol, size := range sizes {
		if size == 0 {
			continue
		}
		c.symbols[first[size]] = uint16(symbol)
		first[size]++
		c.remember(uint16(symbol), next[size], uint(size))
		next[size]++
	}
	return nil
}

// remember fills in what is looked up at once: codes begin with their highest bit, the stream with its lowest.
func (c *codes) remember(symbol, code uint16, size uint) {
	if size > quickBits {
		return
	}
	reversed := 0
	for range size {
		reversed = reversed<<1 | int(code&1)
		code >>= 1
	}
	for i := reversed; i < len(c.quick); i += 1 << size {
		c.quick[i] = symbol<<4 | uint16(size)
	}
}

// symbol reads a code. It takes no octet in as long as those at hand have the whole of it.
func (r *Reader) symbol(c *codes) (int, error) {
	for {
		if q := c.quick[r.bits&(1<<quickBits-1)]; q != 0 {
			if size := uint(q & 15); size <= r.n {
				r.bits >>= size
				r.n -= size
				return int(q >> 4), nil
			}
		} else if symbol, size := c.find(r.bits, r.n); size > 0 {
			r.bits >>= size
			r.n -= size
			return symbol, nil
		} else if r.n >= maxBits {
			return 0, corrupt("bits that are no code")
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// find looks for a code bit by bit among the first n; size is 0 when there is none.
func (c *codes) find(bits uint32, n uint) (symbol int, size uint) {
	var code, first, index int
	for size := uint(1); size <= min(n, maxBits); size++ {
		code |= int(bits & 1)
		bits >>= 1
		count := int(c.count[size])
		if code-first < count {
			return int(c.symbols[index+code-first]), size
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0
}

// fixed sets the codes of RFC 1951 §3.2.6.
func (r *Reader) fixed() error {
	var sizes [maxLiterals]uint8
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
	var dists [maxDists]uint8
	for i := range dists {
		dists[i] = 5
	}
	if err := r.literal.set(sizes[:]); err != nil {
		return err
	}
	return r.dist.set(dists[:])
}

// dynamic reads the codes of a block, RFC 1951 §3.2.7.
func (r *Reader) dynamic() error {
	head, err := r.take(14)
	if err != nil {
		return err
	}
	literals, dists, n := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if literals > 286 || dists > 30 {
		return corrupt("%d literals and %d distances", literals, dists)
	}
	var sizes [maxLiterals + maxDists]uint8
	for i := range n {
		b, err := r.take(3)
		if err != nil {
			return err
		}
		sizes[order[i]] = uint8(b)
	}
	if err := r.literal.set(sizes[:len(order)]); err != nil {
		return err
	}
	clear(sizes[:len(order)])
	if err := r.sizes(sizes[:literals+dists]); err != nil {
		return err
	}
	if sizes[endOfBlock] == 0 {
		return corrupt("a block that can not end")
	}
	if err := r.literal.set(sizes[:literals]); err != nil {
		return err
	}
	return r.dist.set(sizes[literals : literals+dists])
}

// sizes reads the lengths of codes, which are coded themselves, with r.literal for now.
func (r *Reader) sizes(sizes []uint8) error {
	for i := 0; i < len(sizes); {
		s, err := r.symbol(&r.literal)
		if err != nil {
			return err
		}
		if s < 16 {
			sizes[i] = uint8(s)
			i++
			continue
		}
		again, value := extra{3, 2}, uint8(0)
		switch {
		case s == 16 && i == 0:
			return corrupt("a repetition of nothing")
		case s == 16:
			value = sizes[i-1]
		case s == 17:
			again = extra{3, 3}
		default:
			again = extra{11, 7}
		}
		n, err := r.extended(again)
		if err != nil {
			return err
		}
		if i+n > len(sizes) {
			return corrupt("more lengths than codes")
		}
		for range n {
			sizes[i] = value
			i++
		}
	}
	return nil
}
