package search

import (
	"io"
	"strings"

	"barid/base/text"
)

// Key is a text and where it is looked for.
type Key struct {
	In   Field
	Name string // with In == Header: only fields of that name; "" all that Header means. Case does not matter
	Text *text.Needle
}

// named tells for which field by name k is, "" for none.
func (k *Key) named() string {
	if k.In != Header {
		return ""
	}
	return strings.ToLower(k.Name)
}

// Scanner looks for keys in messages: the truth that Narrow comes close to. It is for one goroutine and reuses
// its memory.
type Scanner struct {
	keys   []Key
	match  *text.Matcher
	only   []bool
	colon  []bool // the needle can match a field's name
	anyCol bool
	out    []bool
}

// NewScanner makes a Scanner for keys.
func NewScanner(keys ...Key) *Scanner {
	s := &Scanner{keys: keys, only: make([]bool, len(keys)), colon: make([]bool, len(keys)), out: make([]bool, len(keys))}
	needles := make([]*text.Needle, len(keys))
	for i, k := range keys {
		needles[i] = k.Text
		s.colon[i] = k.named() == "" && k.In&(Header|Body) != 0 && meansName(k.Text)
		s.anyCol = s.anyCol || s.colon[i]
	}
	s.match = text.NewMatcher(needles...)
	return s
}

// meansName tells whether a needle can match the name of a field and the colon behind it.
func meansName(n *text.Needle) bool {
	for _, f := range n.Forms() {
		if name, rest, ok := strings.Cut(string(f), ":"); ok && name != "" && (rest == "" || rest[0] == ' ') {
			return true
		}
	}
	return false
}

// Scan tells which keys are in m. The slice is valid until the next call.
func (s *Scanner) Scan(m *Message) ([]bool, error) {
	s.match.Reset()
	s.hideNamed()
	err := m.walk(s)
	for i := range s.out {
		s.out[i] = s.match.Found(i)
	}
	return s.out, err
}

// hideNamed makes keys for a field by name with an empty text wait for the field: they ask whether it is there.
func (s *Scanner) hideNamed() {
	for i := range s.keys {
		if s.keys[i].named() != "" {
			s.match.Unfind(i)
		}
	}
}

// choose notes which keys look at a text of f.
func (s *Scanner) choose(f Field, name string) (some bool) {
	for i := range s.keys {
		k := &s.keys[i]
		if want := k.named(); want != "" {
			s.only[i] = want == name && f != Body && f != File
		} else {
			s.only[i] = k.In&f != 0 && !opaque(name)
		}
		some = some || s.only[i] && !s.match.Found(i)
	}
	return some
}

func (s *Scanner) field(f Field, name, value string) bool {
	if s.choose(f, name) {
		s.match.Look(value, s.only)
		if s.anyCol {
			for i := range s.only {
				s.only[i] = s.only[i] && s.colon[i]
			}
			s.match.Look(name+": "+value, s.only)
		}
	}
	return s.match.Left() > 0
}

func (s *Scanner) text(f Field, r io.Reader) (more bool, err error) {
	if s.choose(f, "") {
		err = s.match.Read(r, s.only)
	}
	return s.match.Left() > 0, err
}
