package text

import "testing"

func TestCasemap(t *testing.T) {
	for _, same := range [][2]string{{"Hello", "hELLO"}, {"É", "e\u0301"}, {"Σ", "ς"}, {"ǆ", "ǅ"}} {
		if a, b := string(Casemap(nil, same[0])), string(Casemap(nil, same[1])); a != b {
			t.Errorf("%q is %q, %q is %q", same[0], a, same[1], b)
		}
	}
	for _, other := range [][2]string{{"é", "e"}, {"أ", "ا"}, {"ß", "ss"}, {"كتب", "كتاب"}} {
		if string(Casemap(nil, other[0])) == string(Casemap(nil, other[1])) {
			t.Errorf("%q and %q differ under i;unicode-casemap", other[0], other[1])
		}
	}
}
