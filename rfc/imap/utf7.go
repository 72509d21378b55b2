package imap

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrName is a mailbox name that is not modified UTF-7 or can not be one.
var ErrName = errors.New("mailbox name is not modified UTF-7")

// MaxName is how many bytes a mailbox name on the wire may have.
const MaxName = 1000

// ErrLongName is a mailbox name of more than MaxName bytes.
var ErrLongName = errors.New("mailbox name is longer than 1000 bytes")

var utf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// DecodeName turns a mailbox name from the wire into UTF-8 (RFC 3501 §5.1.3). It is strict: a name has
// exactly one form on the wire, so that no two names look alike to one side and differ to the other.
func DecodeName(s string) (string, error) {
	if len(s) > MaxName {
		return "", ErrLongName
	}
	out := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c > 0x7e {
			return "", ErrName
		}
		if c != '&' {
			out = append(out, c)
			continue
		}
		end := i + 1
		for end < len(s) && s[end] != '-' {
			end++
		}
		if end == len(s) {
			return "", ErrName
		}
		var ok bool
		if out, ok = appendShifted(out, s[i+1:end]); !ok {
			return "", ErrName
		}
		i = end
	}
	if name := string(out); EncodeName(name) == s {
		return name, nil
	}
	return "", ErrName
}

// appendShifted adds what one "&...-" stands for.
func appendShifted(out []byte, run string) ([]byte, bool) {
	if run == "" {
		return append(out, '&'), true
	}
	raw, err := utf7.DecodeString(run)
	if err != nil || len(raw)%2 != 0 {
		return out, false
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			if i+3 >= len(raw) {
				return out, false
			}
			r = utf16.DecodeRune(r, rune(raw[i+2])<<8|rune(raw[i+3]))
			i += 2
			if r == utf8.RuneError {
				return out, false
			}
		}
		if r < 0x20 || r == 0x7f {
			return out, false
		}
		out = utf8.AppendRune(out, r)
	}
	return out, true
}

// EncodeName is the inverse of DecodeName. Bytes that are not UTF-8 become U+FFFD.
func EncodeName(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == '&' {
			plain = false
		}
	}
	if plain {
		return s
	}
	var out, run []byte
	flush := func() {
		if len(run) > 0 {
			out = append(utf7.AppendEncode(append(out, '&'), run), '-')
			run = run[:0]
		}
	}
	for _, r := range s {
		switch {
		case r == '&':
			flush()
			out = append(out, '&', '-')
		case r >= 0x20 && r <= 0x7e:
			flush()
			out = append(out, byte(r))
		default:
			for _, u := range utf16.AppendRune(nil, r) {
				run = append(run, byte(u>>8), byte(u))
			}
		}
	}
	flush()
	return string(out)
}

// Name reads a mailbox name and gives it in UTF-8; INBOX in any case is INBOX (RFC 3501 §5.1).
func (p *Parser) Name() string {
	name := p.decodeName(p.AString())
	if equalFold([]byte(name), "INBOX") {
		return "INBOX"
	}
	return name
}

// decodeName gives a name from the wire in UTF-8.
func (p *Parser) decodeName(s string) string {
	if p.err != nil {
		return ""
	}
	name, err := p.decode(s)
	switch {
	case err == ErrName: // of what is wrong with a name nothing is wrong with the command
		p.err = err
	case err != nil:
		p.fail(err.Error())
	}
	return name
}

// decode gives a name in UTF-8. Who says that UTF-8 is accepted takes it in names from everybody (RFC 6855 §3: "MUST accept
// UTF8-quoted mailbox names"): levels with it are UTF-8, the others are modified UTF-7, as a client has them that puts a
// name which it was told in front of one that was typed.
func (p *Parser) decode(s string) (string, error) {
	switch {
	case p.UTF8:
		return checkName(s)
	case isASCII(s):
		return DecodeName(s)
	}
	if _, err := checkName(s); err != nil {
		return "", err
	}
	levels := strings.Split(s, string(Delimiter))
	for i, level := range levels {
		if !isASCII(level) {
			continue
		}
		var err error
		if levels[i], err = DecodeName(level); err != nil {
			return "", err
		}
	}
	return strings.Join(levels, string(Delimiter)), nil
}

// ErrNetName is a mailbox name that is not UTF-8 without controls.
var ErrNetName = errors.New("mailbox name is not UTF-8")

// checkName takes a name as it is after a client chose UTF-8: "&" means nothing (RFC 9051 §5.1).
func checkName(s string) (string, error) {
	if len(s) > MaxName {
		return "", ErrLongName
	}
	if !utf8.ValidString(s) {
		return "", ErrNetName
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7f {
			return "", ErrNetName
		}
	}
	return s, nil
}

// Pattern reads the mailbox argument of LIST with its wildcards, in UTF-8.
func (p *Parser) Pattern() string { return p.decodeName(p.rawPattern()) }

// rawPattern is Pattern as it came.
func (p *Parser) rawPattern() string {
	if c := p.peek(); c == '"' || c == '{' {
		return p.String()
	}
	s := p.span(p.isPatternChar)
	if len(s) == 0 {
		p.fail("expected a mailbox pattern, found " + p.here())
	}
	return string(s)
}

// isPatternChar: list-char, and UTF-8 where names are.
func (p *Parser) isPatternChar(c byte) bool { return isListChar(c) || p.UTF8 && c >= 0x80 }
