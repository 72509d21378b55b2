package imap

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"barid/rfc/imap"
)

// TestColumnsSortAsAComparisonDoes compares with the library's stable sort, over numbers of every width.
func TestColumnsSortAsAComparisonDoes(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		n, width := r.IntN(300), r.IntN(65)
		c := make(column, n)
		order := make([]int32, n)
		for i := range c {
			c[i] = r.Uint64() >> (64 - width)
			order[i] = int32(i)
		}
		r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		want := slices.Clone(order)
		slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(c[a], c[b]) })
		got, _ := c.sort(order, make([]int32, n))
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v of %v, want %v", seed, got, c, want)
		}
	}
}

// TestRanksOrderAsTheTexts: equal texts have one rank, and no text the lowest.
func TestRanksOrderAsTheTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	run := &keyRun{rows: make([]sortKey, 500)}
	for i := range run.rows {
		if n := r.IntN(40); n > 0 {
			run.rows[i].subject = fmt.Sprint("s", n)
		}
	}
	ranks := run.ranked(imap.SortSubject)
	for i := range run.rows {
		if none := run.rows[i].subject == ""; none != (ranks[i] == 0) {
			t.Errorf("%q has rank %d", run.rows[i].subject, ranks[i])
		}
		j := r.IntN(len(run.rows))
		if got, want := cmp.Compare(ranks[i], ranks[j]), cmp.Compare(run.rows[i].subject, run.rows[j].subject); got != want {
			t.Errorf("%q and %q compare as %d, not %d", run.rows[i].subject, run.rows[j].subject, got, want)
		}
	}
}

func BenchmarkColumnSort(b *testing.B) {
	c := make(column, 100_000)
	order, spare := make([]int32, len(c)), make([]int32, len(c))
	for i := range c {
		c[i] = uint64(rand.IntN(30_000))
	}
	for b.Loop() {
		for i := range order {
			order[i] = int32(i)
		}
		order, spare = c.sort(order, spare)
	}
}
