package deflate

const (
	windowBytes = 32 << 10 // how far back a copy may reach, RFC 1951 §2
	firstBytes  = 1 << 10  // of a window that is new: most clients that listen never say more
	copyBytes   = 258      // the longest copy, RFC 1951 §3.2.5
)

// window is the end of what came out. It is a ring once it has grown to its full size.
type window struct {
	ring    []byte
	end     int // where the next octet goes
	waiting int // octets before end that nobody has read yet
	past    int // octets that a copy may reach, at most windowBytes
}

// room gives the place for at least one octet more.
func (w *window) room() []byte {
	if w.end == len(w.ring) {
		if w.end == windowBytes {
			w.end = 0
		} else {
			grown := make([]byte, max(firstBytes, 2*len(w.ring)))
			copy(grown, w.ring)
			w.ring = grown
		}
	}
	return w.ring[w.end:]
}

// wrote counts octets that were put into room.
func (w *window) wrote(n int) {
	w.end += n
	w.waiting += n
	w.past = min(w.past+n, windowBytes)
}

// repeat puts length octets again that came distance octets ago, which is at most past. They may overlap.
func (w *window) repeat(distance, length int) {
	for length > 0 {
		to := w.room()
		from := w.end - distance
		if from < 0 {
			from += windowBytes
		}
		k := copy(to[:min(length, len(to))], w.ring[from:min(from+distance, len(w.ring))])
		if k == distance {
			distance *= 2 // what was repeated once is there twice
		}
		length -= k
		w.wrote(k)
	}
}

// give moves octets that wait to p.
func (w *window) give(p []byte) (n int) {
	for n < len(p) && w.waiting > 0 {
		from := w.end - w.waiting
		if from < 0 {
			from += windowBytes
		}
		k := copy(p[n:], w.ring[from:min(from+w.waiting, len(w.ring))])
		n += k
		w.waiting -= k
	}
	return n
}
