package text

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// MaxTerm is the longest term, bytes. A longer word gives terms that overlap by half: every piece of it of up to
// MaxPiece bytes lies inside one of them, its beginning in the first, its end in the last.
const (
	MaxTerm  = 64
	MaxPiece = MaxTerm / 2
)

// class says what a folded character is for words.
type class byte

const (
	between class = iota // no part of a word
	letter
	figure // a digit
	paired // of a script without spaces
	symbol // a term of its own
	joiner // ZWNJ
	point  // "." joins digits
)

// classes of the characters of the table.
type classTable [tableEnd]class

var theClasses = sync.OnceValue(func() *classTable {
	var t classTable
	for r := range rune(tableEnd) {
		t[r] = classify(r)
	}
	return &t
})

func (t *classTable) of(r rune) class {
	switch {
	case r < tableEnd:
		return t[r]
	case r < 0xA000:
		return paired
	case r >= 0xAC00 && r < 0xD7A4:
		return letter
	}
	return classify(r)
}

func classify(r rune) class {
	switch {
	case r == zwnj:
		return joiner
	case r == '.':
		return point
	case r >= '0' && r <= '9':
		return figure
	case unicode.In(r, pairedScripts...) || r == 'ー':
		return paired
	case unicode.In(r, unicode.L, unicode.M, unicode.N):
		return letter
	case unicode.Is(unicode.So, r):
		return symbol
	}
	return between
}

// pairedScripts are written without spaces between words: each two neighbours are a term.
var pairedScripts = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// Splitter cuts text into the terms of its words, which it folds. Where a word begins and ends depends on
// neighbouring characters alone, so a piece of a text has the words that the text has there, but for those at
// its ends. It is for one goroutine.
//
//   - A word is letters, digits and marks; "." between digits is part of it: 3.14, 192.0.2.1. Of addresses and
//     domain names each part is a word.
//   - Of a word with ZWNJ the joined form and each part are terms at one place.
//   - In scripts without spaces each two neighbours are a term; a character that stands alone is one.
//   - Emoji and other pictures are terms.
type Splitter struct {
	// Emit gets each term, valid until it returns, and the number of the word it belongs to.
	Emit func(term []byte, place uint32)
	// Place is the number of the next word. It may be raised to mark a gap.
	Place uint32

	whole, part windows
	last        class // of the last character of the word that is open
	dot         bool  // a point behind a digit, of which it is not known yet whether it joins
	cut         bool  // a ZWNJ stands behind the last character
	parts       bool  // the word has a ZWNJ
	pair        []byte
	run         int // characters of the run of a paired script
	rest        []byte
	folded      []byte
}

// Write takes the next piece of a text, which may end anywhere.
func (p *Splitter) Write(b []byte) (int, error) {
	n := len(b)
	if len(p.rest) > 0 {
		b = append(p.rest, b...)
	}
	cut := SafeCut(b)
	p.split(b[:cut])
	p.rest = append(p.rest[:0], b[cut:]...)
	return n, nil
}

// End ends the text: what is written next is another.
func (p *Splitter) End() {
	p.split(p.rest)
	p.rest = p.rest[:0]
	p.endWord()
	p.endRun()
}

// Split is Write and End of a whole text.
func (p *Splitter) Split(s string) {
	_, _ = p.Write([]byte(s))
	p.End()
}

func (p *Splitter) split(b []byte) {
	p.folded = fold(p.folded[:0], nil, b, keepNonJoiner)
	classes := theClasses()
	for s := p.folded; len(s) > 0; {
		r, n := rune(s[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(s)
		}
		p.next(classes.of(r), s[:n])
		s = s[n:]
	}
}

// next takes one folded character.
func (p *Splitter) next(c class, s []byte) {
	if p.dot && c != joiner {
		p.dot = false
		if c == figure {
			p.addPoint()
		} else {
			p.endWord()
		}
	}
	switch c {
	case letter, figure:
		p.endRun()
		p.joinParts()
		p.whole.add(p, s...)
		p.part.add(p, s...)
		p.last = c
	case point:
		p.endRun()
		if p.dot = p.last == figure; !p.dot {
			p.endWord()
		}
	case joiner:
		p.cut = true
	case paired:
		p.endWord()
		p.nextPaired(s)
	case symbol:
		p.endWord()
		p.endRun()
		p.Emit(s, p.Place)
		p.Place++
	default:
		p.endWord()
		p.endRun()
	}
}

// addPoint joins two digits. With a ZWNJ beside it, it does so in the joined form only.
func (p *Splitter) addPoint() {
	if p.cut {
		p.joinParts()
	} else {
		p.part.add(p, '.')
	}
	p.whole.add(p, '.')
}

// joinParts ends a part if a ZWNJ stood before the character that comes.
func (p *Splitter) joinParts() {
	if p.cut && p.whole.open() {
		p.parts = true
		p.part.end(p)
	}
	p.cut = false
}

// endWord ends the word that is open, if there is one.
func (p *Splitter) endWord() {
	if p.whole.open() {
		p.whole.end(p)
		if p.parts {
			p.part.end(p)
		}
		p.Place++
		p.cut = false
	}
	p.whole.clear()
	p.part.clear()
	p.last, p.dot, p.parts = between, false, false
}

// nextPaired takes a character of a script without spaces.
func (p *Splitter) nextPaired(s []byte) {
	if p.run > 0 {
		if p.cut { // the same typed with a space has both alone
			p.Emit(p.pair, p.Place)
		}
		n := len(p.pair)
		p.pair = append(p.pair, s...)
		p.Emit(p.pair, p.Place)
		p.pair = append(p.pair[:0], p.pair[n:]...)
		if p.cut {
			p.Emit(p.pair, p.Place)
		}
		p.Place++
	} else {
		p.pair = append(p.pair[:0], s...)
	}
	p.cut = false
	p.run++
}

// endRun ends a run of a script without spaces.
func (p *Splitter) endRun() {
	if p.run == 1 {
		p.Emit(p.pair, p.Place)
		p.Place++
	}
	if p.run > 0 {
		p.run, p.cut = 0, false
	}
}

// windows collects a word and emits it, in overlapping windows if it is long.
type windows struct{ b []byte }

func (w *windows) open() bool { return len(w.b) > 0 }

func (w *windows) clear() { w.b = w.b[:0] }

func (w *windows) add(p *Splitter, s ...byte) {
	w.b = append(w.b, s...)
	for len(w.b) >= 2*MaxTerm {
		w.shift(p)
	}
}

// shift emits the first window and drops what the next ones do not need.
func (w *windows) shift(p *Splitter) {
	if w == &p.whole || p.parts {
		p.Emit(w.b[:MaxTerm], p.Place)
	}
	w.b = append(w.b[:0], w.b[MaxPiece:]...)
}

// end emits what is left.
func (w *windows) end(p *Splitter) {
	b := w.b
	for len(b) > MaxTerm {
		p.Emit(b[:MaxTerm], p.Place)
		b = b[min(MaxPiece, len(b)-MaxTerm):]
	}
	if len(b) > 0 {
		p.Emit(b, p.Place)
	}
	w.b = w.b[:0]
}
