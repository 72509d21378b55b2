package text

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// entry is what Fold makes of one character.
//
// The low 21 bits are the character it becomes, or an index into folding.long.
type entry uint32

const (
	payload entry = 1<<21 - 1
	// entDrop: the character vanishes.
	entDrop entry = 1 << (21 + iota)
	// entLong: it becomes more than one character.
	entLong
	// entJoins: characters behind it may join with it into another one (hangul, kana, й), so it is looked at
	// together with those.
	entJoins
	// entFollows: it may join with one that joins.
	entFollows
	// entMark: a combining mark that is dropped, but for й and the like.
	entMark
)

// The characters that have their entry in a table; others are worked out when they come.
const (
	tableEnd = 0x3400
	presLo   = 0xF900 // compatibility and presentation forms
	presHi   = 0x10000
)

// folding holds the entries, made once.
type folding struct {
	low  [tableEnd]entry
	pres [presHi - presLo]entry
	long []string
	of   map[string]entry // index of long
}

// theFolding makes the table at first use: 20,000 characters, some milliseconds.
var theFolding = sync.OnceValue(func() *folding {
	f := &folding{of: map[string]entry{}}
	for r := range rune(tableEnd) {
		f.low[r] = f.work(r)
	}
	for r := rune(presLo); r < presHi; r++ {
		f.pres[r-presLo] = f.work(r)
	}
	return f
})

// entry gives the entry of r and, for what stands in no table, the text it becomes if it is longer than a
// character.
func (f *folding) entry(r rune) (entry, string) {
	switch {
	case r < tableEnd:
		e := f.low[r]
		if e&entLong != 0 {
			return e, f.long[e&payload]
		}
		return e, ""
	case r < 0xA000: // ideographs and hexagrams stay as they are
		return entry(r), ""
	case r >= 0xAC00 && r < 0xD7A4: // hangul syllables
		return entry(r) | entJoins, ""
	case r >= presLo && r < presHi:
		e := f.pres[r-presLo]
		if e&entLong != 0 {
			return e, f.long[e&payload]
		}
		return e, ""
	}
	return resolve(r)
}

// work is resolve with long texts put into the table.
func (f *folding) work(r rune) entry {
	e, s := resolve(r)
	if e&entLong == 0 {
		return e
	}
	i, ok := f.of[s]
	if !ok {
		i = entry(len(f.long))
		f.long = append(f.long, s)
		f.of[s] = i
	}
	return e&^payload | i
}

// resolve works out what becomes of r when nothing that joins follows.
func resolve(r rune) (entry, string) {
	if r >= 0xD800 && r < 0xE000 {
		return entry(utf8.RuneError), ""
	}
	if vanishes(r) {
		return entDrop | entFollows, ""
	}
	if droppedMark(r) {
		return entDrop | entFollows | entMark, ""
	}
	if d, ok := digit(r); ok {
		return entry(d), ""
	}
	s := string(r)
	if out, ok := direct(norm.NFKD.String(s)); ok {
		return pack(out, 0)
	}
	var flags entry = entJoins
	if !norm.NFKC.PropertiesString(s).BoundaryBefore() {
		flags |= entFollows
	}
	var out []byte
	for _, x := range norm.NFKC.String(s) {
		if !vanishes(x) && !droppedMark(x) {
			out = appendJoined(out, x)
		}
	}
	return pack(out, flags)
}

func pack(out []byte, flags entry) (entry, string) {
	if len(out) == 0 {
		return entDrop | entFollows, ""
	}
	if r, n := utf8.DecodeRune(out); n == len(out) {
		return entry(r) | flags, ""
	}
	return entLong | flags, string(out)
}

// direct folds a decomposed character of the scripts whose letters lose their marks. ok is false for others.
func direct(decomposed string) (out []byte, ok bool) {
	for _, x := range decomposed {
		switch {
		case vanishes(x), droppedMark(x):
		case !unicode.In(x, directScripts...):
			return nil, false
		default:
			out = appendCase(out, x)
		}
	}
	return out, true
}

// directScripts are those in which no letter that is kept is made of two characters.
var directScripts = []*unicode.RangeTable{
	unicode.Common, unicode.Latin, unicode.Greek, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Han,
	unicode.Armenian, unicode.Georgian, unicode.Coptic, unicode.Cherokee,
}

// vanishes tells whether r is dropped wherever it stands: what can not be seen, the lone hamza, the tatweel.
func vanishes(r rune) bool {
	switch r {
	case 'ء', 'ـ', 0x0674: // hamza, tatweel, high hamza
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// droppedMark tells whether r is a mark that is no letter of its own.
func droppedMark(r rune) bool {
	if r < 0x300 || !unicode.In(r, unicode.Mn, unicode.Me) || r == 0x3099 || r == 0x309A {
		return false
	}
	return unicode.In(r, unicode.Inherited, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Latin, unicode.Greek,
		unicode.Common, unicode.Cyrillic, unicode.Coptic)
}

// digit gives the ASCII digit that r is in some script.
func digit(r rune) (rune, bool) {
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10, true
		}
	}
	return 0, false
}

// appendCase adds x, a character without marks, in the form that all its variants share.
func appendCase(out []byte, x rune) []byte {
	switch x {
	case 'أ', 'إ', 'آ', 'ٱ', 'ٲ', 'ٳ':
		x = 'ا'
	case 'ى', 'ی', 'ې', 'ئ', 'ۍ', 'ێ', 'ۑ':
		x = 'ي'
	case 'ک', 'ڪ':
		x = 'ك'
	case 'ة', 'ۀ', 'ە', 'ہ', 'ھ', 'ۃ', 'ۂ':
		x = 'ه'
	case 'ؤ':
		x = 'و'
	case 'ß', 'ẞ':
		return append(out, "ss"...)
	case 'æ', 'Æ':
		return append(out, "ae"...)
	case 'œ', 'Œ':
		return append(out, "oe"...)
	case 'ø', 'Ø':
		x = 'o'
	case 'đ', 'Đ':
		x = 'd'
	case 'ł', 'Ł':
		x = 'l'
	case 'ħ', 'Ħ':
		x = 'h'
	}
	return utf8.AppendRune(out, unicode.ToLower(unicode.ToUpper(x)))
}

// appendJoined adds x, a character of a script whose marks are kept.
func appendJoined(out []byte, x rune) []byte {
	switch x {
	case 'ё', 'Ё', 'ѐ', 'Ѐ':
		x = 'е'
	case 'ѝ', 'Ѝ':
		x = 'и'
	}
	if d, ok := digit(x); ok {
		x = d
	}
	return appendCase(out, x)
}
