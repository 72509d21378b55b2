package imap

import (
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// URL names a message, or a part of one (RFC 5092), as CATENATE, URLAUTH and BURL take it.
type URL struct {
	Host        string // "host" or "host:port", lower-case; "" for a URL without a server
	User        string // "" if there is none
	Mailbox     string // "" for a URL that begins at the selected mailbox
	UIDValidity uint32 // 0: not said
	UID         uint32
	Section     Section
	Partial     bool
	Offset      int64
	Count       int64 // 0: to the end

	Expire    time.Time // zero: never (RFC 4467 §3)
	Access    string    // who may use it: "anonymous", "authuser", "user", "submit"; "" without URLAUTH
	For       string    // of Access "user" and "submit": which login
	Mechanism string    // upper-case; "" in what GENURLAUTH is asked to sign
	Token     []byte
	Signed    string // what Token signs: the URL to the end of the access
}

// maxURLBytes bounds a URL.
const maxURLBytes = 4096

// ParseURL reads a URL of one message: absolute, "imap://user@host/mailbox/;UID=20/;SECTION=1.2", or relative,
// "/mailbox/;UID=20" or ";UID=20". Why is empty if it is well-formed.
func ParseURL(s string, lim *Limits) (u URL, why string) {
	p := urlParser{lim: lim}
	if len(s) > maxURLBytes {
		p.fail("URL is too long")
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			p.fail("a URL is printable ASCII")
		}
	}
	rest := p.server(s)
	rest = p.mailbox(rest)
	for rest != "" && p.why == "" {
		rest = p.param(s, rest)
	}
	if p.u.UID == 0 {
		p.fail("URL names no message")
	}
	if p.why != "" {
		return URL{}, p.why
	}
	return p.u, ""
}

type urlParser struct {
	u   URL
	lim *Limits
	why string
}

func (p *urlParser) fail(why string) {
	if p.why == "" {
		p.why = why
	}
}

// server reads "imap://" [user [";AUTH=" type] "@"] host, if the URL begins so.
func (p *urlParser) server(s string) (rest string) {
	const scheme = "imap://"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		if strings.HasPrefix(s, "//") || strings.Contains(cutAt(s, '/'), ":") {
			p.fail("not an imap URL")
		}
		return s
	}
	authority := cutAt(s[len(scheme):], '/')
	rest = s[len(scheme)+len(authority):]
	user, host, ok := strings.Cut(authority, "@")
	if !ok {
		user, host = "", authority
	}
	user = cutParam(user, ";AUTH=")
	p.u.User, p.u.Host = p.decode(user), strings.TrimSuffix(strings.ToLower(host), ":143")
	if host == "" || rest == "" {
		p.fail("URL names no mailbox")
	}
	return rest
}

// cutAt is s up to c.
func cutAt(s string, c byte) string {
	if i := strings.IndexByte(s, c); i >= 0 {
		return s[:i]
	}
	return s
}

// cutParam is s up to a parameter, given in upper case.
func cutParam(s, param string) string {
	if i := strings.Index(strings.ToUpper(s), param); i >= 0 {
		return s[:i]
	}
	return s
}

// mailbox reads ["/" mailbox] up to the first parameter.
func (p *urlParser) mailbox(s string) (rest string) {
	path := cutAt(s, ';')
	rest = s[len(path):]
	if path == "" || path == "/" && p.u.Host == "" {
		return rest
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if p.u.Mailbox = p.decode(path); p.u.Mailbox == "" {
		p.fail("URL names no mailbox")
	}
	return rest
}

// param reads one ";NAME=value" and the "/" in front of the next.
func (p *urlParser) param(whole, s string) (rest string) {
	name, value, ok := strings.Cut(s[1:], "=")
	if s[0] != ';' || !ok {
		p.fail("expected a parameter in the URL")
		return ""
	}
	value = cutAt(value, ';')
	rest = s[1+len(name)+1+len(value):]
	if rest != "" {
		value = strings.TrimSuffix(value, "/")
	}
	switch strings.ToUpper(name) {
	case "UIDVALIDITY":
		p.u.UIDValidity = p.number(value)
	case "UID":
		p.u.UID = p.number(value)
	case "SECTION":
		p.section(value)
	case "PARTIAL":
		offset, count, ok := strings.Cut(value, ".")
		p.u.Partial, p.u.Offset = true, p.octets(offset)
		if ok {
			if p.u.Count = p.octets(count); p.u.Count == 0 {
				p.fail("a number in the URL is out of range")
			}
		}
	case "EXPIRE":
		t, err := time.Parse(time.RFC3339, value)
		if err != nil {
			p.fail("EXPIRE is a date-time of RFC 3339")
		}
		p.u.Expire = t
	case "URLAUTH":
		p.urlauth(value, whole[:len(whole)-len(rest)])
		if rest != "" {
			p.fail("URLAUTH comes last")
		}
	default:
		p.fail("no such parameter in an imap URL")
	}
	return rest
}

func (p *urlParser) section(value string) {
	q := NewParser([]byte("["+p.decode(value)+"]"), p.lim)
	p.u.Section = q.section()
	if q.End() != nil {
		p.fail("no such section")
	}
}

// urlauth reads access [":" mechanism ":" token]; whole is the URL to its end.
func (p *urlParser) urlauth(value, whole string) {
	access, mechanism, signed := strings.Cut(value, ":")
	p.u.Signed = whole[:len(whole)-len(value)+len(access)]
	p.u.Access, p.u.For, _ = strings.Cut(access, "+")
	p.u.Access, p.u.For = strings.ToLower(p.u.Access), p.decode(p.u.For)
	switch p.u.Access {
	case "anonymous", "authuser":
		if strings.Contains(access, "+") {
			p.fail("no such access in a URL")
		}
	case "user", "submit":
		if p.u.For == "" {
			p.fail("URL does not say for whom")
		}
	default:
		p.fail("no such access in a URL")
	}
	if !signed {
		return
	}
	mechanism, token, _ := strings.Cut(mechanism, ":")
	b, err := hex.DecodeString(token)
	if err != nil || len(b) < 16 || mechanism == "" {
		p.fail("not a token of URLAUTH")
	}
	p.u.Mechanism, p.u.Token = strings.ToUpper(mechanism), b
}

// number reads an nz-number of RFC 3501.
func (p *urlParser) number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		p.fail("a number in the URL is out of range")
	}
	return uint32(n)
}

// octets reads a number of octets, 63 bits (RFC 9051 §9, partial-range).
func (p *urlParser) octets(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		p.fail("a number in the URL is out of range")
	}
	return int64(n)
}

// decode undoes percent-encoding; what comes out is UTF-8 without controls.
func (p *urlParser) decode(s string) string {
	out, err := url.PathUnescape(s)
	if err != nil || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		p.fail("percent-encoding in the URL is wrong")
		return ""
	}
	return out
}
