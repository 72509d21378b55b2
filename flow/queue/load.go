package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// want puts a shard on the loader's list. The caller holds mu.
func (q *Queue) want(sh *shard) {
	if !sh.wanted {
		sh.wanted = true
		q.wanting = append(q.wanting, sh)
	}
	signal(q.load)
}

// wantLoad wakes the loader.
func (q *Queue) wantLoad() { signal(q.load) }

// loadPause is how long the loader waits after the store failed.
const loadPause = time.Second

// loadLoop reads what is due soon, what there is room for, and what nobody told of.
func (q *Queue) loadLoop() {
	tick := time.NewTicker(q.set.Tick)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(q.life)
	defer cancel()
	for {
		select {
		case <-q.stopped:
			return
		case <-tick.C:
			q.tick(ctx)
		case <-q.load:
		}
		if !q.loadWanted(ctx) {
			select {
			case <-q.stopped:
				return
			case <-time.After(loadPause):
				q.wantLoad()
			}
		}
	}
}

// loadWanted serves the shards on the list until it is empty. It reports false if the store failed.
func (q *Queue) loadWanted(ctx context.Context) (ok bool) {
	ok = true
	for ok {
		q.mu.Lock()
		list := q.wanting
		q.wanting = nil
		for _, sh := range list {
			sh.wanted = false
		}
		q.mu.Unlock()
		if len(list) == 0 || q.isStopped() {
			return ok
		}
		for _, sh := range list {
			if err := q.serve(ctx, sh); err != nil {
				ok = false
				q.failed(sh, err)
			}
		}
	}
	return ok
}

// failed logs why a shard could not be read and puts it back on the list.
func (q *Queue) failed(sh *shard, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if errors.Is(err, spool.ErrLostLease) {
		q.lost(sh)
		return
	}
	q.d.Log.Error("the queue can not be read", slog.Int("shard", int(sh.id)), slog.Any("error", err))
	q.want(sh)
}

func (q *Queue) isStopped() bool {
	select {
	case <-q.stopped:
		return true
	default:
		return false
	}
}

// serve does one step of everything that a shard wants.
func (q *Queue) serve(ctx context.Context, sh *shard) error {
	q.mu.Lock()
	open, lease := sh.open, sh.lease
	q.mu.Unlock()
	if !open {
		if lease.Epoch != 0 {
			return nil // lost
		}
		return q.openShards(ctx, sh.id)
	}
	for _, step := range [...]func(context.Context, *shard) error{q.reloadChanged, q.refillStep, q.advanceStep} {
		if err := step(ctx, sh); err != nil {
			return err
		}
	}
	return nil
}

// refillStep reads one chunk of the backlogs of a shard.
func (q *Queue) refillStep(ctx context.Context, sh *shard) error {
	q.mu.Lock()
	from, to, ok := q.refillFrom(sh)
	q.mu.Unlock()
	if !ok {
		return nil
	}
	slots, err := q.slots(ctx, sh.id, from, to)
	if err != nil {
		return err
	}
	next := to
	if len(slots) == chunk {
		next = slots[chunk-1].After()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.d.Now()
	q.refill(sh, slots, from, next, to, func(la *lane, s *spool.Slot) { q.enter(la, s, nil, now) })
	if _, _, more := q.refillFrom(sh); more {
		q.want(sh)
	}
	q.dispatch(now)
	return nil
}

// advanceStep reads the next chunk of what is due within the horizon.
func (q *Queue) advanceStep(ctx context.Context, sh *shard) error {
	q.mu.Lock()
	now := q.d.Now()
	target := spool.At(now.Add(q.set.Horizon))
	from := sh.frontier
	if !from.Less(spool.At(now.Add(q.set.Horizon / 2))) {
		q.mu.Unlock()
		return nil
	}
	if q.items >= q.set.Memory {
		q.stalled = true
		q.mu.Unlock()
		return nil
	}
	sh.pending, sh.lowering = target, false
	q.mu.Unlock()
	slots, err := q.slots(ctx, sh.id, from, target)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance(sh, slots, target)
	return nil
}

// advance brings what was read at the frontier into memory and moves it.
func (q *Queue) advance(sh *shard, slots []spool.Slot, target spool.Cursor) {
	now := q.d.Now()
	next := target
	if len(slots) == chunk {
		next = slots[chunk-1].After()
	}
	for i := range slots {
		if q.items >= q.set.Memory {
			next = slots[i].Cursor
			break
		}
		q.place(sh, slots[i], nil, now)
	}
	if sh.lowering && sh.lowered.Less(next) {
		next = sh.lowered
	}
	sh.frontier = next
	if next.Less(target) {
		if q.items < q.set.Memory {
			q.want(sh)
		} else {
			q.stalled = true
		}
	}
	q.dispatch(now)
}

// slots reads at most a chunk of the schedule.
func (q *Queue) slots(ctx context.Context, id spool.Shard, from, to spool.Cursor) ([]spool.Slot, error) {
	var out []spool.Slot
	err := q.read(ctx, id, func(r kv.Reader) error {
		return spool.ScanSchedule(r, from, to, chunk, func(s spool.Slot) error {
			out = append(out, s)
			return nil
		})
	})
	return out, err
}

// reloadChanged reads entries that an operator changed while they were busy.
func (q *Queue) reloadChanged(ctx context.Context, sh *shard) error {
	q.mu.Lock()
	ids := sh.reload
	sh.reload = nil
	q.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	var es []*spool.Entry
	err := q.read(ctx, sh.id, func(r kv.Reader) error {
		for _, id := range ids {
			e, err := spool.Load(r, sh.id, id)
			if err != nil && !errors.Is(err, kv.ErrCorrupt) {
				return err
			}
			if e != nil && !e.Hold {
				es = append(es, e)
			}
		}
		return nil
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		sh.reload = append(sh.reload, ids...)
		return err
	}
	q.placeAll(sh, es)
	return nil
}

// placeAll brings entries into memory. The caller holds mu.
func (q *Queue) placeAll(sh *shard, es []*spool.Entry) {
	now := q.d.Now()
	for _, e := range es {
		q.place(sh, e.Slot(), nil, now)
	}
	q.dispatch(now)
}
