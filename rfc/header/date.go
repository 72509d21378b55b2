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

// dateParts is what has been found so far. year is -1 and day, month are 0 while missing.
type dateParts struct {
	day, month, year  int
	hour, min, sec    int
	offset            int // seconds east
	haveYear, haveDay bool
	haveTime, haveTZ  bool
	pm, am            bool
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

// take puts one token where it belongs; false if it can not be part of a date.
func (d *dateParts) take(tok string) bool {
	switch c := tok[0]; {
	case c == '+' || c == '-':
		return d.takeOffset(tok)
	case '0' <= c && c <= '9':
		return d.takeNumeric(tok)
	default:
		return d.takeWord(tok)
	}
}

func (d *dateParts) takeNumeric(tok string) bool {
	if i := strings.IndexAny(tok, "T"); i >= 8 && strings.Count(tok[:i], "-") == 2 {
		return d.takeDashed(tok[:i]) && d.takeTime(tok[i+1:])
	}
	switch {
	case strings.Contains(tok, ":"), strings.Count(tok, ".") == 2 && d.haveDay:
		return d.takeTime(tok)
	case strings.Count(tok, "-") == 2:
		return d.takeDashed(tok)
	}
	return d.takeNumber(tok)
}

// takeNumber takes a lone number: the day, then the year.
func (d *dateParts) takeNumber(tok string) bool {
	tok = strings.TrimSuffix(tok, ".")
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		tok = strings.TrimSuffix(tok, suffix)
	}
	n, ok := number(tok)
	switch {
	case !ok:
		return false
	case !d.haveDay && len(tok) <= 2:
		d.day, d.haveDay = n, true
	case !d.haveYear:
		d.setYear(n, len(tok))
	default:
		return false
	}
	return true
}

// setYear applies RFC 5322 §4.3: two digits are 1950 to 2049, three count from 1900.
func (d *dateParts) setYear(n, digits int) {
	switch {
	case digits <= 2 && n < 50:
		n += 2000
	case digits <= 3:
		n += 1900
	}
	d.year, d.haveYear = n, true
}

// takeDashed takes 2006-01-02 and 02-Jan-2006.
func (d *dateParts) takeDashed(tok string) bool {
	p := strings.Split(tok, "-")
	if len(p) != 3 || d.haveDay || d.haveYear {
		return false
	}
	if len(p[0]) == 4 {
		p[0], p[2] = p[2], p[0]
	}
	day, ok1 := number(p[0])
	year, ok2 := number(p[2])
	month, ok3 := number(p[1])
	if !ok3 {
		month = monthOf(p[1])
	}
	if !ok1 || !ok2 || month == 0 {
		return false
	}
	d.day, d.haveDay, d.month = day, true, month
	d.setYear(year, len(p[2]))
	return true
}

// takeTime takes 15:04, 15:04:05, 15.04.05, 15:04:05.678, each perhaps with Z or an offset behind it.
func (d *dateParts) takeTime(tok string) bool {
	if d.haveTime {
		return false
	}
	d.haveTime = true
	if i := strings.IndexAny(tok, "+-Zz"); i > 0 {
		if !d.zoneAfterTime(tok[i:]) {
			return false
		}
		tok = tok[:i]
	}
	for _, half := range []string{"AM", "PM", "am", "pm"} {
		if strings.HasSuffix(tok, half) {
			d.takeWord(half)
			tok = strings.TrimSuffix(tok, half)
		}
	}
	if !strings.Contains(tok, ":") {
		tok = strings.ReplaceAll(tok, ".", ":")
	}
	p := strings.Split(tok, ":")
	if len(p) < 2 || len(p) > 3 {
		return false
	}
	var ok1, ok2, ok3 bool
	d.hour, ok1 = number(p[0])
	d.min, ok2 = number(p[1])
	ok3 = true
	if len(p) == 3 {
		whole, _, _ := strings.Cut(p[2], ".")
		d.sec, ok3 = number(whole)
	}
	return ok1 && ok2 && ok3
}

func (d *dateParts) zoneAfterTime(z string) bool {
	if z == "Z" || z == "z" {
		d.haveTZ = true
		return true
	}
	return d.takeOffset(z)
}

// takeOffset takes +hhmm, +hh:mm, +hh and +h.
func (d *dateParts) takeOffset(tok string) bool {
	if !d.haveTime && d.haveDay && d.haveYear { // a stray "-" between date and time
		return strings.Trim(tok, "-") == ""
	}
	digits := strings.Replace(tok[1:], ":", "", 1)
	n, ok := number(digits)
	if !ok || len(digits) == 0 || len(digits) > 4 {
		return len(tok) == 1
	}
	if len(digits) <= 2 {
		n *= 100
	}
	if n%100 > 59 || n/100 > 24 {
		n = 0 // nonsense: RFC 5322 §3.3 wants a real offset, -0000 is the nearest
	}
	d.offset, d.haveTZ = (n/100*60+n%100)*60, true
	if tok[0] == '-' {
		d.offset = -d.offset
	}
	return true
}

// takeWord takes names of days, months and zones.
func (d *dateParts) takeWord(tok string) bool {
	if m := monthOf(tok); m != 0 && d.month == 0 {
		d.month = m
		return true
	}
	upper := strings.ToUpper(tok)
	switch upper {
	case "AM":
		d.am = true
		return true
	case "PM":
		d.pm = true
		return true
	}
	if i := strings.IndexAny(upper, "+-"); i > 0 && d.haveTime { // GMT+0300
		return d.takeOffset(tok[i:])
	}
	if d.haveTime && !d.haveTZ {
		d.offset = zoneHours(upper) * 3600
		d.haveTZ = true
	}
	return true // a day name, or a word in another language
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

// time checks the parts and puts them together.
func (d *dateParts) time() (time.Time, error) {
	if d.pm && d.hour < 12 {
		d.hour += 12
	} else if d.am && d.hour == 12 {
		d.hour = 0
	}
	if !d.haveDay || !d.haveYear || d.month < 1 || d.month > 12 || d.year > 9999 || d.day < 1 ||
		d.hour > 24 || d.min > 59 || d.sec > 60 {
		return time.Time{}, ErrDate
	}
	zone := time.UTC
	if d.offset != 0 {
		zone = time.FixedZone("", d.offset)
	}
	day := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, zone)
	if day.Day() != d.day {
		return time.Time{}, ErrDate // 31 April
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.min, d.sec, 0, zone), nil
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
