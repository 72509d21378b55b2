// Package texttest holds texts that the tests of searching share.
//
// Life: outside the product. Promise: the pairs of Arabic and Persian spellings are one list, whoever is asked for
// them: the folding, the index, or SEARCH over the wire. Limits: it imports nothing. Failure: none.
package texttest

// Pairs are spellings of one word: whoever looks for either must find the other.
func Pairs() [][2]string {
	return [][2]string{
		{"أحمد", "احمد"},
		{"إجتماع", "اجتماع"},
		{"مدرسة", "مدرسه"},
		{"آمنة", "امنه"},
		{"الشهري", "الشهرى"},
		{"الشهــري", "الشهري"},
		{"كُتُبٌ", "كتب"},
		{"تقرير", "تقریر"},
		{"کتاب", "كتاب"},
		{"می\u200cخواهم", "میخواهم"},
		{"کتاب\u200cها", "کتابها"},
		{"می\u200cخواهم", "می خواهم"},
		{"ماهانهٔ", "ماهانه"},
		{"١٢٣", "123"},
		{"۱۲۳", "123"},
		{"۱۲۳", "١٢٣"},
		{"والتقرير", "تقرير"},
		{"مسئول", "مسوول"},
		{"مسئول", "مسؤول"},
		{"ﷲ", "الله"},
		{"ﻣﺮﺣﺒﺎ", "مرحبا"},
	}
}
