package imap

import (
	"math/bits"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Matcher matches mailbox names against one LIST pattern, in time linear in the name for patterns of up
// to 64 bytes and proportional to both above that: all positions of the pattern are kept in one bit set.
type Matcher struct {
	lits  string
	any   []uint64 // positions that "*" lets stay, over every byte
	level []uint64 // positions that "%" lets stay, but for the delimiter
	cur   []uint64
	next  []uint64
}

// Delimiter parts the levels of a mailbox name.
const Delimiter = '/'

// NewMatcher prepares pattern, "*" being anything and "%" anything but the delimiter (RFC 3501 §6.3.8). The
// pattern is put into the form that names are kept in, NFC (RFC 9051 §5.1).
func NewMatcher(pattern string) *Matcher {
	pattern = norm.NFC.String(pattern)
	n := len(pattern)/64 + 1
	m := &Matcher{any: make([]uint64, n), level: make([]uint64, n), cur: make([]uint64, n), next: make([]uint64, n)}
	var lits []byte
	for i := 0; i < len(pattern); i++ {
		at, bit := len(lits)/64, uint64(1)<<(len(lits)%64)
		switch pattern[i] {
		case '*':
			m.any[at] |= bit
		case '%':
			m.level[at] |= bit
		default:
			lits = append(lits, pattern[i])
		}
	}
	m.lits = string(lits)
	return m
}

// Match reports whether the pattern matches all of name. A first level INBOX is met in any case, as it is by
// commands that take a name: LIST interprets its arguments the same way (RFC 3501 §6.3.8).
func (m *Matcher) Match(name string) bool {
	clear(m.cur)
	m.cur[0] = 1
	folded := 0 // so many bytes of the name are met in any case
	if first, _, _ := strings.Cut(name, string(Delimiter)); first == "INBOX" {
		folded = len(first)
	}
	for i := 0; i < len(name); i++ {
		m.step(name[i], i < folded)
	}
	n := len(m.lits)
	return m.cur[n/64]&(1<<(n%64)) != 0
}

// step moves every position over one byte of the name; fold is for a capital that is met by a small letter, too.
func (m *Matcher) step(c byte, fold bool) {
	for w := range m.next {
		m.next[w] = m.cur[w] & m.any[w]
		if c != Delimiter {
			m.next[w] |= m.cur[w] & m.level[w]
		}
	}
	for w, set := range m.cur {
		for ; set != 0; set &= set - 1 {
			at := w*64 + bits.TrailingZeros64(set)
			if at < len(m.lits) && (m.lits[at] == c || fold && m.lits[at] == c|0x20) {
				m.next[(at+1)/64] |= 1 << ((at + 1) % 64)
			}
		}
	}
	m.cur, m.next = m.next, m.cur
}
