package text

import (
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// maxCollators bounds the languages whose collators are kept; those past it are made each time.
const maxCollators = 64

// Collation orders texts as readers of a language expect it. It is safe for concurrent use; the zero value is
// ready.
type Collation struct {
	mu  sync.Mutex
	all map[language.Tag]*sync.Pool
}

// collator is a collate.Collator with its buffer, for one goroutine at a time.
type collator struct {
	c   *collate.Collator
	buf collate.Buffer
}

// Key adds the collation key of s in locale, such as "fa" or "ar-EG", to dst: keys compare as bytes. The order of
// an unknown locale is that of the Unicode root collation. Numbers in texts are ordered by value.
func (c *Collation) Key(dst []byte, locale, s string) []byte {
	p := c.pool(locale)
	k := p.Get().(*collator)
	defer p.Put(k)
	defer k.buf.Reset()
	return append(dst, k.c.KeyFromString(&k.buf, s)...)
}

// Compare orders a and b: negative if a comes first. Texts that collate as equal are ordered by their bytes.
func (c *Collation) Compare(locale, a, b string) int {
	p := c.pool(locale)
	k := p.Get().(*collator)
	defer p.Put(k)
	if d := k.c.CompareString(a, b); d != 0 {
		return d
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (c *Collation) pool(locale string) *sync.Pool {
	tag := language.Make(locale)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.all[tag]; p != nil {
		return p
	}
	p := &sync.Pool{New: func() any { return &collator{c: collate.New(tag, collate.Numeric)} }}
	if c.all == nil {
		c.all = map[language.Tag]*sync.Pool{}
	}
	if len(c.all) < maxCollators {
		c.all[tag] = p
	}
	return p
}
