package dsn

import (
	"strconv"
	"strings"

	"barid/rfc/status"
)

// Status is an enhanced mail system status code (RFC 3463 §2). The zero value is not known.
type Status struct {
	Class           status.Class
	Subject, Detail uint16
}

// Unknown tells that there is no code at all.
func (s Status) Unknown() bool { return s.Class == 0 }

// Vague tells that the code says no more than its class: 5.0.0.
func (s Status) Vague() bool { return s.Subject == 0 && s.Detail == 0 }

// String gives "5.1.10".
func (s Status) String() string {
	b := strconv.AppendUint(nil, uint64(s.Class), 10)
	b = strconv.AppendUint(append(b, '.'), uint64(s.Subject), 10)
	return string(strconv.AppendUint(append(b, '.'), uint64(s.Detail), 10))
}

// ParseStatus reads a code at the beginning of s, after white space: "5.1.1", "5.1.1 (user unknown)".
func ParseStatus(s string) (Status, bool) {
	st, n := scanStatus(strings.TrimLeft(s, " \t"))
	return st, n > 0
}

// scanStatus reads class "." subject "." detail at the beginning of s (RFC 3463 §2) and tells its length, 0 if
// there is none. What follows must not make it a number or an address: "5.1.1.2" is none.
func scanStatus(s string) (Status, int) {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return Status{}, 0
	}
	subject, n := scanNumber(s[2:])
	if n == 0 || len(s) <= 2+n || s[2+n] != '.' {
		return Status{}, 0
	}
	i := 3 + n
	detail, n := scanNumber(s[i:])
	i += n
	if n == 0 || i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) || i < len(s) && (isAlnum(s[i]) || s[i] == '-' && i+1 < len(s) && isDigit(s[i+1])) {
		return Status{}, 0
	}
	return Status{Class: status.Class(s[0] - '0'), Subject: subject, Detail: detail}, i
}

// scanNumber reads one to three digits.
func scanNumber(s string) (v uint16, n int) {
	for n < len(s) && isDigit(s[n]) {
		if n == 3 {
			return 0, 0
		}
		v = v*10 + uint16(s[n]-'0')
		n++
	}
	return v, n
}

// findStatus finds the first code in a text that stands by itself: "(#5.1.1)", "550-5.7.1 ...".
func findStatus(s string) (Status, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '2' && s[i] != '4' && s[i] != '5' || i > 0 && (isAlnum(s[i-1]) || s[i-1] == '.') {
			continue
		}
		if st, n := scanStatus(s[i:]); n > 0 {
			return st, true
		}
	}
	return Status{}, false
}

// findReply finds the first reply code (RFC 5321 §4.2) of class 4 or 5 in a text. It must begin the text or
// follow a word end, and be followed by a space or "-".
func findReply(s string) int {
	for i := 0; i+3 < len(s); i++ {
		if s[i] != '4' && s[i] != '5' || i > 0 && (isAlnum(s[i-1]) || s[i-1] == '.' || s[i-1] == '-' && i > 1 && isAlnum(s[i-2])) {
			continue
		}
		if s[i+1] >= '0' && s[i+1] <= '7' && isDigit(s[i+2]) && (s[i+3] == ' ' || s[i+3] == '-' || s[i+3] == '#') {
			return int(s[i]-'0')*100 + int(s[i+1]-'0')*10 + int(s[i+2]-'0')
		}
	}
	return 0
}

// FromReply gives the code that a basic reply code stands for when the host gave no enhanced one
// (RFC 5248 §2.4 read backwards): 550 → 5.0.0, but 552 → 5.2.2 and 553 → 5.1.3 are as sure as it gets.
func FromReply(code int) Status {
	s := Status{Class: status.Class(code / 100)}
	switch code {
	case 450:
		s.Subject, s.Detail = 2, 0
	case 451:
		s.Subject, s.Detail = 3, 0
	case 452:
		s.Subject, s.Detail = 3, 1
	case 421:
		s.Subject, s.Detail = 3, 2
	case 552:
		s.Subject, s.Detail = 2, 2
	case 553, 501:
		s.Subject, s.Detail = 1, 3
	case 551:
		s.Subject, s.Detail = 1, 6
	case 530, 535:
		s.Subject, s.Detail = 7, 0
	}
	if s.Class != status.Success && s.Class != status.Transient && s.Class != status.Permanent {
		return Status{}
	}
	return s
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// firstToken is what stands before white space, a comment or a semicolon.
func firstToken(s string) string {
	s = strings.TrimLeft(s, " \t\r\n")
	if i := strings.IndexAny(s, " \t\r\n(;"); i >= 0 {
		s = s[:i]
	}
	return s
}

// lowerASCII lowers ASCII letters and leaves all other bytes.
func lowerASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
