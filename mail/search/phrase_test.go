package search

import (
	"fmt"
	"strings"
	"testing"

	"barid/store/memory"
)

// TestPhrasesInLongMessages: what follows in a body of any length is found, also where its places are shared.
func TestPhrasesInLongMessages(t *testing.T) {
	w := newWorld(t, memory.New(), Options{})
	for _, words := range []int{1, 60, 64, 65, 127, 130, 1000, 9000, 30_000} {
		var b strings.Builder
		fmt.Fprintf(&b, "Subject: of %d\r\n\r\n", words)
		for i := range words {
			fmt.Fprintf(&b, "word%d of it%s", i, map[bool]string{true: "\r\n", false: " "}[i%8 == 7])
		}
		w.deliver(b.String())
	}
	w.sync()
	for _, i := range []int{0, 1, 20, 21, 42, 43, 63, 64, 126, 127, 128, 999, 2730, 2731, 8190, 8999, 20_000, 29_998} {
		for _, s := range []string{
			fmt.Sprintf("word%d of", i), fmt.Sprintf("it word%d", i), fmt.Sprintf("of it word%d of it word%d of", i, i+1), fmt.Sprintf("word%d word%d", i, i+1),
		} {
			w.compare(Key{In: Body, Text: needle(s)})
		}
	}
	w.compare(Key{In: Subject, Text: needle("of 9000")})
	w.compare(Key{In: Any, Text: needle("of 9000")})
}

// TestPlaces is the arithmetic of places at their ends.
func TestPlaces(t *testing.T) {
	at := func(all ...uint64) (p places) {
		for _, n := range all {
			p.add(n)
		}
		return p
	}
	for _, x := range []struct{ before, next, want places }{
		{at(0), at(0), at(0)},
		{at(0), at(1), at(1)},
		{at(0), at(2), at()},
		{at(1), at(0), at()},
		{at(63), at(64), at(64)},
		{at(62), at(64), at()},
		{at(126), at(127), at(127)},
		{at(127), at(128), at(127)},
		{at(500), at(501), at(127)},
		{at(5, 70), at(6, 7, 71), at(6, 71)},
	} {
		if got := x.before.follow(x.next); got != x.want {
			t.Errorf("%x then %x: got %x, want %x", x.before, x.next, got, x.want)
		}
	}
}
