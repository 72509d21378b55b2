package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
)

// model is what an engine should hold: per partition and table, key -> value.
type model map[kv.Part]map[string]string

func (m model) clone() model {
	out := model{}
	for p, rows := range m {
		out[p] = maps.Clone(rows)
	}
	return out
}

func (m model) keys(p kv.Part) []string { return slices.Sorted(maps.Keys(m[p])) }

func modelKey(tb kv.Table, k string) string { return string(rune(tb)) + k }

// testHistory runs random transactions on the engine and on a plain map and compares all they see.
func testHistory(t *testing.T, e Engine) {
	parts := []kv.Part{acct1, acct2, queue, {Kind: kv.Directory}, {Kind: kv.Global}}
	rng := rand.New(rand.NewPCG(1, 2))
	m := model{}
	for _, p := range parts {
		m[p] = map[string]string{}
	}
	for step := range 400 {
		n := 1 + rng.IntN(3)
		ps := make([]kv.Part, 0, n)
		for _, i := range rng.Perm(len(parts))[:n] {
			ps = append(ps, parts[i])
		}
		fail := rng.IntN(8) == 0
		next := m.clone()
		err := e.KV.UpdateMany(t.Context(), ps, func(xs []kv.Txn) error {
			for range 1 + rng.IntN(12) {
				x := xs[rng.IntN(len(xs))]
				randomOp(t, rng, x, next[x.Part()], step)
			}
			if fail {
				return errOurs
			}
			return nil
		})
		if fail != (err != nil) {
			t.Fatalf("step %d: %v", step, err)
		}
		if !fail {
			m = next
		}
		if step%20 == 0 || fail {
			compare(t, e, m, step)
		}
	}
	compare(t, e, m, -1)
	if e.Reopen != nil {
		compare(t, e.Reopen(t), m, -2)
	}
}

func randomKey(rng *rand.Rand) string {
	k := make([]byte, rng.IntN(4))
	for i := range k {
		k[i] = "ab\x00\xff"[rng.IntN(4)]
	}
	return string(k)
}

// again begins the values of rows that were put more than once, for which DelOnce is not.
const again = "again "

var historyTables = []kv.Table{18, 19}

func randomOp(t *testing.T, rng *rand.Rand, x kv.Txn, rows map[string]string, step int) {
	t.Helper()
	tb := historyTables[rng.IntN(2)]
	k := randomKey(rng)
	switch rng.IntN(10) {
	case 0, 1, 2, 3:
		v := fmt.Sprintf("%d.%d", step, rng.IntN(100))
		if _, there := rows[modelKey(tb, k)]; there {
			v = again + v
		}
		x.Put(tb, []byte(k), []byte(v))
		rows[modelKey(tb, k)] = v
	case 4, 5:
		del := x.DelOnce
		if strings.HasPrefix(rows[modelKey(tb, k)], again) {
			del = x.Del
		}
		del(tb, []byte(k))
		delete(rows, modelKey(tb, k))
	case 6:
		hi := randomKey(rng)
		x.DelRange(tb, []byte(k), []byte(hi))
		for _, full := range slices.Sorted(maps.Keys(rows)) {
			if full >= modelKey(tb, k) && full < modelKey(tb, hi) && full[:1] == modelKey(tb, "")[:1] {
				delete(rows, full)
			}
		}
	case 7:
		v, ok, err := x.Get(tb, []byte(k))
		must(t, err)
		mv, mok := rows[modelKey(tb, k)]
		if ok != mok || string(v) != mv {
			t.Fatalf("step %d: Get(%q) = %q, %v, want %q, %v", step, k, v, ok, mv, mok)
		}
	default:
		o := kv.ScanOpt{Reverse: rng.IntN(2) == 0, Limit: rng.IntN(4)}
		want(t, fmt.Sprintf("step %d: scan", step), scan(t, x, tb, []byte(k), nil, o), scanModel(rows, tb, k, o))
	}
}

func scanModel(rows map[string]string, tb kv.Table, lo string, o kv.ScanOpt) string {
	var keys []string
	for full := range rows {
		if full >= modelKey(tb, lo) && full[:1] == modelKey(tb, "") {
			keys = append(keys, full)
		}
	}
	slices.Sort(keys)
	if o.Reverse {
		slices.Reverse(keys)
	}
	if o.Limit > 0 && len(keys) > o.Limit {
		keys = keys[:o.Limit]
	}
	var out bytes.Buffer
	for i, full := range keys {
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(full[1:] + "=" + rows[full])
	}
	return out.String()
}

func compare(t *testing.T, e Engine, m model, step int) {
	t.Helper()
	for p := range m {
		must(t, e.KV.View(t.Context(), p, func(r kv.Reader) error {
			for _, tb := range historyTables {
				want(t, fmt.Sprintf("step %d, %v, table %d", step, p, tb),
					scan(t, r, tb, nil, nil, kv.ScanOpt{}), scanModel(m[p], tb, "", kv.ScanOpt{}))
			}
			for _, full := range m.keys(p) {
				v, ok, err := r.Get(kv.Table(full[0]), []byte(full[1:]))
				must(t, err)
				if !ok || string(v) != m[p][full] {
					t.Fatalf("step %d: Get(%q) = %q, %v", step, full, v, ok)
				}
			}
			return nil
		}))
	}
}

// testReopen: what was acknowledged is there after the engine was closed and opened again.
func testReopen(t *testing.T, e Engine) {
	if e.Reopen == nil {
		t.Skip("this engine forgets")
	}
	var ids []kv.BlobID
	sizes := []int{0, 5000, 300000, 1 << 20}
	for i, n := range sizes {
		id, w := store(t, e, "prefix", body(n, uint32(i)))
		must(t, e.KV.Update(t.Context(), acct1, func(x kv.Txn) error {
			x.Put(table, []byte{'a' + byte(i)}, []byte("row"))
			x.Link(id, uint64(i))
			return nil
		}))
		must(t, w.Close())
		ids = append(ids, id)
	}
	e = e.Reopen(t)
	want(t, "rows", all(t, e, acct1), "a=row b=row c=row d=row")
	for i, id := range ids {
		got, err := load(t.Context(), e, id)
		must(t, err)
		if !bytes.Equal(got, append([]byte("prefix"), body(sizes[i], uint32(i))...)) {
			t.Fatalf("body %d differs", i)
		}
	}
	if e.GC != nil {
		must(t, e.GC(t.Context()))
	}
	for _, id := range ids {
		_, err := load(t.Context(), e, id)
		must(t, err)
	}
}
