package report

import "time"

// jalali gives the date of t in the Jalali calendar, as Iran counts it: year, month 1 to 12, day. It is right
// for every year that mail can have (Gregorian 622 to 3799).
func jalali(t time.Time) (year, month, day int) {
	y, m, d := t.Date()
	year = y - 621
	leap, march := nowruz(year)
	k := dayNumber(y, m, d) - dayNumber(y, time.March, march) // days since the year's first
	switch {
	case k < 0:
		year--
		if k += 179; leap == 1 {
			k++
		}
	case k <= 185:
		return year, 1 + k/31, 1 + k%31
	default:
		k -= 186
	}
	return year, 7 + k/30, 1 + k%30
}

// dayNumber counts days from a fixed one.
func dayNumber(y int, m time.Month, d int) int {
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// leapBreaks are the Jalali years at which the rhythm of 33-year cycles of leap years breaks, after
// Borkowski, "The Persian calendar for 3000 years" (1996).
var leapBreaks = [...]int{-61, 9, 38, 199, 426, 686, 756, 818, 1111, 1181, 1210, 1635, 2060, 2097, 2192, 2262, 2324, 2394, 2456, 3178}

// nowruz gives the day of March in Gregorian year jy+621 on which the Jalali year jy begins, and how many
// years ago the last leap year was: 0 if jy is one.
func nowruz(jy int) (leap, march int) {
	leaps, last, jump := -14, leapBreaks[0], 0
	for _, b := range leapBreaks[1:] {
		if jump = b - last; jy < b {
			break
		}
		leaps += jump/33*8 + jump%33/4
		last = b
	}
	n := jy - last
	leaps += n/33*8 + (n%33+3)/4
	if jump%33 == 4 && jump-n == 4 {
		leaps++
	}
	gy := jy + 621
	march = 20 + leaps - (gy/4 - (gy/100+1)*3/4 - 150)
	if jump-n < 6 {
		n = n - jump + (jump+4)/33*33
	}
	leap = ((n+1)%33 - 1) % 4
	if leap == -1 {
		leap = 4
	}
	return leap, march
}
