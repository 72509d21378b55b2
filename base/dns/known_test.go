package dns

import (
	"fmt"
	"testing"
)

func TestKnownIsBoundedAndForgetsTheOldest(t *testing.T) {
	k := NewKnown(100)
	k.Note("MX.Example.Test.")
	if !k.Has("mx.example.test") || k.Has("example.test") {
		t.Error("one name")
	}
	for i := range 1000 {
		k.Note(fmt.Sprint("a", i))
		k.Note("always.test")
		if n := len(k.young) + len(k.old); n > 100 {
			t.Fatalf("%d names", n)
		}
	}
	if !k.Has("a999") || !k.Has("always.test") || k.Has("a1") || k.Has("mx.example.test") {
		t.Error("the wrong ones were forgotten")
	}
	if (*Known)(nil).Has("x") {
		t.Error("nil holds something")
	}
}
