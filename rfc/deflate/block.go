package deflate

import "io"

// state is where in the stream a Reader is.
type state uint8

const (
	beforeBlock  state = iota
	beforeStored       // behind the head of a stored block
	inStored
	beforeCodes // behind the head of a block with its own codes
	inCodeSizes
	inSizes
	inElements
)

// endOfBlock is a symbol of the literals, RFC 1951 §3.2.5.
const endOfBlock = 256

// step goes on in the stream until most octets wait, at least by the smallest thing there is, or not at all.
func (r *Reader) step(most int) error {
	switch r.state {
	case beforeStored:
		return r.beginStored()
	case inStored:
		return r.copyStored(most)
	case beforeCodes:
		return r.beginCodes()
	case inCodeSizes:
		return r.codeSizes()
	case inSizes:
		return r.sizes()
	case inElements:
		return r.elements(most)
	}
	return r.begin()
}

// begin reads the head of a block, RFC 1951 §3.2.3.
func (r *Reader) begin() error {
	if r.final {
		return io.EOF
	}
	head, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = head&1 == 1
	switch head >> 1 {
	case 0:
		r.drop(r.n % 8)
		r.state = beforeStored
	case 1:
		f := fixed()
		r.literal, r.dist, r.state = &f.literal, &f.dist, inElements
	case 2:
		r.state = beforeCodes
	default:
		return corrupt("block of type 3")
	}
	return nil
}

// beginStored reads the size of a block without compression, RFC 1951 §3.2.4.
func (r *Reader) beginStored() error {
	b, err := r.take(32)
	if err != nil {
		return err
	}
	size, check := b&0xffff, b>>16
	if size^check != 0xffff {
		return corrupt("stored block of %d octets with the check %d", size, check)
	}
	r.stored, r.state = size, inStored
	return nil
}

// copyStored copies what is stored: first the octets that were taken already, then those at hand.
func (r *Reader) copyStored(most int) error {
	for ; r.stored > 0 && r.waiting < most; r.stored-- {
		if r.n == 0 {
			return r.copyChunk(most)
		}
		r.room()[0] = byte(r.bits)
		r.drop(8)
		r.wrote(1)
	}
	if r.stored == 0 {
		r.state = beforeBlock
	}
	return nil
}

func (r *Reader) copyChunk(most int) error {
	if !r.hand() {
		return errShort
	}
	k := copy(r.room(), r.chunk[:min(r.stored, len(r.chunk), most-r.waiting)])
	r.wrote(k)
	r.chunk = r.chunk[k:]
	r.stored -= k
	return nil
}

// elements reads literals and copies, RFC 1951 §3.2.5, until most octets wait or the block ends. An element, of 48 bits
// at most, is taken whole or not at all.
func (r *Reader) elements(most int) error {
	for r.waiting < most {
		if r.n < 48 {
			r.fill()
		}
		s, size := r.literal.find(r.bits)
		switch {
		case size > r.n:
			return errShort
		case s < endOfBlock:
			r.room()[0] = byte(s)
			r.drop(size)
			r.wrote(1)
			continue
		case s == endOfBlock:
			r.drop(size)
			r.state = beforeBlock
			return nil
		case s-endOfBlock > len(lengths):
			return corrupt("bits that are no length")
		}
		if err := r.copy(lengths[s-endOfBlock-1], size); err != nil {
			return err
		}
	}
	return nil
}

// copy does a copy whose length began with a code of used bits.
func (r *Reader) copy(long extra, used uint) error {
	length := long.of(r.bits >> used)
	used += uint(long.bits)
	s, size := r.dist.find(r.bits >> used)
	used += size
	switch {
	case used > r.n:
		return errShort
	case s >= len(distances):
		return corrupt("bits that are no distance")
	}
	far := distances[s]
	distance := far.of(r.bits >> used)
	if used += uint(far.bits); used > r.n {
		return errShort
	}
	if distance > r.past {
		return corrupt("copy from %d octets back, there are %d", distance, r.past)
	}
	r.drop(used)
	r.repeat(distance, length)
	return nil
}
