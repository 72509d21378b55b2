package queue

import (
	"context"
	"errors"
	"log/slog"

	"barid/base/kv"
	"barid/mail/spool"
	"barid/rfc/status"
)

// reportFinal makes the reports that an entry owes: of what failed, what was relayed, what became several, what
// was delivered. It does one at a time; run comes back for the next.
func (q *Queue) reportFinal(e *spool.Entry) (*spool.Entry, error) {
	kind, rcpts := owed(e)
	return q.report(e, kind, rcpts, func(e *spool.Entry) {
		for _, i := range rcpts {
			if e.Rcpts[i].State != spool.Waiting {
				e.Rcpts[i].Told = true
			}
		}
	})
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
	note := func(e *spool.Entry) {
		f(e)
		e.ReportTries = 0
		q.set.schedule(e, q.d.Now())
	}
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

// errUnmarked is when a Joiner gives no error and has not used its mark.
var errUnmarked = errors.New("queue: the reporter did not commit the mark")

// tell calls the Reporter and commits the note: with the report if it can, else behind it.
func (q *Queue) tell(e *spool.Entry, kind Kind, rcpts []int, note func(*spool.Entry)) (*spool.Entry, error) {
	if q.d.Report == nil {
		return q.commit(e.Name(), note)
	}
	j, ok := q.d.Report.(Joiner)
	if !ok {
		if err := q.d.Report.Report(q.life, e, kind, rcpts); err != nil {
			return nil, err
		}
		return q.commit(e.Name(), note)
	}
	var after *spool.Entry
	marked := false
	mark := Mark{
		Part: e.Shard.Part(),
		Do: func(t kv.Txn) (err error) {
			marked = true
			after, err = q.change(t, e.Name(), note)
			return err
		},
		Alone: func(context.Context) (err error) {
			after, err = q.commit(e.Name(), note)
			marked = err == nil
			return err
		},
	}
	err := j.ReportWith(q.life, e, kind, rcpts, mark)
	if err == nil && !marked {
		err = errUnmarked
	}
	return after, err
}
