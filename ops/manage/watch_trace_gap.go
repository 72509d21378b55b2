package manage

import (
	"slices"
	"strings"
	"time"

	"barid/flow/queue"
	"barid/mail/event"
)

// Why a step says that something is missing. Events are written a tenth of a second behind what they tell of (ADR 0006):
// a kill in between loses the last ones, and nothing of the mail.
const (
	MissingBeginning = "beginning" // how it came here
	MissingEnd       = "end"       // what became of some recipients, who are not in the queue any more
)

// gaps adds to the steps of es what is missing in them; left are the entries that are in the queue now.
func (t *tracer) gaps(id string, es []event.Event, left, steps []Step) []Step {
	if len(es) == 0 || !begins(es) {
		at := t.now
		if len(steps) > 0 {
			at = steps[0].Time
		}
		steps = slices.Insert(steps, 0, t.say(Step{Time: at, Code: StepMissing, ID: id, Reason: MissingBeginning}))
	}
	if to := unaccounted(es, left); len(to) > 0 {
		last := steps[len(steps)-1].Time
		steps = append(steps, t.say(Step{Time: last, Code: StepMissing, ID: id, Reason: MissingEnd, To: to, Recipients: len(to)}))
	}
	return steps
}

// begins tells whether the events say how the message came, or that it is a report of ours.
func begins(es []event.Event) bool {
	return slices.ContainsFunc(es, func(e event.Event) bool { return e.Session != "" || e.Stage == "report" })
}

// unaccounted gives the recipients of whom it is known that they were to be tried, and neither what became of them nor
// that they wait.
func unaccounted(es []event.Event, left []Step) (to []string) {
	var done []string
	queued := false
	for i := range es {
		e := &es[i]
		switch {
		case e.Stage == "report":
		case e.Kind == event.Queued || e.Kind == event.Delayed:
			queued = true
			if !slices.ContainsFunc(left, func(s Step) bool { return e.Hop != nil && s.Entry == e.Hop.Entry }) {
				to = appendUnicode(to, e.To)
			}
		case e.Hop != nil:
			done = appendUnicode(done, e.To)
		}
	}
	if last := len(es) - 1; !queued && len(left) == 0 && last >= 0 && es[last].Kind == event.Accepted {
		to = appendUnicode(nil, es[last].To) // it was to be carried on, and that is all
	}
	for i := range left {
		done = append(done, left[i].To...)
	}
	to = slices.DeleteFunc(to, func(a string) bool { return slices.Contains(done, a) })
	slices.Sort(to)
	return slices.Compact(to)
}

func appendUnicode(to, addresses []string) []string {
	for _, a := range addresses {
		to = append(to, unicode(a))
	}
	return to
}

// unrecorded gives the entries of a message whose events may be lost: a search of the whole queue, stopped after one if
// that is enough.
func (t *tracer) unrecorded(id string, one bool) (out []Step, err error) {
	if t.m.Queue == nil || !strings.Contains(id, ".") {
		return nil, nil
	}
	for e, err := range t.m.Queue.Find(t.ctx, queue.Selector{Messages: []string{id}}) {
		if err != nil {
			return out, err
		}
		if out = append(out, t.say(t.waits(e))); one {
			break
		}
	}
	return out, nil
}

// How often and how long a trace looks again at a message that changes while it is read.
const (
	maxLooks = 20
	lookWait = 50 * time.Millisecond
	justNow  = 2 * time.Second
)

// settledView gives the events of a message and its entries in the queue, read so that they agree: what left the queue
// has an event, which may come a moment behind.
func (t *tracer) settledView(id string) (es []event.Event, omitted int, left []Step, err error) {
	for look := 1; ; look++ {
		if es, omitted, err = t.events(id); err != nil {
			return nil, 0, nil, err
		}
		if left, err = t.standing(es); err == nil && !begins(es) {
			left, err = t.unrecorded(id, false)
		}
		if err != nil || look == maxLooks {
			return es, omitted, left, err
		}
		if err = t.m.Events.Flush(t.ctx); err != nil {
			return nil, 0, nil, err
		}
		again, more, err := t.events(id)
		if err != nil {
			return nil, 0, nil, err
		}
		same := len(again) == len(es) && more == omitted
		if same && !t.underWay(es, left) {
			return es, omitted, left, nil
		}
		if same && !t.wait(lookWait) {
			return nil, 0, nil, t.ctx.Err()
		}
	}
}

// underWay tells whether something happened just now of which the rest is to be written yet: what became of a recipient,
// or that the sender is told. Of NOTIFY=NEVER nothing is written, so this is looked for a moment only.
func (t *tracer) underWay(es []event.Event, left []Step) bool {
	if len(es) == 0 {
		return false
	}
	since := time.Since(es[len(es)-1].Time)
	return since >= 0 && since < justNow && (len(unaccounted(es, left)) > 0 || len(left) == 0 && untold(es))
}

// untold tells whether some recipient was given up and nothing says that the sender is told, or why not.
func untold(es []event.Event) bool {
	failed := false
	for i := range es {
		if es[i].Stage == "report" {
			return false
		}
		failed = failed || es[i].Hop != nil && (es[i].Kind == event.Bounced || es[i].Kind == event.Expired)
	}
	return failed
}

func (t *tracer) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}
