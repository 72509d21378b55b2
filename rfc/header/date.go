package header

import (
	"errors"
	"strings"
	"time"
)

// ErrDate is returned for a text that is no date and time.
var ErrDate = errors.New("header: no date and time")

// maxDateBytes is how much of a Date field is looked at, without comments.
const maxDateBytes = 200

// Date reads a date and time (RFC 5322 §3.3) in its current and obsolete forms (§4.3), and the broken
// forms that are common: no day name, no seconds, no zone (UTC), two-digit years, full names, month
// before day, the asctime order, "GMT+0300", "+03:30", ISO 8601. Unknown zones are UTC as §4.3 says.
func Date(v string) (time.Time, error) {
	var d dateParts
	v = closeColons(withoutComments(v, maxDateBytes))
	for v != "" {
		var tok string
		tok, v = nextDateToken(v)
		if tok != "" && !d.take(tok) {
			return time.Time{}, ErrDate
		}
	}
	return d.time()
}

// closeColons removes white space around colons, which RFC 5322 §4.3 allows in the obsolete time.
func closeColons(v string) string {
	if !strings.Contains(v, " :") && !strings.Contains(v, ": ") {
		return v
	}
	parts := strings.Split(v, ":")
	for i := range parts {
		if i > 0 {
			parts[i] = strings.TrimLeft(parts[i], " \t\r\n")
		}
		if i < len(parts)-1 {
			parts[i] = strings.TrimRight(parts[i], " \t\r\n")
		}
	}
	return strings.Join(parts, ":")
}

func nextDateToken(v string) (tok, rest string) {
	v = strings.TrimLeft(v, " \t\r\n,;")
	if i := strings.IndexAny(v, " \t\r\n,;"); i >= 0 {
		return v[:i], v[i:]
	}
	return v, ""
}

// zoneHours knows the zones of RFC 5322 §4.3; all others, the military ones too, count as -0000.
func zoneHours(z string) int {
	switch z {
	case "EDT":
		return -4
	case "EST", "CDT":
		return -5
	case "CST", "MDT":
		return -6
	case "MST", "PDT":
		return -7
	case "PST":
		return -8
	}
	return 0
}

// monthOf gives 1 to 12 for an English name, short or full, 0 for another word.
func monthOf(s string) int {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(s) < 3 {
		return 0
	}
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	if len(s) < 3 {
		return 0
	}
	i := strings.Index(names, s[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	m := time.Month(i/3 + 1)
	if full := strings.ToLower(m.String()); !strings.HasPrefix(full, s) && s != "sept" {
		return 0
	}
	return int(m)
}

func number(s string) (int, bool) {
	if s == "" || len(s) > 5 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// withoutComments removes comments (RFC 5322 §3.2.2), which may nest, and cuts the rest at max bytes.
func withoutComments(v string, max int) string {
	if strings.IndexByte(v, '(') < 0 {
		return v[:min(len(v), max)]
	}
	out := make([]byte, 0, min(len(v), max))
	depth := 0
	for i := 0; i < len(v) && len(out) < max; i++ {
		switch c := v[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				out = append(out, ' ')
			}
		case depth == 0:
			out = append(out, c)
		}
	}
	return string(out)
}
