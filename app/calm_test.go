package app

import "testing"

// Memory is given back when it is quiet after work, and not for the same work twice.
func TestMemoryIsGivenBackInQuiet(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		now, before, given heap
		want               bool
	}{
		"after the start":    {heap{30 * mb, mb, 10 * mb}, heap{30 * mb, mb, 10 * mb}, heap{}, true},
		"after a burst":      {heap{900 * mb, mb, 60 * mb}, heap{900 * mb, mb, 60 * mb}, heap{30 * mb, mb, 10 * mb}, true},
		"the burst goes on":  {heap{900 * mb, mb, 60 * mb}, heap{880 * mb, mb, 60 * mb}, heap{30 * mb, mb, 10 * mb}, false},
		"more is spare":      {heap{900 * mb, 9 * mb, 60 * mb}, heap{900 * mb, 9 * mb, 60 * mb}, heap{900 * mb, mb, 60 * mb}, true},
		"less is spare":      {heap{900 * mb, mb, 60 * mb}, heap{900 * mb, mb, 60 * mb}, heap{900 * mb, 9 * mb, 60 * mb}, false},
		"it was done":        {heap{900 * mb, mb, 60 * mb}, heap{900 * mb, mb, 60 * mb}, heap{900 * mb, mb, 60 * mb}, false},
		"hardly any work":    {heap{901 * mb, mb, 10 * mb}, heap{901 * mb, mb, 10 * mb}, heap{900 * mb, mb, 10 * mb}, false},
		"little work beside": {heap{910 * mb, mb, 500 * mb}, heap{910 * mb, mb, 500 * mb}, heap{900 * mb, mb, 500 * mb}, false},
		"enough beside":      {heap{990 * mb, mb, 500 * mb}, heap{990 * mb, mb, 500 * mb}, heap{900 * mb, mb, 500 * mb}, true},
	} {
		if got := c.now.isWorth(c.before, c.given); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if h := look(); h.allocated == 0 {
		t.Errorf("the runtime tells nothing: %+v", h)
	}
}
