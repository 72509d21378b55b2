package dsn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"barid/rfc/addr"
)

// VERP makes reverse-paths that say which message and which recipient a bounce is about, and whose it is:
// "bounces+01jd4xk8t0003f7q2m.2-k3j4h-2s-g18-d5n2zk7q@example.test". A bounce can not be made up by somebody who
// has not seen a message to that recipient: the last part is a code under Key. The domain is the sender's, so
// that what SPF proves is still the domain in From (RFC 7489 §3.1.2); the code binds it too.
type VERP struct {
	Local     string // the local part before the separator; "" is "bounces"
	Separator byte   // 0 is '+'
	Key       []byte // secret
}

// Token is what a VERP address carries.
type Token struct {
	ID    string // of the transaction: lower-case letters, digits and dots
	Rcpt  string // RcptTag of the recipient
	Login uint64 // number of the account that sent it
	Day   uint32 // when the address was given out, in days since 1970
}

// verpAlphabet is lower case, because some hosts change the case of local parts.
const verpAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// verpCode is the length of the code, 40 bits, verpTag that of a recipient's tag, 25 bits.
const (
	verpCode = 8
	verpTag  = 5
)

// verpBase writes numbers in digits and lower-case letters.
const verpBase = 36

// RcptTag gives the name that a recipient has in a token: short, and nobody reads the address in it.
func RcptTag(m addr.Mailbox) string {
	h := sha256.Sum256([]byte(m.Key()))
	return verpText(h[:])[:verpTag]
}

// Encode gives the address for t at a domain in A-labels; ok is false if the token can not stand in a local part.
func (v VERP) Encode(domain string, t Token) (m addr.Mailbox, ok bool) {
	if !plainToken(t.ID) || !plainToken(t.Rcpt) {
		return addr.Mailbox{}, false
	}
	body := t.ID + "-" + t.Rcpt + "-" + strconv.FormatUint(t.Login, verpBase) + "-" + strconv.FormatUint(uint64(t.Day), verpBase)
	m = addr.Mailbox{Local: v.prefix() + body + "-" + v.code(domain, body), Domain: domain}
	return m, len(m.Local) <= addr.MaxLocal
}

// Has tells whether m has the form of an address that Encode makes, under whatever key.
func (v VERP) Has(m addr.Mailbox) bool {
	_, _, ok := v.parts(m)
	return ok
}

// Decode reads an address that Encode made. Anything else, a wrong code too, gives ok=false.
func (v VERP) Decode(m addr.Mailbox) (t Token, ok bool) {
	body, code, ok := v.parts(m)
	if !ok || !hmac.Equal([]byte(v.code(m.Domain, body)), []byte(code)) {
		return Token{}, false
	}
	p := strings.Split(body, "-")
	login, err1 := strconv.ParseUint(p[2], verpBase, 64)
	day, err2 := strconv.ParseUint(p[3], verpBase, 32)
	if err1 != nil || err2 != nil || !plainToken(p[0]) || !plainToken(p[1]) {
		return Token{}, false
	}
	return Token{ID: p[0], Rcpt: p[1], Login: login, Day: uint32(day)}, true
}

// parts takes a local part apart: what is said, and the code of it.
func (v VERP) parts(m addr.Mailbox) (body, code string, ok bool) {
	if !hasPrefixFold(m.Local, v.prefix()) {
		return "", "", false
	}
	all := lowerASCII(m.Local[len(v.prefix()):])
	i := strings.LastIndexByte(all, '-')
	if i < 0 || len(all)-i-1 != verpCode || strings.Count(all, "-") != 4 {
		return "", "", false
	}
	return all[:i], all[i+1:], true
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
func (v VERP) code(domain, body string) string {
	h := hmac.New(sha256.New, v.Key)
	h.Write([]byte(lowerASCII(domain) + "\x00" + body))
	return verpText(h.Sum(nil))[:verpCode]
}

func verpText(b []byte) string {
	return base32.NewEncoding(verpAlphabet).WithPadding(base32.NoPadding).EncodeToString(b)
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
