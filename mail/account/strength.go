package account

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minPassword  = 10 // characters
	minEffective = 9  // characters that are not repeats or steps of a sequence
	minDistinct  = 5  // different characters
	minName      = 4  // characters of a name that a password may not be made of
)

// common are words that guessers try first, one a line, in the form that plain gives.
//
//go:embed common.txt
var common string

// rows are sequences that fingers or minds follow.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv",
	"ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "الفبپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی", "ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩",
}

// CheckPassword tells whether a password is hard enough to guess for an account of that name; else it is an
// ErrInvalid that says why. It looks at length, at words that are tried first, at the name, and at repeats and
// sequences; a sentence or a random word of minPassword characters passes.
func CheckPassword(name, password string) error {
	weak := func(why string, args ...any) error {
		return ErrInvalid{Kind: "account", Name: name, Field: "password", Why: fmt.Sprintf(why, args...)}
	}
	p, err := normalPassword(password)
	if err != nil {
		return weak("%v", err)
	}
	if n := utf8.RuneCountInString(p); n < minPassword {
		return weak("has %d characters, at least %d are needed", n, minPassword)
	}
	low := strings.ToLower(p)
	core := strings.TrimFunc(low, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, form := range []string{low, core, plain(low), plain(core)} {
		switch {
		case isCommon(form):
			return weak("is among the first that are tried")
		case madeOf(form, name):
			return weak("is made of the account's own name")
		}
	}
	if n := distinct(low); n < minDistinct {
		return weak("has only %d different characters", n)
	}
	if effective(low) < minEffective {
		return weak("is mostly repeats or a sequence such as 12345 or qwerty")
	}
	return nil
}

// plain undoes the usual replacements of letters by digits and signs.
func plain(s string) string {
	return strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").Replace(s)
}

// isCommon tells whether a word, or that word several times, is in the list.
func isCommon(s string) bool {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			s = s[:n]
			break
		}
	}
	return s != "" && strings.Contains("\n"+common, "\n"+s+"\n")
}

// madeOf tells whether what is left of s without the parts of the name is less than half of what a password needs.
func madeOf(s, name string) bool {
	rest := s
	for _, part := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if utf8.RuneCountInString(part) >= minName {
			rest = strings.ReplaceAll(rest, part, "")
		}
	}
	return len(rest) < len(s) && effective(rest) < minPassword/2
}

func distinct(s string) int {
	seen := make(map[rune]bool)
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// effective counts the characters that do not follow from the two before them: by repeating, or in a row of the
// alphabet or the keyboard, forwards or backwards.
func effective(s string) (n int) {
	rs := []rune(s)
	for i, r := range rs {
		if i >= 2 && (follows(rs[i-2], rs[i-1], r) || i >= 4 && again(rs[:i+1])) {
			continue
		}
		n++
	}
	return n
}

// follows tells whether c continues what a and b began.
func follows(a, b, c rune) bool {
	if a == b && b == c {
		return true
	}
	forwards, backwards := string([]rune{a, b, c}), string([]rune{c, b, a})
	for _, row := range rows {
		if strings.Contains(row, forwards) || strings.Contains(row, backwards) {
			return true
		}
	}
	return false
}

// again tells whether the last three characters stood there before: "barid1barid2".
func again(rs []rune) bool {
	last := string(rs[len(rs)-3:])
	return strings.Contains(string(rs[:len(rs)-3]), last)
}
