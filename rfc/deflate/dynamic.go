package deflate

// tables are the codes of a block that brings its own, and what has been read of their sizes.
type tables struct {
	literal, dist codes
	ofSizes       [len(order)]uint8 // sizes of the codes that sizes come in
	sizes         [maxLiterals + maxDists]uint8
	literals      int // codes to come
	dists         int
	done, all     int // sizes read, and to be read
}

// order is that of the sizes of codes that sizes come in, RFC 1951 §3.2.7.
var order = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// beginCodes reads how many codes a block brings, RFC 1951 §3.2.7.
func (r *Reader) beginCodes() error {
	head, err := r.take(14)
	if err != nil {
		return err
	}
	literals, dists := head&31+257, head>>5&31+1
	if literals > maxLiterals || dists > maxDists {
		return corrupt("%d literals and %d distances", literals, dists)
	}
	if r.own == nil {
		r.own = &tables{}
	}
	t := r.own
	t.ofSizes = [len(order)]uint8{}
	t.literals, t.dists, t.done, t.all = literals, dists, 0, head>>10+4
	r.state = inCodeSizes
	return nil
}

// codeSizes reads the sizes of the codes that sizes come in. Those codes stand where the literals' will.
func (r *Reader) codeSizes() error {
	t := r.own
	for ; t.done < t.all; t.done++ {
		b, err := r.take(3)
		if err != nil {
			return err
		}
		t.ofSizes[order[t.done]] = uint8(b)
	}
	if err := t.literal.set(t.ofSizes[:], false); err != nil {
		return err
	}
	t.done, t.all = 0, t.literals+t.dists
	r.state = inSizes
	return nil
}

// sizes reads the sizes of all codes and makes them.
func (r *Reader) sizes() error {
	t := r.own
	for t.done < t.all {
		if err := r.size(t); err != nil {
			return err
		}
	}
	if t.sizes[endOfBlock] == 0 {
		return corrupt("a block that can not end")
	}
	if err := t.literal.set(t.sizes[:t.literals], true); err != nil {
		return err
	}
	if err := t.dist.set(t.sizes[t.literals:t.all], true); err != nil {
		return err
	}
	r.literal, r.dist, r.state = &t.literal, &t.dist, inElements
	return nil
}

// size reads one size, or a repetition of it, whole or not at all.
func (r *Reader) size(t *tables) error {
	r.fill()
	s, used := t.literal.find(r.bits)
	if s == 16 && t.done == 0 && used <= r.n {
		return corrupt("a repetition of nothing")
	}
	again, value := extra{1, 0}, uint8(s)
	switch s {
	case 16:
		again = extra{3, 2}
	case 17:
		again, value = extra{3, 3}, 0
	case 18:
		again, value = extra{11, 7}, 0
	}
	n := again.of(r.bits >> used)
	if used += uint(again.bits); used > r.n {
		return errShort
	}
	if t.done+n > t.all {
		return corrupt("more sizes than codes")
	}
	if s == 16 {
		value = t.sizes[t.done-1]
	}
	r.drop(used)
	for range n {
		t.sizes[t.done] = value
		t.done++
	}
	return nil
}
