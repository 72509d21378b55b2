package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"barid/base/kv"
	"barid/mail/spool"
	"barid/rfc/status"
)

// reportFinal makes the reports that an entry owes: of what failed, what was relayed, what became several, what
// was delivered. It does one at a time; run comes back for the next.
func (q *Queue) reportFinal(e *spool.Entry) (*spool.Entry, error) {
	kind, rcpts := owed(e)
	if kind == Failed && e.Several {
		return q.reportTogether(e)
	}
	return q.report(e, kind, rcpts, noteTold(rcpts))
}

// noteTold notes that the sender was told of some recipients.
func noteTold(rcpts []int) func(*spool.Entry) {
	return func(e *spool.Entry) {
		for _, i := range rcpts {
			if e.Rcpts[i].State != spool.Waiting {
				e.Rcpts[i].Told = true
			}
		}
	}
}

// owed gives the report to make next.
func owed(e *spool.Entry) (Kind, []int) {
	if failed := e.Owed(true); len(failed) > 0 {
		return Failed, failed
	}
	by := map[spool.State][]int{}
	for _, i := range e.Owed(false) {
		s := e.Rcpts[i].State
		by[s] = append(by[s], i)
	}
	switch {
	case len(by[spool.Relayed]) > 0:
		return Relayed, by[spool.Relayed]
	case len(by[spool.Expanded]) > 0:
		return Expanded, by[spool.Expanded]
	}
	return Delivered, by[spool.Delivered]
}

// reportDelay tells the sender that the message is late.
func (q *Queue) reportDelay(e *spool.Entry) (*spool.Entry, error) {
	now := q.d.Now()
	return q.report(e, Delayed, e.WantsDelay(), func(e *spool.Entry) { e.DelayTold = now })
}

// report makes one report and notes it by f. A report that fails is tried again later; one that can never be
// made, or that could not for Settings.ReportFor after the message's time, is noted as made and logged.
func (q *Queue) report(e *spool.Entry, kind Kind, rcpts []int, f func(e *spool.Entry)) (*spool.Entry, error) {
	note := q.made(f)
	after, err := q.tell(e, kind, rcpts, note)
	if err == nil {
		q.d.Metrics.reported(kind)
		return after, nil
	}
	if q.life.Err() != nil {
		return nil, nil
	}
	q.d.Log.Error("a report can not be made", slog.String("entry", e.Name().String()), slog.String("id", e.Message.ID),
		slog.String("kind", kind.String()), slog.Any("error", err))
	q.d.Metrics.reportFailed()
	se, told := status.Of(err)
	if told && se.Class == status.Permanent || q.d.Now().After(q.set.expires(e).Add(q.set.ReportFor)) {
		return q.commit(e.Name(), note)
	}
	return q.commit(e.Name(), func(e *spool.Entry) {
		if kind == Delayed {
			f(e) // a notice that comes late is worth nothing
		} else {
			e.ReportTries++
		}
		q.set.schedule(e, q.d.Now())
	})
}

// made gives the note, by f, that a report was made.
func (q *Queue) made(f func(e *spool.Entry)) func(*spool.Entry) {
	return func(e *spool.Entry) {
		f(e)
		e.ReportTries = 0
		q.set.schedule(e, q.d.Now())
	}
}

// errUnmarked is when a Joiner gives no error and has not used its mark.
var errUnmarked = errors.New("queue: the reporter did not commit the mark")

// noting is the note of an entry that a report was made about the recipients that it owed one.
type noting struct {
	name spool.Name
	owed []int
	note func(*spool.Entry)
}

// errChanged is when an entry that a report is about too is not as it was read: an operator was there.
var errChanged = errors.New("queue: another entry of the message has changed")

// noteWith is the note of an entry that nobody else is kept from changing.
func (q *Queue) noteWith(t kv.Txn, n noting) error {
	e, err := spool.Load(t, n.name.Shard, n.name.ID)
	if err != nil {
		return err
	}
	if e == nil || e.Hold || !slices.Equal(e.Owed(true), n.owed) {
		return errChanged
	}
	_, err = q.change(t, n.name, n.note)
	return err
}

// tell calls the Reporter and commits the note: with the report if it can, else behind it. with are the notes of other
// entries that the report is about too.
func (q *Queue) tell(e *spool.Entry, kind Kind, rcpts []int, note func(*spool.Entry), with ...noting) (after *spool.Entry, err error) {
	alone := func(context.Context) (err error) {
		for _, n := range with {
			if _, err := q.commit(n.name, n.note); err != nil {
				return err
			}
		}
		after, err = q.commit(e.Name(), note)
		return err
	}
	if q.d.Report == nil {
		err = alone(q.life)
		return after, err
	}
	j, ok := q.d.Report.(Joiner)
	if !ok {
		if err := q.d.Report.Report(q.life, e, kind, rcpts); err != nil {
			return nil, err
		}
		err = alone(q.life)
		return after, err
	}
	marked := false
	mark := Mark{
		Part: e.Shard.Part(),
		Do: func(t kv.Txn) (err error) {
			marked = true
			after, err = q.change(t, e.Name(), note)
			return err
		},
		Alone: func(ctx context.Context) error {
			err := alone(ctx)
			marked = err == nil
			return err
		},
	}
	for _, n := range with {
		mark.With = append(mark.With, Mark{Part: n.name.Shard.Part(), Do: func(t kv.Txn) error { return q.noteWith(t, n) }})
	}
	err = j.ReportWith(q.life, e, kind, rcpts, mark)
	if err == nil && !marked {
		err = errUnmarked
	}
	return after, err
}
