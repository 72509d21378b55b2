package event

import (
	"context"
	"slices"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// MaxFound is how many events one Find gives at most.
const MaxFound = 1000

// sweepStep is how many rows one transaction of Sweep looks at.
const sweepStep = 4096

// Query says which events are wanted. The zero value of a field asks for all.
type Query struct {
	ID      string         // of a transaction
	Session string         // of a connection
	Account mail.AccountID // a recipient, or the login
	Since   time.Time      // not older than this
	Limit   int            // at most so many; 0 or more than MaxFound: MaxFound
	Oldest  bool           // with ID or Session: the oldest, oldest first
}

// Find gives the newest events that match, newest first. What was recorded in the last Options.Delay may be
// missing; Flush first when that matters. A search by ID or Session reads the index; one by Account reads events
// until it has enough.
func (l *Log) Find(ctx context.Context, q Query) (found []Event, err error) {
	if q.Limit <= 0 || q.Limit > MaxFound {
		q.Limit = MaxFound
	}
	if q.ID != "" || q.Session != "" {
		return l.findNamed(ctx, q)
	}
	err = l.db.View(ctx, part, func(r kv.Reader) error { return l.scan(ctx, r, keyOf(q.since()), nil, q, &found) })
	return found, err
}

// scan adds what matches among the rows from lo to hi, newest first, up to the limit of q.
func (l *Log) scan(ctx context.Context, r kv.Reader, lo, hi []byte, q Query, found *[]Event) error {
	if len(*found) >= q.Limit {
		return nil
	}
	return each(ctx, r, lo, hi, func(e *Event) error {
		if !q.match(e) {
			return nil
		}
		if *found = append(*found, *e); len(*found) == q.Limit {
			return kv.ErrStop
		}
		return nil
	})
}

// Recent calls f with the newest events, newest first, at most n of them. f must not keep the pointer.
func (l *Log) Recent(ctx context.Context, n int, f func(*Event)) error {
	return l.db.View(ctx, part, func(r kv.Reader) error {
		return each(ctx, r, nil, nil, func(e *Event) error {
			if n--; n < 0 {
				return kv.ErrStop
			}
			f(e)
			return nil
		})
	})
}

// each calls f with the events from lo to hi, newest first. One that can not be read does not hide the others.
func each(ctx context.Context, r kv.Reader, lo, hi []byte, f func(*Event) error) error {
	return r.Scan(mail.TableEvent, lo, hi, kv.ScanOpt{Reverse: true}, func(k, v []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := decode(v)
		if err != nil || len(k) != 8 {
			return nil
		}
		e.Time = time.UnixMicro(timeOf(k)).UTC()
		return f(&e)
	})
}

// match tells whether e is wanted.
func (q *Query) match(e *Event) bool {
	return (q.ID == "" || e.ID == q.ID) &&
		(q.Session == "" || e.Session == q.Session || strings.HasPrefix(e.ID, q.Session+".")) &&
		(q.Account == 0 || e.Login == q.Account || slices.Contains(e.Accounts, q.Account))
}

// since gives the first microsecond to look at. The id of a session begins with the time it was made
// (base/id), and nothing that happened in it is older; so a search by id does not read what came before.
func (q *Query) since() int64 {
	us := q.Since.UnixMicro()
	if q.Since.IsZero() {
		us = 0
	}
	return max(us, idTime(q.Session), idTime(q.ID))
}

// idTime gives the microsecond, less a minute for a clock that was set back, at which an id of base/id was
// made; 0 if it is none of ours.
func idTime(id string) int64 {
	const alphabet, digits = "0123456789abcdefghjkmnpqrstvwxyz", 12
	if len(id) < digits {
		return 0
	}
	var v uint64
	for i := range digits {
		d := strings.IndexByte(alphabet, id[i])
		if d < 0 {
			return 0
		}
		v = v<<5 | uint64(d)
	}
	return max(0, int64(v>>12)*1000-time.Minute.Microseconds())
}

// Sweep removes events older than Options.Keep as of now and tells how many. Call it now and then; a few
// thousand rows are removed in one transaction. The index goes by whole days.
func (l *Log) Sweep(ctx context.Context, now time.Time) (removed int, err error) {
	oldest := now.Add(-l.o.Keep).UnixMicro()
	hi := keyOf(oldest)
	defer func() {
		if err == nil && removed > 0 {
			err = l.db.Update(ctx, part, func(t kv.Txn) error {
				t.DelRange(mail.TableEventIndex, dayKey(1), dayKey(dayOf(oldest)))
				return nil
			})
		}
	}()
	for {
		n := 0
		err := l.db.Update(ctx, part, func(t kv.Txn) error {
			var last []byte
			err := t.Scan(mail.TableEvent, nil, hi, kv.ScanOpt{Limit: sweepStep}, func(k, _ []byte) error {
				n++
				last = append(last[:0], k...)
				return nil
			})
			if err == nil && n > 0 {
				t.DelRange(mail.TableEvent, nil, append(last, 0))
			}
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += n
		if n < sweepStep {
			return removed, nil
		}
	}
}
