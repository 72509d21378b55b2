package mailbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pages is a stand-in for the HotPage rows of a mailbox.
type pages map[uint32][]byte

func (p pages) snapshot(d *draft) {
	for _, n := range d.gonePages {
		delete(p, n)
	}
	for k := range d.chunks() {
		if c := d.chunk(k); c.dirty && c.n > 0 {
			p[c.page] = encodePage(c)
		}
	}
	d.clean()
}

func (p pages) entries(t *testing.T) (out []Entry) {
	t.Helper()
	keys := make([]uint32, 0, len(p))
	for n := range p {
		keys = append(keys, n)
	}
	slices.Sort(keys)
	for _, n := range keys {
		c, err := decodePage(p[n], n)
		must(t, err)
		for j := range c.n {
			out = append(out, c.entry(j))
		}
	}
	return out
}

// TestBigMailboxesAgreeWithAModel changes a mailbox of many chunks, some of them sparse, and wants the View,
// every older View and the pages to agree with a plain slice.
func TestBigMailboxesAgreeWithAModel(t *testing.T) {
	for seed := range uint64(seeds(20)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			v, rows := &View{}, pages{}
			var want []Entry
			var old []*View
			var oldWant [][]Entry
			next, seq := UID(1), ModSeq(0)
			for range 60 {
				d := v.edit()
				seq++
				switch r.IntN(6) {
				case 0, 1:
					for range r.IntN(1500) {
						e := Entry{UID: next, Msg: MsgNo(next), Flags: Flags(r.IntN(32)), ModSeq: seq, Size: int64(r.IntN(1 << 20)), Date: int64(next)}
						next += UID(1 + r.IntN(2))
						d.add(e)
						want = append(want, e)
					}
				case 2:
					want = dropSome(t, d, want, thin(r, want))
				case 3:
					want = dropSome(t, d, want, someRanges(r, next))
				case 4:
					set, op := someRanges(r, next), flagOp{Mode(r.IntN(3)), Flags(r.IntN(32))}
					want = slices.Clone(want)
					touched, _, _ := d.mark(set, op, seq)
					for i := range want {
						if set.Contains(want[i].UID) {
							want[i].Flags, want[i].ModSeq = op.apply(want[i].Flags), seq
							touched--
						}
					}
					if touched != 0 {
						t.Fatalf("touched %d too many", touched)
					}
				case 5:
					rows.snapshot(d)
					if !slices.Equal(rows.entries(t), want) {
						t.Fatal("the pages differ")
					}
				}
				var sum summary
				sum.recount(&d.View)
				d.sum = sum
				v = &d.View
				wantView(t, v, want)
				if r.IntN(4) == 0 {
					old, oldWant = append(old, v), append(oldWant, slices.Clone(want))
				}
			}
			for i := range old {
				wantView(t, old[i], oldWant[i])
				wantDiff(t, old[i], v)
			}
		})
	}
}

// thin names most of the messages, one by one.
func thin(r *rand.Rand, es []Entry) (s UIDSet) {
	for _, e := range es {
		if r.IntN(20) > 0 {
			s = s.Add(e.UID)
		}
	}
	return s
}

func someRanges(r *rand.Rand, next UID) UIDSet {
	var rs []UIDRange
	for range 1 + r.IntN(5) {
		lo := UID(r.IntN(int(next) + 5))
		rs = append(rs, UIDRange{lo, lo + UID(r.IntN(700))})
	}
	return NewUIDSet(rs...)
}

func dropSome(t *testing.T, d *draft, want []Entry, set UIDSet) []Entry {
	t.Helper()
	var got, gone []Entry
	d.drop(set, func(e Entry) { got = append(got, e) })
	left := slices.DeleteFunc(slices.Clone(want), func(e Entry) bool { return set.Contains(e.UID) })
	for _, e := range want {
		if set.Contains(e.UID) {
			gone = append(gone, e)
		}
	}
	if !slices.Equal(got, gone) {
		t.Fatalf("dropped %d, want %d", len(got), len(gone))
	}
	return left
}

func wantView(t *testing.T, v *View, want []Entry) {
	t.Helper()
	if !slices.Equal(entries(v), want) {
		t.Fatalf("the View has %d messages, want %d, or differs", v.Len(), len(want))
	}
	unseen, deleted, first := 0, 0, -1
	for i, e := range want {
		if e.Flags&Deleted != 0 {
			deleted++
		}
		if e.Flags&Seen == 0 {
			if unseen++; first < 0 {
				first = i
			}
		}
		if j, ok := v.Seq(e.UID); !ok || j != i || v.At(i) != e {
			t.Fatalf("Seq(%d) is %d, want %d", e.UID, j, i)
		}
	}
	if v.Unseen() != unseen || v.Deleted() != deleted || v.FirstUnseen() != first {
		t.Fatalf("%d unseen, %d deleted, first %d; want %d, %d, %d", v.Unseen(), v.Deleted(), v.FirstUnseen(), unseen, deleted, first)
	}
	if n := v.chunks(); n > sparse*(len(want)/chunkLen)+6 {
		t.Fatalf("%d chunks for %d messages", n, len(want))
	}
	if len(want) > 3 {
		lo := len(want) / 3
		var got []Entry
		for _, e := range v.In(v.UIDs(lo, len(want)-1)) {
			got = append(got, e)
		}
		if !slices.Equal(got, want[lo:len(want)-1]) {
			t.Fatal("In and UIDs differ")
		}
	}
}
