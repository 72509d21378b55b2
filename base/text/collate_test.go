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
		"fa":      "آب ابر ایران أثر بابا پدر جام چای روز زر ژاله سبز کا كب کد گل ون هما یا يب ىت", // و before ه; ک is ك
		"fa-IR":   "_x 123 ۱۲۴ آب ab ÄC Apple zebra Ωmega яблоко 東京",                               // the own script first
		"ar":      "آلات أب اجتماعات أحمد إدارة أرشيف باب تمر ژ كتاب مدرست مدرسة مدرسث مساء مسألة مسؤول هدى ورد يد",
		"ar-EG":   "قري قرى قریب Abc",
		"ckb":     "ئ ا ب پ کورد یار abc",
		"en":      "2 ۳ Apple banana Éclair file2 file10 zebra آب پدر",
		"ru":      "ёлка жук abc",
		"de":      "Arger Ärger Asche ss ß st",
		"tr":      "ısı iz İzmir j",
		"unknown": "a b c آ",
	} {
		words := strings.Fields(want)
		got := slices.Clone(words)
		slices.Reverse(got)
		slices.SortFunc(got, func(a, b string) int {
			return bytes.Compare(c.Key(nil, locale, a), c.Key(nil, locale, b))
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
