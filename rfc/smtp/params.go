package smtp

import (
	"math"
	"strings"
)

// A SyntaxError is a command argument that can not be taken. Unknown tells a parameter that we do not
// know (555 5.5.4) from one that is malformed (501 5.5.4); RFC 5321 §4.1.1.11.
type SyntaxError struct {
	Unknown bool
	What    string // "SIZE", "ORCPT"...: printable, at most 40 octets
	Why     string
}

// Error gives "SIZE: not a number".
func (e *SyntaxError) Error() string { return e.What + ": " + e.Why }

func malformed(what, why string) error { return &SyntaxError{What: what, Why: why} }

// Lengths in octets on the wire that RFC 3461 §4 sets.
const (
	maxEnvID = 100
	maxORcpt = 500
)

// ParseMailParams reads what follows the path of MAIL: "SIZE=4096 BODY=8BITMIME". Spaces around it do
// not matter; keywords are case-insensitive, each may come once.
func ParseMailParams(s string, known Ext) (MailParams, error) {
	var p MailParams
	var seen Ext
	err := eachParam(s, func(key, value string, has bool) error {
		ext, bit := mailKeyword(key)
		if ext == 0 || known&ext == 0 {
			return unknown(key)
		}
		if seen&bit != 0 {
			return malformed(key, twice(bit))
		}
		seen |= bit
		if flag := bit&(bitUTF8|bitTLS) != 0; has == flag {
			return malformed(key, "wrong form")
		}
		return p.set(bit, key, value, known)
	})
	return p, err
}

// The keywords of MAIL, one bit each, so that a second one is seen.
const (
	bitSize Ext = 1 << iota
	bitBody
	bitUTF8
	bitRet
	bitEnvID
	bitAuth
	bitHold // HOLDFOR and HOLDUNTIL: only one of them may come (RFC 4865 §4)
	bitBy
	bitPriority
	bitTLS
)

// mailKeywords tell which extension a keyword belongs to and which bit marks it as seen.
var mailKeywords = [...]struct {
	key      string
	ext, bit Ext
}{
	{"SIZE", ExtSize, bitSize},
	{"BODY", Ext8BitMIME, bitBody},
	{"SMTPUTF8", ExtUTF8, bitUTF8},
	{"RET", ExtDSN, bitRet},
	{"ENVID", ExtDSN, bitEnvID},
	{"AUTH", ExtAuth, bitAuth},
	{"HOLDFOR", ExtHold, bitHold},
	{"HOLDUNTIL", ExtHold, bitHold},
	{"BY", ExtDeliverBy, bitBy},
	{"MT-PRIORITY", ExtPriority, bitPriority},
	{"REQUIRETLS", ExtTLS, bitTLS},
}

func mailKeyword(key string) (ext, bit Ext) {
	for i := range mailKeywords {
		if k := &mailKeywords[i]; strings.EqualFold(key, k.key) {
			return k.ext, k.bit
		}
	}
	return 0, 0
}

func (p *MailParams) set(bit Ext, key, value string, known Ext) (err error) {
	switch bit {
	case bitSize:
		p.Size, err = parseSize(value)
	case bitBody:
		p.Body, err = parseBody(value, known)
	case bitUTF8:
		p.UTF8 = true
	case bitRet:
		p.Ret, err = parseRet(value)
	case bitEnvID:
		if len(value) > maxEnvID {
			return malformed(key, "longer than 100 octets")
		}
		p.EnvID, err = decodeXtext(key, value)
	case bitAuth:
		p.Auth, err = decodeXtext(key, value)
	case bitHold:
		err = p.setHold(key, value)
	case bitBy:
		p.By, err = parseBy(value)
	case bitPriority:
		p.Priority, err = parsePriority(value)
	case bitTLS:
		p.RequireTLS = true
	}
	return err
}

// twice says why a second parameter of a kind can not be taken.
func twice(bit Ext) string {
	if bit == bitHold {
		return "only one of HOLDFOR and HOLDUNTIL may be given, once" // RFC 4865 §4
	}
	return "given twice"
}

// parseSize reads 1*20DIGIT (RFC 1870 §5). A number past 2^63-1 is taken as 2^63-1, so that it is
// refused for its size, not for its form.
func parseSize(s string) (int64, error) {
	if len(s) == 0 || len(s) > 20 {
		return 0, malformed("SIZE", "not a number of 1 to 20 digits")
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, malformed("SIZE", "not a number of 1 to 20 digits")
		}
		if n > (math.MaxInt64-uint64(d))/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + uint64(d)
	}
	return int64(n), nil
}

func parseBody(s string, known Ext) (string, error) {
	switch {
	case strings.EqualFold(s, Body7Bit):
		return Body7Bit, nil
	case strings.EqualFold(s, Body8BitMIME):
		return Body8BitMIME, nil
	case strings.EqualFold(s, BodyBinaryMIME) && known&ExtBinaryMIME != 0:
		return BodyBinaryMIME, nil
	}
	return "", malformed("BODY", "unknown value")
}

