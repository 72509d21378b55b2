package header

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"barid/rfc/charset"
)

// piece is a parameter as it stands in the field, or one part of a continued one (RFC 2231 §3).
type piece struct {
	name     string
	raw      []byte
	part     int  // number of the part, -1: not continued
	extended bool // the name ended with "*": raw is percent-encoded
	marked   bool // continued or extended
	order    int  // where it stood
}

// maxPartDigits bounds the number of a continuation.
const maxPartDigits = 6

// newPiece takes the marks off a name: "filename*1*", "filename*1", "filename*".
func newPiece(name, raw []byte) piece {
	x := piece{raw: raw, part: -1}
	star := bytes.IndexByte(name, '*')
	if star <= 0 {
		x.name = paramName(name)
		return x
	}
	x.marked = true
	mark := name[star+1:]
	x.name = paramName(name[:star])
	if len(mark) == 0 {
		x.extended = true
		return x
	}
	if mark[len(mark)-1] == '*' {
		x.extended = true
		mark = mark[:len(mark)-1]
	}
	n, ok := number(string(mark[:min(len(mark), maxPartDigits)]))
	if !ok || len(mark) > maxPartDigits {
		return piece{name: paramName(name), raw: raw, part: -1}
	}
	x.part = n
	return x
}

// joinPieces puts the parts of continued parameters together, in the order of their numbers; of two parts
// with one number the first counts. The parameter stands where its first part stood.
func joinPieces(pieces []piece) []Param {
	for i := range pieces {
		pieces[i].order = i
	}
	slices.SortStableFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(min(a.part, 0), min(b.part, 0)), cmp.Compare(a.part, b.part))
	})
	type placed struct {
		Param
		order int
	}
	var out []placed
	for len(pieces) > 0 {
		n := runLength(pieces)
		first := pieces[0].order
		for _, x := range pieces[:n] {
			first = min(first, x.order)
		}
		out = append(out, placed{assemble(pieces[:n]), first})
		pieces = pieces[n:]
	}
	slices.SortStableFunc(out, func(a, b placed) int { return cmp.Compare(a.order, b.order) })
	params := make([]Param, len(out))
	for i := range out {
		params[i] = out[i].Param
	}
	return params
}

// runLength counts the pieces that make one parameter with the first.
func runLength(pieces []piece) int {
	if pieces[0].part < 0 {
		return 1
	}
	n := 1
	for n < len(pieces) && pieces[n].name == pieces[0].name && pieces[n].part >= 0 {
		n++
	}
	return n
}

// assemble decodes the parts of one parameter.
func assemble(parts []piece) Param {
	p := Param{Name: parts[0].name}
	for _, x := range parts {
		p.Extended = p.Extended || x.extended
	}
	if !p.Extended {
		var raw []byte
		for i, x := range parts {
			if i == 0 || x.part != parts[i-1].part {
				raw = append(raw, x.raw...)
			}
		}
		p.Raw = string(raw)
		p.Value = DecodeWords(p.Raw)
		return p
	}
	set, prefix := "", []byte("''")
	if parts[0].extended {
		set, prefix, parts[0].raw = charsetOf(parts[0].raw)
	}
	raw, text := prefix, []byte(nil)
	for i, x := range parts {
		if i > 0 && x.part == parts[i-1].part {
			continue
		}
		if x.extended {
			raw = append(raw, x.raw...)
			text = appendPercent(text, x.raw)
		} else {
			raw = appendEscaped(raw, x.raw)
			text = append(text, x.raw...)
		}
	}
	p.Raw = string(raw)
	p.Value = oneLine(charset.Decode(set, text))
	return p
}

// charsetOf splits "charset'language'text"; prefix is the part with the quotes. Without two quotes all is text.
func charsetOf(raw []byte) (set string, prefix, text []byte) {
	a := bytes.IndexByte(raw, '\'')
	if a < 0 {
		return "", []byte("''"), raw
	}
	b := bytes.IndexByte(raw[a+1:], '\'')
	if b < 0 {
		return "", []byte("''"), raw
	}
	end := a + 1 + b + 1
	return string(raw[:a]), bytes.Clone(raw[:end]), raw[end:]
}

// appendPercent decodes %XX; a "%" without two hex digits stays.
func appendPercent(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0 {
			dst = append(dst, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}

// appendEscaped encodes text as attribute-char and %XX (RFC 2231 §7).
func appendEscaped(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		if isAtext(c) && c != '*' && c != '\'' && c != '%' || c == '.' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// paramPieceBytes is the length of one part of a continued parameter that we write.
const paramPieceBytes = 60

// AppendParam adds "; name=value" to dst for a field that AppendField will fold: a token or quoted-string if
// the value is ASCII, else the extended form of RFC 2231 §4, continued (§3) when it is long.
func AppendParam(dst []byte, name, value string) []byte {
	value = oneLine(value)
	dst = append(append(dst, "; "...), name...)
	if isASCIIText(value) {
		if isAtoms(value) && !bytes.ContainsAny([]byte(value), " =?/") {
			return append(append(dst, '='), value...)
		}
		return append(append(dst, '='), Quote(value)...)
	}
	if text := appendEscaped(nil, []byte(value)); len(text) <= paramPieceBytes {
		return append(append(dst, "*=utf-8''"...), text...)
	}
	return appendContinued(dst, name, value)
}

func appendContinued(dst []byte, name, value string) []byte {
	for i := 0; value != ""; i++ {
		n := charBoundary(value, paramPieceBytes/3)
		if i > 0 {
			dst = append(append(dst, "; "...), name...)
		}
		dst = append(strconv.AppendInt(append(dst, '*'), int64(i), 10), '*', '=')
		if i == 0 {
			dst = append(dst, "utf-8''"...)
		}
		dst = appendEscaped(dst, []byte(value[:n]))
		value = value[n:]
	}
	return dst
}
