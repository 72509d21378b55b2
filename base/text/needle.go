package text

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxNeedleBytes is the longest text that should be made a Needle; callers refuse longer ones.
const MaxNeedleBytes = 4 << 10

// Needle is a text to be found in others as a substring, folded, with the spellings that mean the same:
//
//   - a ZWNJ in the needle or the text matches itself, nothing and a space: می‌خواهم, میخواهم, می خواهم. Those of a needle
//     may be written in different ways, up to maxMixed; those of a text count as all joined or all spaces;
//   - a word with the Arabic article finds the word without it: والتقرير finds تقرير. The other way round every
//     substring does. Only the article and what stands before it is taken off, and only if four letters are left:
//     single letters as in وزير or كتاب are part of too many words;
//   - a few words that are written with hamza on different seats: مسئول and مسؤول.
//
// It is immutable.
type Needle struct{ forms [][]byte }

// NewNeedle makes a Needle. The empty one is in every text.
func NewNeedle(s string) *Needle {
	n := &Needle{}
	n.add(Fold(nil, s))
	if strings.ContainsRune(s, zwnj) {
		n.add(FoldSpaced(nil, s))
		for _, mixed := range mixedSpaces(s) {
			n.add(Fold(nil, mixed))
		}
	}
	for _, f := range n.forms {
		n.add(eachWord(f, respell))
	}
	for _, f := range n.forms {
		n.add(eachWord(f, withoutArticle))
	}
	return n
}

// maxMixed is how many ZWNJ are written as a space and as nothing side by side: mail has words in both ways.
const maxMixed = 3

// mixedSpaces gives s with each ZWNJ as a space or as it is, in all ways but the two that are the same for all.
func mixedSpaces(s string) (out []string) {
	pieces := strings.Split(s, string(zwnj))
	gaps := len(pieces) - 1
	if gaps > maxMixed {
		return nil
	}
	for ways := 1; ways < 1<<gaps-1; ways++ {
		mixed := pieces[0]
		for i, p := range pieces[1:] {
			if ways>>i&1 != 0 {
				mixed += " "
			} else {
				mixed += string(zwnj)
			}
			mixed += p
		}
		out = append(out, mixed)
	}
	return out
}

func (n *Needle) add(form []byte) {
	if !slices.ContainsFunc(n.forms, func(f []byte) bool { return bytes.Equal(f, form) }) {
		n.forms = append(n.forms, form)
	}
}

// Forms are the folded texts of which one must be in the folded text; the first is the needle as it was given.
// They are not to be changed.
func (n *Needle) Forms() [][]byte { return n.forms }

// In tells whether the needle is in s.
func (n *Needle) In(s string) bool {
	m := NewMatcher(n)
	m.Look(s, nil)
	return m.Found(0)
}

// eachWord rewrites the words of a folded text.
func eachWord(b []byte, rewrite func(word string) string) []byte {
	classes := theClasses()
	var out []byte
	for s := string(b); s != ""; {
		i := strings.IndexFunc(s, func(r rune) bool { return classes.of(r) != letter })
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			out = append(out, rewrite(s[:i])...)
			s = s[i:]
			continue
		}
		_, n := utf8.DecodeRuneInString(s)
		out = append(out, s[:n]...)
		s = s[n:]
	}
	return out
}

// articles are the Arabic article with what is written together with it, folded, longest first.
var articles = [...]string{"وبال", "فبال", "وكال", "وال", "فال", "بال", "كال", "ولل", "فلل", "ال", "لل"}

// proclitics are all that may be written before an Arabic word, folded.
var proclitics = [...]string{"و", "ف", "ب", "ك", "ل", "ال", "وال", "فال", "بال", "كال", "لل", "وبال", "ولل", "وب", "ول", "وك"}

// stemLetters is how many letters a word must have left when its article is taken off.
const stemLetters = 4

// withoutArticle takes the article off.
func withoutArticle(word string) string {
	for _, a := range articles {
		if stem, ok := strings.CutPrefix(word, a); ok && utf8.RuneCountInString(stem) >= stemLetters {
			return stem
		}
	}
	return word
}

// Proclitics gives the words that are word with something written before it: for تقرير also التقرير, والتقرير
// and so on. word is folded; it gives nil if it is not Arabic.
func Proclitics(word string) (out []string) {
	if r, _ := utf8.DecodeRuneInString(word); r < 0x620 || r > 0x6ff || utf8.RuneCountInString(word) < 3 {
		return nil
	}
	for _, p := range proclitics {
		out = append(out, p+word)
	}
	return out
}

// spellings are beginnings of words that are written in two ways and mean the same, folded.
var spellings = [...][2]string{
	{"مسيول", "مسوول"}, // مسئول مسؤول
	{"مسيله", "مساله"}, // مسئله مسألة
	{"شيون", "شوون"},   // شئون شؤون
	{"ريوس", "رووس"},   // رئوس رؤوس
	{"ريوف", "رووف"},   // رئوف رؤوف
	{"مريوس", "مرووس"}, // مرئوس مرؤوس
	{"هييت", "هيات"},   // هیئت هیأت
	{"نشيت", "نشات"},   // نشئت نشأت
	{"جريت", "جرات"},   // جرئت جرأت
	{"سيوال", "سوال"},  // سئوال سؤال
	{"موونت", "ميونت"}, // مؤونت مئونت
}

// respell writes a word the other way if it is one of those, also behind an article.
func respell(word string) string {
	stem := withoutArticle(word)
	before := word[:len(word)-len(stem)]
	for _, p := range spellings {
		for i := range p {
			if rest, ok := strings.CutPrefix(stem, p[i]); ok {
				return before + p[1-i] + rest
			}
		}
	}
	return word
}
