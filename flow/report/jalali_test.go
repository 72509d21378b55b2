package report

import (
	"testing"
	"time"
)

func TestJalali(t *testing.T) {
	for in, want := range map[string][3]int{
		"2026-11-21": {1405, 8, 30}, // شنبه ۳۰ آبان ۱۴۰۵
		"2026-11-22": {1405, 9, 1},
		"1979-02-11": {1357, 11, 22},
		"2000-01-01": {1378, 10, 11},
		"1970-01-01": {1348, 10, 11},
		"2017-03-20": {1395, 12, 30}, // a leap year's last day
		"2021-03-20": {1399, 12, 30},
		"2025-03-20": {1403, 12, 30},
		"2030-03-20": {1408, 12, 30}, // five years after the last
		"2026-03-20": {1404, 12, 29},
		"2026-09-22": {1405, 6, 31},
		"2026-09-23": {1405, 7, 1},
		"1925-03-31": {1304, 1, 11},
	} {
		d, err := time.Parse(time.DateOnly, in)
		if err != nil {
			t.Fatal(err)
		}
		if y, m, day := jalali(d); [3]int{y, m, day} != want {
			t.Errorf("%s is %d-%d-%d, want %v", in, y, m, day, want)
		}
	}
}

// TestNowruz has the day of March on which years began and begin.
func TestNowruz(t *testing.T) {
	for jy, day := range map[int]int{1354: 21, 1358: 21, 1375: 20, 1376: 21, 1387: 20, 1388: 21, 1391: 20, 1392: 21, 1399: 20, 1400: 21, 1403: 20, 1404: 21, 1405: 21, 1408: 20, 1409: 21, 1412: 20} {
		if _, got := nowruz(jy); got != day {
			t.Errorf("%d begins on %d March", jy, got)
		}
	}
}

// TestJalaliDaysFollowEachOther walks over 300 years: every day is the day after the one before, months have 31, 31,
// 31, 31, 31, 31, 30, 30, 30, 30, 30 and 29 or 30 days.
func TestJalaliDaysFollowEachOther(t *testing.T) {
	d := time.Date(1800, 3, 21, 12, 0, 0, 0, time.UTC)
	y, m, day := jalali(d)
	leaps := 0
	for range 300 * 365 {
		d = d.AddDate(0, 0, 1)
		ny, nm, nd := jalali(d)
		length := 31
		if m > 6 {
			length = 30
		}
		switch {
		case ny == y && nm == m && nd == day+1 && nd <= length:
		case ny == y && nm == m+1 && nd == 1 && day == length:
		case ny == y+1 && m == 12 && nm == 1 && nd == 1 && (day == 29 || day == 30):
			if day == 30 {
				leaps++
			}
		default:
			t.Fatalf("%v: %d-%d-%d comes after %d-%d-%d", d, ny, nm, nd, y, m, day)
		}
		y, m, day = ny, nm, nd
	}
	if leaps < 71 || leaps > 74 { // 8 in 33 years
		t.Errorf("%d leap years in 300", leaps)
	}
}
