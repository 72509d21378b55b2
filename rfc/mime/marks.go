package mime

import (
	"bytes"
	"encoding/binary"
)

// marks is what is noted of all bytes, whatever they belong to.
type marks struct {
	high, nul bool
	long      bool // a line is longer than MaxLine
	cr, crlf  int64
}

// MaxLine is what a line may have, octets with its CRLF (RFC 5321 §4.5.3.1.6).
const MaxLine = 1000

// note looks at the next bytes: three passes, each at memory speed.
func (m *marks) note(p []byte) {
	if !m.nul {
		m.nul = bytes.IndexByte(p, 0) >= 0
	}
	if !m.high {
		m.high = hasHigh(p)
	}
	m.cr += int64(bytes.Count(p, []byte{'\r'}))
}

// hasHigh tells whether a byte above 127 is in p, 32 bytes at a time.
func hasHigh(p []byte) bool {
	const mask = 0x8080808080808080
	for len(p) >= 32 {
		q := p[:32]
		w := binary.LittleEndian.Uint64(q) | binary.LittleEndian.Uint64(q[8:]) |
			binary.LittleEndian.Uint64(q[16:]) | binary.LittleEndian.Uint64(q[24:])
		if w&mask != 0 {
			return true
		}
		p = p[32:]
	}
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
