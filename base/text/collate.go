package text

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// maxCollators bounds the languages whose collators are kept; those past it are made each time.
const maxCollators = 64

// Collation orders texts as readers of a language expect it: as CLDR has it, with the language's own script before all
// others. It is safe for concurrent use; the zero value is ready.
type Collation struct {
	mu  sync.Mutex
	all map[language.Tag]*sync.Pool
}

// Key adds the collation key of s in locale, such as "fa" or "ar-EG", to dst: keys compare as bytes. The order of
// an unknown locale is that of the Unicode root collation. Numbers in texts are ordered by value; capitals and small
// letters count alike.
func (c *Collation) Key(dst []byte, locale, s string) []byte {
	p := c.pool(locale)
	k := p.Get().(*collator)
	defer p.Put(k)
	return k.key(dst, s)
}

func (c *Collation) pool(locale string) *sync.Pool {
	tag := language.Make(locale)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.all[tag]; p != nil {
		return p
	}
	own := newOwnScript(tag)
	p := &sync.Pool{New: func() any { return newCollator(tag, own) }}
	if c.all == nil {
		c.all = map[language.Tag]*sync.Pool{}
	}
	if len(c.all) < maxCollators {
		c.all[tag] = p
	}
	return p
}

// collator makes keys, for one goroutine at a time.
type collator struct {
	c      *collate.Collator
	buf    collate.Buffer
	own    ownScript
	casing unicode.SpecialCase
	alike  *strings.Replacer // letters that differ only if nothing else does; nil: the collator knows
}

func newCollator(tag language.Tag, own ownScript) *collator {
	k := &collator{c: collate.New(tag, collate.Numeric), own: own}
	switch base, _ := tag.Base(); base.String() {
	case "ar":
		k.alike = arabicAlike
	case "tr", "az":
		k.casing = unicode.TurkishCase
	}
	return k
}

// arabicAlike is what CLDR has for Arabic and the collator does not know: the hamza is one letter on whatever seat, and
// with the alef the first of the alphabet; آ is two of it.
var arabicAlike = strings.NewReplacer(
	"أ", "ا", "إ", "ا", "ؤ", "ا", "ئ", "ا", "ء", "ا", "ٱ", "ا", "آ", "اا", "ى", "ي", "ی", "ي", "ة", "ت",
)

func (k *collator) key(dst []byte, s string) []byte {
	defer k.buf.Reset()
	s = strings.ToLowerSpecial(k.casing, s)
	if k.alike != nil {
		s = norm.NFC.String(s)
		key := k.c.KeyFromString(&k.buf, k.alike.Replace(s))
		dst = append(k.own.first(dst, key[:endOfPrimaries(key)]), 0, 0)
	}
	return k.own.first(dst, k.c.KeyFromString(&k.buf, s))
}

// ownScript brings a script in front of all others (CLDR: "[reorder Arab]"), by the primary weights in keys: those from lo to
// hi come to where letters begin. The zero value leaves keys as they are.
type ownScript struct{ begin, lo, hi uint32 }

// scriptLetters are the letters of scripts, from the first to the last that the collator knows.
var scriptLetters = map[string][2]rune{
	"Arab": {0x620, 0x6d3}, "Hebr": {0x5d0, 0x5ea}, "Cyrl": {0x400, 0x4ff}, "Grek": {0x391, 0x3c9},
}

func newOwnScript(tag language.Tag) (o ownScript) {
	script, _ := tag.Script()
	letters, ok := scriptLetters[script.String()]
	if !ok {
		return o
	}
	k := collator{c: collate.New(tag)}
	end := k.weight('z')
	for r := letters[0]; r <= letters[1]; r++ {
		w := k.weight(r)
		if !unicode.IsLetter(r) || w <= end {
			continue
		}
		if o.lo == 0 || w < o.lo {
			o.lo = w
		}
		o.hi = max(o.hi, w)
	}
	o.begin = k.weight('a')
	return o
}

// weight is the first primary weight of a character, 0 for none.
func (k *collator) weight(r rune) uint32 {
	defer k.buf.Reset()
	w, _ := primary(k.c.KeyFromString(&k.buf, string(r)))
	return w
}

// first adds key to dst with the weights of the script in front.
func (o ownScript) first(dst, key []byte) []byte {
	for o.hi > 0 && len(key) > 0 {
		w, n := primary(key)
		if w == 0 { // other levels begin
			break
		}
		switch {
		case o.lo <= w && w <= o.hi:
			w -= o.lo - o.begin
		case o.begin <= w && w < o.lo:
			w += o.hi - o.lo + 1
		}
		dst = appendPrimary(dst, w)
		key = key[n:]
	}
	return append(dst, key...)
}

// endOfPrimaries is where the other levels of a key begin.
func endOfPrimaries(key []byte) int {
	for i := 0; i < len(key); {
		w, n := primary(key[i:])
		if w == 0 {
			return i
		}
		i += n
	}
	return len(key)
}

// primary reads a weight as collate writes it: in two bytes, or with the highest bit set in three. No weight is 0.
func primary(key []byte) (w uint32, n int) {
	switch {
	case len(key) >= 3 && key[0]&0x80 != 0:
		return uint32(key[0]&0x7f)<<16 | uint32(key[1])<<8 | uint32(key[2]), 3
	case len(key) >= 2:
		return uint32(key[0])<<8 | uint32(key[1]), 2
	}
	return 0, len(key)
}

func appendPrimary(dst []byte, w uint32) []byte {
	if w <= 0x7fff {
		return append(dst, byte(w>>8), byte(w))
	}
	return append(dst, byte(w>>16)|0x80, byte(w>>8), byte(w))
}
