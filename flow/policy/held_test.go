package policy

import "testing"

// ending notes its outcomes.
type ending struct{ got []Outcome }

func (e *ending) End(o Outcome) { e.got = append(e.got, o) }

func TestHoldingsEndOnce(t *testing.T) {
	var h Held
	h.End(Outcome{}) // nothing is held
	a, b := new(ending), new(ending)
	h.Put("a", a)
	h.Put("b", b)
	if h.Get("a") != a || h.Get("b") != b || h.Get("c") != nil {
		t.Errorf("a %v, b %v, c %v", h.Get("a"), h.Get("b"), h.Get("c"))
	}
	h.End(Outcome{Accepted: true, Size: 3})
	h.End(Outcome{})
	for name, e := range map[string]*ending{"a": a, "b": b} {
		if len(e.got) != 1 || !e.got[0].Accepted || e.got[0].Size != 3 {
			t.Errorf("%s ended with %+v", name, e.got)
		}
	}
	if h.Get("a") != nil {
		t.Error("still held")
	}
}
