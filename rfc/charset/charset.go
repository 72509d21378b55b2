// Package charset turns text in any charset that mail uses into UTF-8.
//
// Life: rfc/header calls it for encoded words and raw 8-bit fields, rfc/mime for bodies.
//
// Promises:
//   - What comes out is valid UTF-8. Bytes that can not be converted become U+FFFD, never "?".
//   - A label that is missing, unknown or plainly wrong is replaced by a guess from the bytes: UTF-8, then
//     windows-1256, ISO-8859-6 or windows-1252 by the frequency of letters.
//
// Limits: a reader looks at no more than guessBytes at a time; memory does not grow with the text.
// Failure: there is none; only the errors of the reader below are passed on.
//
// Standards: RFC 2978 (names), RFC 2046 §4.1.2, RFC 2152 (UTF-7), RFC 1557 (ISO-2022-KR), RFC 1922
// (ISO-2022-CN), RFC 3629 (UTF-8).
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

const replacement = "\uFFFD"

// Known tells whether text with this label can be converted without guessing. Labels are compared without
// regard to case: "Windows-1256", "cp1256" and "x-cp1256" are one charset.
func Known(label string) bool {
	c := lookup(label)
	return c.kind != unknown
}

// Decode converts b, which is said to be in the charset label, to UTF-8. An empty label means: not said.
func Decode(label string, b []byte) string {
	c := lookup(label)
	if c.kind == labelled {
		s := convert(believed(c.enc, b), b)
		if strings.Contains(s, replacement) {
			return repaired(s, b)
		}
		return s
	}
	return convertGuess(b)
}

// repaired is for text that does not fit its label: it gives a guess that fits better, or else s.
func repaired(s string, b []byte) string {
	if g := convertGuess(b); strings.Count(g, replacement) < strings.Count(s, replacement) {
		return g
	}
	return s
}

func convertGuess(b []byte) string {
	name := Guess(b)
	if name == nameUTF8 {
		return strings.ToValidUTF8(string(b), replacement)
	}
	return convert(lookup(name).enc, b)
}

func convert(e encoding.Encoding, b []byte) string {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil { // our decoders never fail; x/text ones may at a cut sequence
		out = append(out, replacement...)
	}
	if !utf8.Valid(out) {
		out = bytes.ToValidUTF8(out, []byte(replacement))
	}
	return string(out)
}
