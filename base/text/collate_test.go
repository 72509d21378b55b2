package text

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestCollation(t *testing.T) {
	var c Collation
	for locale, want := range map[string]string{
		"fa":      "آب ابر بابا پدر کتاب گل ون هما یاد", // پ and گ in their places, و before ه
		"ar":      "أب باب تمر كتاب هدى ورد يد",         // ه before و
		"en":      "Apple banana Éclair file2 file10 zebra",
		"unknown": "a b c",
	} {
		words := strings.Fields(want)
		got := slices.Clone(words)
		slices.Reverse(got)
		slices.SortFunc(got, func(a, b string) int {
			d := bytes.Compare(c.Key(nil, locale, a), c.Key(nil, locale, b))
			if (d < 0) != (c.Compare(locale, a, b) < 0) {
				t.Errorf("%s: keys and Compare differ for %q and %q", locale, a, b)
			}
			return d
		})
		if !slices.Equal(got, words) {
			t.Errorf("%s: %q, want %q", locale, got, words)
		}
	}
}

func TestCollationIsShared(t *testing.T) {
	var c Collation
	want := c.Key(nil, "fa", "گزارش")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if !bytes.Equal(c.Key(nil, "fa", "گزارش"), want) {
					t.Error("another key")
				}
			}
		})
	}
	all.Wait()
}
