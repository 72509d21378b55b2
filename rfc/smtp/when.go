package smtp

import (
	"strconv"
	"strings"
	"time"
)

// setHold reads HOLDFOR=1*9DIGIT, at least 1, and HOLDUNTIL=date-time of RFC 3339 §5.6 (RFC 4865 §4 and its
// erratum 2040).
func (p *MailParams) setHold(key, value string) error {
	if strings.EqualFold(key, "HOLDFOR") {
		n, ok := seconds(value)
		if !ok || n == 0 {
			return malformed(key, "not a number of seconds from 1 to 999999999")
		}
		p.HoldFor = time.Duration(n) * time.Second
		return nil
	}
	t, ok := dateTime(value)
	if !ok {
		return malformed(key, "not a time such as 2026-11-22T18:00:00Z")
	}
	p.HoldUntil = t
	return nil
}

// dateTime reads a date-time of RFC 3339 §5.6 in years that a message can have. Letters may be of either case.
func dateTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	if err != nil || t.Year() < 1970 || len(s) > maxDateTime {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// maxDateTime bounds the fraction of a second, in octets.
const maxDateTime = 40

// parseBy reads by-time ";" by-mode [by-trace], e.g. "120;R", "-30;NT" (RFC 2852 §4). A time that is over is
// possible only if the sender wants to be told, not if the message is to go back.
func parseBy(s string) (DeliverBy, error) {
	number, mode, _ := strings.Cut(s, ";")
	digits, negative := strings.CutPrefix(number, "-")
	if !negative {
		digits = strings.TrimPrefix(number, "+")
	}
	n, ok := seconds(digits)
	mode = strings.ToUpper(mode)
	if !ok || mode != "R" && mode != "N" && mode != "RT" && mode != "NT" {
		return DeliverBy{}, malformed("BY", "not seconds;R or seconds;N, with T behind it or not")
	}
	if negative {
		n = -n
	}
	by := DeliverBy{In: time.Duration(n) * time.Second, Mode: mode[0], Trace: len(mode) == 2}
	if by.Mode == ByReturn && n <= 0 {
		return DeliverBy{}, malformed("BY", "with R the time must be greater than 0")
	}
	return by, nil
}

// seconds reads 1*9DIGIT, which RFC 4865 §4 and RFC 2852 §4 allow.
func seconds(s string) (int64, bool) {
	if s == "" || len(s) > len("999999999") {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// parsePriority reads ["-"] one digit (RFC 6710 §5); "-0" is 0.
func parsePriority(s string) (int8, error) {
	digit := strings.TrimPrefix(s, "-")
	if len(digit) != 1 || digit[0] < '0' || digit[0] > '9' {
		return 0, malformed("MT-PRIORITY", "not a number from -9 to 9")
	}
	n, _ := strconv.Atoi(s) // one digit with or without a sign
	return int8(n), nil
}
