package mailbox

import (
	"slices"
	"testing"
)

func TestNewUIDSet(t *testing.T) {
	for _, c := range []struct{ in, want []UIDRange }{
		{nil, nil},
		{[]UIDRange{{5, 3}, {4, 9}}, []UIDRange{{3, 9}}},
		{[]UIDRange{{7, 7}, {1, 2}, {3, 3}}, []UIDRange{{1, 3}, {7, 7}}},
		{[]UIDRange{{1, MaxUID}, {2, 3}}, []UIDRange{{1, MaxUID}}},
		{[]UIDRange{{MaxUID, MaxUID}, {MaxUID - 1, MaxUID}}, []UIDRange{{MaxUID - 1, MaxUID}}},
	} {
		if got := NewUIDSet(c.in...); !slices.Equal(got, UIDSet(c.want)) {
			t.Errorf("%v: %v, want %v", c.in, got, c.want)
		}
	}
	s := SetOf(9, 2, 3, 3)
	if s.Len() != 3 || !s.Contains(2) || !s.Contains(9) || s.Contains(4) || s.Contains(1) || s.Contains(10) {
		t.Errorf("%v", s)
	}
}
