package imap

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"barid/rfc/deflate"
)

// Memory and work of a compressed session. Nothing is kept of a compressor between two writes but the end of what was
// sent, and the inflater's window grows with what a client says: this is 5 KiB for a session that waits, and never more
// than 42 KiB, so there is no limit of their number. It rests as others do (wait.go). 4 KiB of what was sent compress answers and letters to a quarter of their size, as
// zlib's level 6 with all of its window does.
const (
	deflateDict  = 4 << 10  // bytes of what was sent before that the next write may refer to
	deflatePiece = 24 << 10 // bytes compressed at once
	inflateFree  = 64 << 20 // bytes that may come out of a session before the ratio counts, or two of the largest messages
	inflateRatio = 100      // bytes that may come out for each that came in; DEFLATE can make 1032
)

// errBomb is a client that sends little which becomes much.
var errBomb = errors.New("imap: compressed data hold too much")

// isUnpackable reports errors of what a client compressed.
func isUnpackable(err error) bool {
	var damaged *deflate.CorruptError
	return errors.Is(err, errBomb) || errors.As(err, &damaged)
}

// deflater compresses each write by itself and sends it whole (RFC 4978 §4: every answer is flushed).
type deflater struct {
	w    io.Writer
	dict []byte
}

// squeezeBuffers holds *bytes.Buffer for what goes out.
var squeezeBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Write implements io.Writer.
func (d *deflater) Write(p []byte) (int, error) {
	buf := squeezeBuffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer squeezeBuffers.Put(buf)
	for n := 0; n < len(p); {
		piece := p[n:min(len(p), n+deflatePiece)]
		if err := flate.StatelessDeflate(buf, piece, false, d.dict); err != nil {
			return n, err
		}
		d.keep(piece)
		n += len(piece)
		if buf.Len() >= writeBytes || n == len(p) {
			if _, err := d.w.Write(buf.Bytes()); err != nil {
				return n, err
			}
			buf.Reset()
		}
	}
	return len(p), nil
}

// keep notes the end of what was sent.
func (d *deflater) keep(p []byte) {
	if len(p) >= deflateDict {
		d.dict = append(d.dict[:0], p[len(p)-deflateDict:]...)
		return
	}
	if over := len(d.dict) + len(p) - deflateDict; over > 0 {
		d.dict = append(d.dict[:0], d.dict[over:]...)
	}
	d.dict = append(d.dict, p...)
}

// inflater reads what a client compressed, and bounds what comes out by what came in.
type inflater struct {
	*deflate.Reader
	left int64 // octets that may come out for nothing, less those that did beyond the ratio
}

// Read implements io.Reader.
func (i *inflater) Read(p []byte) (int, error) {
	before := i.Taken()
	n, err := i.Reader.Read(p)
	i.left += inflateRatio*(i.Taken()-before) - int64(n)
	if i.left < 0 {
		return 0, errBomb
	}
	return n, err
}
