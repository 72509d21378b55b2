package header

import (
	"strings"
	"time"
)

// dateParts is what has been found so far; month is 0 while it is missing.
type dateParts struct {
	day, month, year  int
	hour, min, sec    int
	offset            int // seconds east
	haveYear, haveDay bool
	haveTime, haveTZ  bool
	pm, am            bool
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

// time checks the parts and puts them together.
func (d *dateParts) time() (time.Time, error) {
	if d.pm && d.hour < 12 {
		d.hour += 12
	} else if d.am && d.hour == 12 {
		d.hour = 0
	}
	if !d.haveDay || !d.haveYear || d.month < 1 || d.month > 12 || d.year > 9999 || d.day < 1 {
		return time.Time{}, ErrDate
	}
	if d.hour > 24 || d.min > 59 || d.sec > 60 { // RFC 5256 §2.2: no such time is midnight
		d.hour, d.min, d.sec = 0, 0, 0
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
