package account

import (
	"errors"
	"strings"
	"testing"

	"barid/base/kv"
)

func TestPHC(t *testing.T) {
	h := newHasher(cheap, 1, 1, nil)
	s, err := h.create(t.Context(), "گذرواژه")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("got %q", s)
	}
	if right, old, err := h.verify(t.Context(), "گذرواژه", s); !right || old || err != nil {
		t.Errorf("right password: %v %v %v", right, old, err)
	}
	if right, _, err := h.verify(t.Context(), "گذرواژ", s); right || err != nil {
		t.Errorf("wrong password: %v %v", right, err)
	}
	if again, _ := h.create(t.Context(), "گذرواژه"); again == s {
		t.Error("two hashes of one password are the same")
	}
	if d := cheap.dummy(); len(d) != len(s) {
		t.Errorf("the dummy %q is unlike %q", d, s)
	}
}

// A vector of the reference implementation (P-H-C/phc-winner-argon2, src/test.c: argon2id, 64 MiB, two passes).
func TestPHCOfTheReference(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 64 MiB")
	}
	const s = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	right, old, err := newHasher(DefaultHash, 1, 1, nil).verify(t.Context(), "password", s)
	if !right || !old || err != nil {
		t.Errorf("got %v %v %v", right, old, err)
	}
}

func TestParsePHCRefuses(t *testing.T) {
	good := cheap.dummy()
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	f := strings.Split(good, "$")
	with := func(i int, v string) string {
		g := append([]string(nil), f...)
		g[i] = v
		return strings.Join(g, "$")
	}
	for _, s := range []string{
		"", "plain", good + "$", good + "=", " " + good, good[:len(good)-1] + "\n",
		with(1, "argon2i"), with(2, "v=16"), with(3, "m=8,t=1"), with(3, "t=1,m=8,p=1"), with(3, "m=8,t=1,p=1,x=1"),
		with(3, "m=4194304,t=1,p=1"), with(3, "m=8,t=0,p=1"), with(3, "m=8,t=1000,p=1"), with(3, "m=8,t=1,p=0"),
		with(3, "m=8,t=1,p=257"), with(3, "m=-8,t=1,p=1"), with(3, "m=8,t=1,p=2"), with(4, "c2Fs"), with(4, "!!"), with(5, "AAAA"),
	} {
		if p, err := parsePHC(s); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%q: got %v %v", s, p, err)
		}
	}
}

func TestHashCostIsChecked(t *testing.T) {
	for _, c := range []HashCost{{Memory: 8, Time: 1}, {Memory: 1, Time: 1, Threads: 1}, {Memory: 1 << 30, Time: 1, Threads: 1}} {
		_, err := Open(nil, Options{Hash: c})
		if !errors.As(err, new(ErrInvalid)) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(cheap.dummy())
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if again, err := parsePHC(p.String()); err != nil || again.String() != p.String() {
			t.Fatalf("%q → %v → %v %v", s, p, again, err)
		}
	})
}
