package smtp

import (
	"bytes"
	"io"
)

// A DataReader reads the message that follows 354 and takes its dot-stuffing off (RFC 5321 §4.5.2).
// Read gives io.EOF after CRLF.CRLF and after nothing else; a connection that ends earlier is
// io.ErrUnexpectedEOF. ErrBareCR, ErrBareLF, ErrNUL and ErrTooBig are sticky: the message is refused,
// and Drain looks for its real end.
type DataReader struct {
	r      *Reader
	limit  int64 // octets of message
	size   int64 // octets given out
	inLine bool  // the next octet is not the first of a line
	oweLF  bool  // CR was given out, its LF is still in the buffer
	done   bool  // CRLF.CRLF was seen
	err    error
}

// Data begins a message of at most limit octets. The reader is valid until Data is called again.
func (r *Reader) Data(limit int64) *DataReader {
	r.data = DataReader{r: r, limit: limit}
	return &r.data
}

// Done tells whether the end of the message was read.
func (d *DataReader) Done() bool { return d.done }

// Size gives the octets of message read so far, without dot-stuffing.
func (d *DataReader) Size() int64 { return d.size }

// Read implements io.Reader.
func (d *DataReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n == 0 && d.err == nil {
		var starved bool
		if n, starved = d.step(p); n == 0 && starved {
			d.more()
		}
	}
	if d.size += int64(n); n > 0 && d.size > d.limit {
		d.err = ErrTooBig
		return 0, d.err
	}
	if n > 0 && d.err == io.EOF {
		return n, nil
	}
	return n, d.err
}

// more reads from the connection; its end is never the end of a message.
func (d *DataReader) more() {
	if err := d.r.fill(); err == io.EOF {
		d.err = io.ErrUnexpectedEOF
	} else if err != nil {
		d.err = err
	}
}

// step copies what it can from the buffer to p; starved asks for more input.
func (d *DataReader) step(p []byte) (n int, starved bool) {
	r := d.r
	for n < len(p) {
		window := r.buf[r.pos:r.end]
		if len(window) == 0 {
			return n, true
		}
		if d.oweLF {
			p[n], d.oweLF, d.inLine = '\n', false, false
			n++
			r.pos++
			continue
		}
		if !d.inLine && window[0] == '.' {
			if isPrefix(window, ".\r\n") {
				return n, true
			}
			r.pos++
			if window[1] == '\r' && window[2] == '\n' {
				r.pos += 2
				d.done, d.err = true, io.EOF
				return n, false
			}
			d.inLine = true
			continue
		}
		k, ok := d.run(p[n:], window)
		n += k
		if !ok || d.err != nil {
			return n, d.err == nil
		}
	}
	return n, false
}

// isPrefix tells whether window is a true prefix of s, so that more input is needed to decide.
func isPrefix(window []byte, s string) bool {
	return len(window) < len(s) && string(window) == s[:len(window)]
}

// run copies lines up to the next one that begins with a dot. ok is false when more input is needed.
func (d *DataReader) run(p, window []byte) (n int, ok bool) {
	end, ok := d.clean(window)
	n = copy(p, window[:end])
	d.r.pos += n
	switch {
	case n == 0:
		return 0, false
	case window[n-1] == '\n':
		d.inLine = false
	case window[n-1] == '\r':
		d.oweLF = true
	default:
		d.inLine = true
	}
	return n, ok || n < end
}

// clean gives the length of the beginning of window that is legal text and holds no dot to remove (step
// has seen to the first octet). A CR at its end is left for later. What is not legal sets the error.
func (d *DataReader) clean(window []byte) (end int, ok bool) {
	nul := bytes.IndexByte(window, 0)
	if nul < 0 {
		nul = len(window)
	}
	for end < len(window) {
		if end > 0 && window[end] == '.' {
			return end, true
		}
		cr := bytes.IndexByte(window[end:], '\r')
		line := window[end:]
		if cr >= 0 {
			line = line[:cr]
		}
		lf := bytes.IndexByte(line, '\n')
		switch {
		case nul < end+len(line) && (lf < 0 || nul < end+lf):
			return d.bad(ErrNUL)
		case lf >= 0:
			return d.bad(ErrBareLF)
		case cr < 0:
			return len(window), false
		case end+cr+1 == len(window):
			return end + cr, false
		case window[end+cr+1] != '\n':
			return d.bad(ErrBareCR)
		}
		end += cr + 2
	}
	return end, true
}

func (d *DataReader) bad(err error) (int, bool) {
	d.err = err
	return 0, true
}

// Drain reads on to the real end, CRLF.CRLF, after Read failed or was not continued, and throws
// everything away: at most limit octets. It returns nil at the end, ErrEndless past the limit, or the
// error of the connection. Without it the rest of a refused message would be taken for commands.
func (d *DataReader) Drain(limit int64) error {
	if d.done {
		return nil
	}
	tail := tailOf(d)
	for dropped := int64(0); ; {
		window := d.r.buf[d.r.pos:d.r.end]
		if n, found := tail.find(window); found {
			d.r.pos += n
			d.done = true
			return nil
		}
		dropped += int64(len(window))
		d.r.Discard()
		if dropped > limit {
			return ErrEndless
		}
		if err := d.r.fill(); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
}

// dotTail is how much of CRLF.CRLF has been seen, as a number of octets.
type dotTail int

func tailOf(d *DataReader) dotTail {
	switch {
	case d.oweLF:
		return 1
	case d.inLine:
		return 0
	}
	return 2
}

// find looks for the end of the message in window and gives the octets up to and with it.
func (t *dotTail) find(window []byte) (n int, found bool) {
	const end = "\r\n.\r\n"
	for n < len(window) {
		if *t == 0 {
			i := bytes.IndexByte(window[n:], '\r')
			if i < 0 {
				return len(window), false
			}
			n += i
		}
		switch c := window[n]; {
		case c == end[*t]:
			*t++
		case c == '\r':
			*t = 1
		default:
			*t = 0
		}
		n++
		if int(*t) == len(end) {
			return n, true
		}
	}
	return n, false
}
