package text

import (
	"bytes"
	"errors"
	"io"
)

// matcherPiece is how much text of a stream is looked at together, bytes.
const matcherPiece = 32 << 10

// Matcher looks for needles in texts, in time linear in the texts for each needle. A text may be a stream; of
// it no more is kept than matcherPiece and the longest needle. It is for one goroutine and can be used again.
type Matcher struct {
	needles []*Needle
	found   []bool
	left    int
	longest int
	joined  []byte // folded text, ZWNJ dropped
	spaced  []byte // the same with spaces for ZWNJ; empty as long as there was none
	piece   []byte
}

// NewMatcher makes a Matcher for needles. It has found the empty ones already.
func NewMatcher(needles ...*Needle) *Matcher {
	m := &Matcher{needles: needles, found: make([]bool, len(needles))}
	for _, n := range needles {
		for _, f := range n.forms {
			m.longest = max(m.longest, len(f))
		}
	}
	m.Reset()
	return m
}

// Reset forgets what was found.
func (m *Matcher) Reset() {
	m.left = len(m.needles)
	for i, n := range m.needles {
		if m.found[i] = len(n.forms[0]) == 0; m.found[i] {
			m.left--
		}
	}
}

// Found tells whether the i-th needle was in a text since Reset.
func (m *Matcher) Found(i int) bool { return m.found[i] }

// Left is how many needles were not found yet.
func (m *Matcher) Left() int { return m.left }

// Look looks for the needles of which only says so, for all if it is nil, in a whole text.
func (m *Matcher) Look(s string, only []bool) {
	if m.left == 0 {
		return
	}
	m.joined = Fold(m.joined[:0], s)
	m.look(m.joined, only)
	if hasNonJoiner(s) {
		m.spaced = FoldSpaced(m.spaced[:0], s)
		m.look(m.spaced, only)
	}
}

// Read looks for the needles in all of r, as Look does. It ends early when all are found.
func (m *Matcher) Read(r io.Reader, only []bool) error {
	if m.piece == nil {
		m.piece = make([]byte, matcherPiece)
	}
	m.joined, m.spaced = m.joined[:0], m.spaced[:0]
	both := false // spaced is kept too
	for rest := 0; m.left > 0; {
		n, err := io.ReadFull(r, m.piece[rest:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		have := m.piece[:rest+n]
		cut := len(have)
		if !last {
			cut = SafeCut(have)
		}
		if !both && hasNonJoiner(have[:cut]) {
			both = true
			m.spaced = append(m.spaced[:0], m.joined...)
		}
		m.joined = m.slide(m.joined, have[:cut], dropNonJoiner, only)
		if both {
			m.spaced = m.slide(m.spaced, have[:cut], spaceNonJoiner, only)
		}
		if last {
			return nil
		}
		rest = copy(m.piece, have[cut:])
	}
	return nil
}

// slide adds text to what is kept of a stream, looks, and keeps what a needle that is not all there needs.
func (m *Matcher) slide(kept, text []byte, zw nonJoiner, only []bool) []byte {
	kept = fold(kept, nil, text, zw)
	m.look(kept, only)
	if len(kept) > m.longest {
		kept = append(kept[:0], kept[len(kept)-m.longest:]...)
	}
	return kept
}

func (m *Matcher) look(folded []byte, only []bool) {
	for i, n := range m.needles {
		if m.found[i] || only != nil && !only[i] {
			continue
		}
		for _, f := range n.forms {
			if bytes.Contains(folded, f) {
				m.found[i] = true
				m.left--
				break
			}
		}
	}
}

func hasNonJoiner[T bytesOrString](s T) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == 0xE2 && s[i+1] == 0x80 && s[i+2] == 0x8C {
			return true
		}
	}
	return false
}

// Unfind takes back that the i-th needle was found, also if it is empty: it is then in the next text looked at.
func (m *Matcher) Unfind(i int) {
	if m.found[i] {
		m.found[i] = false
		m.left++
	}
}
