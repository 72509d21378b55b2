package queue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// Census is what the whole queue holds, for a screen: entries and octets are exact, the rest is exact while
// there are at most censusRows entries and an estimate from samples beyond.
type Census struct {
	spool.Counts
	Recipients int64         // that wait
	Held       int64         // entries
	Oldest     time.Time     // arrival; zero: nothing stands
	Median     time.Duration // age that half of the entries have at least
	High       time.Duration // age that one in twenty has
	Estimated  bool
	Paused     []spool.Pause
}

// censusRows is how many entries are read one by one, censusSamples how many are looked at in a longer queue.
const (
	censusRows    = 10_000
	censusSamples = 2_000
)

// stratum is a shard in a census.
type stratum struct {
	part kv.Part
	meta spool.Meta
}

// sample is an entry that stands for weight of them.
type sample struct {
	age    time.Duration
	weight float64
}

// Census counts the queue. Its cost is bounded, however long the queue is.
func (q *Queue) Census(ctx context.Context) (Census, error) {
	var c Census
	var all []stratum
	err := q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return q.d.KV.View(ctx, p, func(r kv.Reader) error {
			m, err := spool.ReadMeta(r)
			if m.Entries > 0 {
				all = append(all, stratum{p, m})
				c.Entries += m.Entries
				c.Bytes += m.Bytes
			}
			return err
		})
	})
	if err != nil {
		return c, err
	}
	c.Estimated = c.Entries > censusRows
	if err := q.sampleAll(ctx, &c, all); err != nil {
		return c, err
	}
	c.Paused, err = q.Pauses(ctx)
	return c, err
}

func (q *Queue) sampleAll(ctx context.Context, c *Census, all []stratum) error {
	var ages []sample
	var rcpts, held float64
	now := q.d.Now()
	for _, st := range all {
		step := uint64(1)
		if c.Estimated {
			n := max(1, float64(st.meta.Entries)*censusSamples/float64(c.Entries))
			step = max(1, uint64(float64(st.meta.Next)/n))
		}
		var got []*spool.Entry
		err := q.d.KV.View(ctx, st.part, func(r kv.Reader) (err error) {
			got, err = sampleShard(r, st, step, c.Estimated)
			return err
		})
		if err != nil {
			return err
		}
		weight := float64(st.meta.Entries) / max(float64(len(got)), 1)
		for _, e := range got {
			if c.Oldest.IsZero() || e.Arrived.Before(c.Oldest) {
				c.Oldest = e.Arrived
			}
			rcpts += weight * float64(len(e.WaitingRcpts()))
			if e.Hold {
				held += weight
			}
			ages = append(ages, sample{max(now.Sub(e.Arrived), 0), weight})
		}
	}
	c.Recipients, c.Held = int64(rcpts+0.5), int64(held+0.5)
	c.Median, c.High = percentile(ages, 0.5), percentile(ages, 0.95)
	return nil
}

// sampleShard reads the first entry, and then one at every step of ids, or all.
func sampleShard(r kv.Reader, st stratum, step uint64, some bool) (out []*spool.Entry, err error) {
	limit := 0
	if some {
		limit = 1
	}
	for from := spool.ID(0); from < st.meta.Next; {
		last := from
		err := spool.Scan(r, spool.Shard(st.part.ID), from, limit, nil, func(e *spool.Entry) error {
			out = append(out, e)
			last = e.ID
			return nil
		})
		if err != nil || !some {
			return out, err
		}
		from = last + spool.ID(step)
	}
	return out, nil
}

// percentile gives the age that a share of the entries does not exceed.
func percentile(ages []sample, share float64) time.Duration {
	slices.SortFunc(ages, func(a, b sample) int { return cmp.Compare(a.age, b.age) })
	var all, sum float64
	for _, s := range ages {
		all += s.weight
	}
	for _, s := range ages {
		if sum += s.weight; sum >= share*all {
			return s.age
		}
	}
	return 0
}
