package queue

import (
	"context"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail/spool"
)

// PauseLine keeps a line ("example.org" or "route:NAME") from being tried until a time (zero: until
// ResumeLine), across restarts. What is under way ends; entries go on to expire, and their senders are told.
func (q *Queue) PauseLine(ctx context.Context, name string, until time.Time, reason string) error {
	p := spool.Pause{Queue: name, Since: q.d.Now(), Until: until, Reason: reason}
	return q.setPause(ctx, name, &p)
}

// ResumeLine ends a pause, and whatever a line was left alone for.
func (q *Queue) ResumeLine(ctx context.Context, name string) error { return q.setPause(ctx, name, nil) }

func (q *Queue) setPause(ctx context.Context, name string, p *spool.Pause) error {
	put := func(t kv.Txn) {
		if p == nil {
			spool.DelPause(t, name)
		} else {
			spool.PutPause(t, *p)
		}
	}
	return q.setLine(ctx, name, put, func(l *line) {
		if l.pause = p; p == nil {
			l.flow.until = time.Time{}
		}
	})
}

// setLine stores what an operator wants of a line, and then applies it to the line in memory.
func (q *Queue) setLine(ctx context.Context, name string, put func(kv.Txn), apply func(*line)) error {
	if q.isStopping() {
		return ErrNotRunning
	}
	id := shardOfLine(name)
	if err := q.own(ctx, id); err != nil {
		return err
	}
	err := q.d.KV.Update(ctx, id.Part(), func(t kv.Txn) error { put(t); return nil })
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.d.Now()
	l := q.line(q.shard(id), name)
	apply(l)
	q.list(l, now)
	q.dispatch(now)
	return nil
}

// Pauses gives all lines that are paused.
func (q *Queue) Pauses(ctx context.Context) ([]spool.Pause, error) {
	now := q.d.Now()
	var out []spool.Pause
	err := q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return q.d.KV.View(ctx, p, func(r kv.Reader) error {
			return spool.Pauses(r, func(p spool.Pause) {
				if p.Until.IsZero() || now.Before(p.Until) {
					out = append(out, p)
				}
			})
		})
	})
	return out, err
}

// shardOfLine gives the shard of a line by its name.
func shardOfLine(name string) spool.Shard {
	if route, ok := strings.CutPrefix(name, "route:"); ok {
		return spool.ShardOf("", route)
	}
	return spool.ShardOf(name, "")
}
