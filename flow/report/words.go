package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// words speak one language.
type words struct {
	texts Texts
	lang  string
	zone  *time.Location
}

// wordsFor gives the words for a locale such as "fa" or "fa-IR"; fall is the language of all others.
func wordsFor(t Texts, locale, fall string, zone *time.Location) words {
	lang, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(locale, "_", "-")), "-")
	if _, ok := t.Text(lang, "name"); !ok {
		lang = fall
	}
	return words{texts: t, lang: lang, zone: zone}
}

// text gives one text; a key that is missing shows itself.
func (w words) text(key string) string {
	s, ok := w.texts.Text(w.lang, key)
	if !ok {
		return key
	}
	return s
}

func (w words) rtl() bool { return w.text("direction") == "rtl" }

// time gives a date and time as people of the language write it, with the offset from UTC.
func (w words) time(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(w.zone)
	y, m, d := t.Year(), int(t.Month()), t.Day()
	if w.text("time.calendar") == "jalali" {
		y, m, d = jalali(t)
	}
	months, weekdays := strings.Split(w.text("time.months"), "|"), strings.Split(w.text("time.weekdays"), "|")
	return strings.NewReplacer(
		"{weekday}", pick(weekdays, int(t.Weekday())), "{month}", pick(months, m-1),
		"{day}", w.digits(strconv.Itoa(d)), "{year}", w.digits(strconv.Itoa(y)), "{clock}", w.digits(t.Format("15:04")),
	).Replace(w.text("time.form")) + " (" + offset(t) + ")"
}

func pick(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "?"
	}
	return names[i]
}

// digits writes a number in the digits of the language.
func (w words) digits(s string) string {
	digits := []rune(w.text("time.digits"))
	if len(digits) != 10 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return digits[r-'0']
		}
		return r
	}, s)
}

// offset gives "UTC" or "UTC+03:30".
func offset(t time.Time) string {
	_, sec := t.Zone()
	if sec == 0 {
		return "UTC"
	}
	sign := '+'
	if sec < 0 {
		sign, sec = '-', -sec
	}
	return fmt.Sprintf("UTC%c%02d:%02d", sign, sec/3600, sec/60%60)
}
