package embedded

import "sync"

// headroom is kept free before the body in a buffer: record header, block CRCs, note, and prefix.
const headroom = 8 << 10

// bufferClasses are the sizes of buffers, in bytes; the largest holds a whole inline body.
var bufferClasses = [...]int{16 << 10, 80 << 10, inlineMax + headroom + recordAlign}

// buffers keeps used buffers for the next body. The zero value is ready.
type buffers struct {
	pools [len(bufferClasses)]sync.Pool
}

// get gives a buffer of at least n bytes' capacity and full length.
func (b *buffers) get(n int) []byte {
	for i, size := range bufferClasses {
		if n <= size {
			if p, ok := b.pools[i].Get().(*[]byte); ok {
				return *p
			}
			return make([]byte, size)
		}
	}
	return make([]byte, n)
}

// put takes a buffer back. Nobody may use it any more.
func (b *buffers) put(p []byte) {
	p = p[:cap(p)]
	for i, size := range bufferClasses {
		if len(p) == size {
			b.pools[i].Put(&p)
			return
		}
	}
}