func parseRet(s string) (string, error) {
	switch {
	case strings.EqualFold(s, RetFull):
		return RetFull, nil
	case strings.EqualFold(s, RetHeaders):
		return RetHeaders, nil
	}
	return "", malformed("RET", "neither FULL nor HDRS")
}

// ParseRcptParams reads what follows the path of RCPT: "NOTIFY=NEVER ORCPT=rfc822;info@example.org".
func ParseRcptParams(s string, known Ext) (RcptParams, error) {
	var p RcptParams
	err := eachParam(s, func(key, value string, has bool) (err error) {
		notify, orcpt := strings.EqualFold(key, "NOTIFY"), strings.EqualFold(key, "ORCPT")
		switch {
		case known&ExtDSN == 0 || !notify && !orcpt:
			return unknown(key)
		case notify && p.Notify != 0, orcpt && p.ORcpt != "":
			return malformed(key, "given twice")
		case !has:
			return malformed(key, "wrong form")
		case notify:
			p.Notify, err = parseNotify(value)
		default:
			p.ORcpt, err = parseORcpt(value, known)
		}
		return err
	})
	return p, err
}

func parseNotify(s string) (Notify, error) {
	var n Notify
	for rest, more := s, true; more; {
		var word string
		word, rest, more = strings.Cut(rest, ",")
		bit := notifyBit(word)
		if bit == 0 || n&bit != 0 {
			return 0, malformed("NOTIFY", "unknown or repeated value")
		}
		n |= bit
	}
	if n&NotifyNever != 0 && n != NotifyNever {
		return 0, malformed("NOTIFY", "NEVER stands alone")
	}
	return n, nil
}

func notifyBit(s string) Notify {
	switch {
	case strings.EqualFold(s, "NEVER"):
		return NotifyNever
	case strings.EqualFold(s, "SUCCESS"):
		return NotifySuccess
	case strings.EqualFold(s, "FAILURE"):
		return NotifyFailure
	case strings.EqualFold(s, "DELAY"):
		return NotifyDelay
	}
	return 0
}

// String gives the value as NOTIFY wants it: "SUCCESS,FAILURE"; "" for zero.
func (n Notify) String() string {
	words := make([]string, 0, 4)
	for i, w := range []string{"NEVER", "SUCCESS", "FAILURE", "DELAY"} {
		if n&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return strings.Join(words, ",")
}

// parseORcpt reads addr-type ";" xtext (RFC 3461 §4.2) or the forms of type utf-8 (RFC 6533 §3). Postfix writes
// an address in UTF-8 as xtext of type rfc822, octet by octet; where SMTPUTF8 is known that is taken for utf-8.
func parseORcpt(s string, known Ext) (string, error) {
	kind, address, ok := strings.Cut(s, ";")
	if !ok || kind == "" || address == "" || len(s) > maxORcpt || !isKeyword(kind) {
		return "", malformed("ORCPT", "not type;address of at most 500 octets")
	}
	kind = strings.ToLower(kind)
	var err error
	switch {
	case kind == "utf-8" && known&ExtUTF8 != 0:
		address, err = decodeUnitext("ORCPT", address)
	case kind == "rfc822" && known&ExtUTF8 != 0:
		if address, err = decodeUTF8Xtext("ORCPT", address); strings.ContainsFunc(address, func(r rune) bool { return r > '~' }) {
			kind = "utf-8"
		}
	default:
		address, err = decodeXtext("ORCPT", address)
	}
	if err != nil {
		return "", err
	}
	return kind + ";" + address, nil
}

// eachParam calls f with each esmtp-param of s (RFC 5321 §4.1.2); has tells "KEY=" from "KEY".
func eachParam(s string, f func(key, value string, has bool) error) error {
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return nil
		}
		word, rest, _ := strings.Cut(s, " ")
		key, value, has := strings.Cut(word, "=")
		if !isKeyword(key) || has && !isValue(value) {
			return malformed("parameter", "not KEYWORD=value")
		}
		if err := f(key, value, has); err != nil {
			return err
		}
		s = rest
	}
}

func unknown(key string) error {
	if len(key) > 40 {
		key = key[:40]
	}
	return &SyntaxError{Unknown: true, What: key, Why: "unknown parameter"}
}

// isKeyword is esmtp-keyword: letter or digit, then letters, digits, hyphens.
func isKeyword(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !alnum && (c != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

// isValue is esmtp-value: no space, control or further "="; octets above 127 are for SMTPUTF8
// (RFC 6531 §3.3) and the keyword's own parser decides about them.
func isValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '=' {
			return false
		}
	}
	return s != ""
}
