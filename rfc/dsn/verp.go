package dsn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"barid/rfc/addr"
)

// VERP makes reverse-paths that say which message and which recipient a bounce is about:
// "bounces+01jd4xk8t0003f7q2m.2-5@example.test". With a Key a bounce can not be made up by somebody who
// has not seen a message of that transaction: the token carries a code ("...-5-k3j4h5k6@").
type VERP struct {
	Local     string // the local part before the separator; "" is "bounces"
	Domain    string // in A-labels
	Separator byte   // 0 is '+'
	Key       []byte // nil: no code
}

// Token is what a VERP address carries.
type Token struct {
	ID   string // of the transaction: lower-case letters, digits and dots
	Rcpt int    // index of the recipient in it; 0 is the first
}

// verpAlphabet is lower case, because some hosts change the case of local parts.
const verpAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// verpCode is the length of the code: 40 bits.
const verpCode = 8

// Encode gives the address for t; ok is false if the token can not stand in a local part.
func (v VERP) Encode(t Token) (m addr.Mailbox, ok bool) {
	if !plainToken(t.ID) || t.Rcpt < 0 {
		return addr.Mailbox{}, false
	}
	body := t.ID + "-" + strconv.Itoa(t.Rcpt)
	if v.Key != nil {
		body += "-" + v.code(body)
	}
	m = addr.Mailbox{Local: v.prefix() + body, Domain: v.Domain}
	return m, len(m.Local) <= addr.MaxLocal
}

// Decode reads an address that Encode made. Anything else, a wrong code too, gives ok=false.
func (v VERP) Decode(m addr.Mailbox) (t Token, ok bool) {
	if !strings.EqualFold(m.Domain, v.Domain) || !hasPrefixFold(m.Local, v.prefix()) {
		return Token{}, false
	}
	body := lowerASCII(m.Local[len(v.prefix()):])
	if v.Key != nil {
		i := strings.LastIndexByte(body, '-')
		if i < 0 || !hmac.Equal([]byte(v.code(body[:i])), []byte(body[i+1:])) {
			return Token{}, false
		}
		body = body[:i]
	}
	id, number, ok := strings.Cut(body, "-")
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || !plainToken(id) {
		return Token{}, false
	}
	return Token{ID: id, Rcpt: int(n)}, true
}

func (v VERP) prefix() string {
	local, sep := v.Local, v.Separator
	if local == "" {
		local = "bounces"
	}
	if sep == 0 {
		sep = '+'
	}
	return local + string(sep)
}

// code binds a token to the key and the domain.
func (v VERP) code(body string) string {
	h := hmac.New(sha256.New, v.Key)
	h.Write([]byte(v.Domain + "\x00" + body))
	return base32.NewEncoding(verpAlphabet).WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil))[:verpCode]
}

// plainToken tells whether s is made of lower-case letters, digits and dots, and no dot is at an end or beside
// another.
func plainToken(s string) bool {
	dot := true
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.' && !dot:
			dot = true
		case isDigit(c) || 'a' <= c && c <= 'z':
			dot = false
		default:
			return false
		}
	}
	return !dot
}
