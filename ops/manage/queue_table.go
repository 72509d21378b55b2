package manage

import (
	"context"
	"io"
	"time"

	"barid/base/fault"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/relay"
	"barid/mail/spool"
)

// Limits of one answer.
const (
	queuePage  = 500      // entries
	queueRcpts = 10_000   // recipients
	bodyChunk  = 64 << 10 // bytes of a message
)

// QueueQuery is the input of queue.list.
type QueueQuery struct {
	QueueSelector
	After string `json:"after,omitempty"` // Next of the page before
	Limit int    `json:"limit,omitempty"` // entries of a page; 0 or too many: 500
}

// QueuePage is a part of a list: by destination, in each the oldest first.
type QueuePage struct {
	Entries []QueueEntry `json:"entries"`
	Next    string       `json:"next,omitempty"` // what to read on with; "" at the end
}

// QueueChange is the input of the operations that change entries.
type QueueChange struct {
	QueueSelector
	DryRun bool   `json:"dry_run,omitempty"` // tell how many, and change nothing
	Reason string `json:"reason,omitempty"`  // queue.bounce: what the senders are told

	ToRoute       string `json:"to_route,omitempty"`       // queue.route: the route to take, "direct" for the way by MX; "": as the rules say
	ToDestination string `json:"to_destination,omitempty"` // queue.route: another domain to look up
}

// QueueResult is what a change did, or would do.
type QueueResult struct {
	Matched int  `json:"matched"` // entries that were chosen
	Changed int  `json:"changed"` // of them, those that were not already so
	DryRun  bool `json:"dry_run"`
	Running bool `json:"running"` // a server works on the queue; if not, what is due waits for it
}

// QueuePart is the input of queue.message: a part of the stored bytes of an entry's message.
type QueuePart struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Header bool   `json:"header,omitempty"` // not beyond the header section
}

// QueueBytes is what queue.message answers.
type QueueBytes struct {
	Data []byte `json:"data"`
	Size int64  `json:"size"` // of all there is
}

func queueOperations() []Operation {
	return []Operation{
		op("queue.list", func(ctx context.Context, m *Manager, in QueueQuery, _ Progress) (QueuePage, error) {
			return m.queueList(ctx, in)
		}),
		op("queue.show", func(ctx context.Context, m *Manager, in Named, _ Progress) (QueueEntry, error) {
			e, err := m.queueFind(ctx, in.Name)
			if err != nil {
				return QueueEntry{}, err
			}
			n := names{m, map[mail.AccountID]string{}}
			return queueEntry(e, n.of(ctx, e.Account), true), nil
		}),
		op("queue.message", func(ctx context.Context, m *Manager, in QueuePart, _ Progress) (QueueBytes, error) {
			return m.queueBytes(ctx, in)
		}),
		change("queue.hold", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Hold(ctx, s, in.DryRun)
		}),
		change("queue.release", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Release(ctx, s, in.DryRun)
		}),
		change("queue.retry", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Retry(ctx, s, in.DryRun)
		}),
		change("queue.bounce", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Bounce(ctx, s, in.Reason, in.DryRun)
		}),
		change("queue.delete", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Delete(ctx, s, in.DryRun)
		}),
		change("queue.route", func(ctx context.Context, q *queue.Queue, s queue.Selector, in QueueChange) (queue.Result, error) {
			return q.Reroute(ctx, s, in.ToDestination, in.ToRoute, in.DryRun)
		}),
		op("queue.pause", func(ctx context.Context, m *Manager, in LinePause, _ Progress) (LineChange, error) {
			return m.pauseLine(ctx, in)
		}),
		op("queue.resume", func(ctx context.Context, m *Manager, in LinePause, _ Progress) (LineChange, error) {
			return m.resumeLine(ctx, in)
		}),
		op("queue.pauses", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]PauseInfo, error) { return m.pauses(ctx) }),
		op("queue.limit", func(ctx context.Context, m *Manager, in LineShape, _ Progress) (ShapeInfo, error) {
			return m.shapeLine(ctx, in)
		}),
		op("queue.limits", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]ShapeInfo, error) { return m.shapes(ctx) }),
		op("queue.summary", func(ctx context.Context, m *Manager, in QueueQuery, _ Progress) ([]QueueLine, error) {
			return m.queueSummary(ctx, in)
		}),
		op("queue.counts", func(ctx context.Context, m *Manager, _ None, _ Progress) (QueueCounts, error) {
			return m.queueCounts(ctx)
		}),
	}
}

// change makes the row of an operation that changes entries.
func change(name string, f func(context.Context, *queue.Queue, queue.Selector, QueueChange) (queue.Result, error)) Operation {
	return op(name, func(ctx context.Context, m *Manager, in QueueChange, _ Progress) (QueueResult, error) {
		s, err := m.selector(ctx, &in.QueueSelector)
		if err == nil {
			err = m.checkWay(&in)
		}
		if err != nil {
			return QueueResult{}, err
		}
		if err := m.needEntries(ctx, s.Names); err != nil {
			return QueueResult{}, err
		}
		r, err := f(ctx, m.Queue, s, in)
		return QueueResult{Matched: r.Matched, Changed: r.Changed, DryRun: in.DryRun, Running: m.Server != nil}, queueFault(err)
	})
}

// checkWay reads where queue.route is to lead.
func (m *Manager) checkWay(in *QueueChange) (err error) {
	if in.ToDestination, err = destination(in.ToDestination); err != nil {
		return err
	}
	if in.ToRoute == "" || in.ToRoute == relay.Direct || m.Relaying.Store == nil {
		return nil
	}
	_, err = m.Relaying.Store.Snapshot().Need(in.ToRoute)
	return err
}

// needEntries refuses names that nothing has before anything is changed.
func (m *Manager) needEntries(ctx context.Context, ns []spool.Name) error {
	for _, n := range ns {
		e, err := m.Queue.Show(ctx, n)
		if err != nil {
			return err
		}
		if e == nil {
			return noEntry(n.String())
		}
	}
	return nil
}

func (m *Manager) queueList(ctx context.Context, in QueueQuery) (QueuePage, error) {
	page := QueuePage{Entries: []QueueEntry{}}
	s, err := m.selector(ctx, &in.QueueSelector)
	if err != nil {
		return page, err
	}
	if in.After != "" {
		after, ok := spool.ParseName(in.After)
		if !ok {
			return page, fault.New("B1004", "%q is no place in the queue", in.After).WithExit(fault.ExitUsage)
		}
		s.After = after
	}
	limit, rcpts := queuePage, 0
	if in.Limit > 0 {
		limit = min(in.Limit, queuePage)
	}
	accounts := names{m, map[mail.AccountID]string{}}
	for e, err := range m.Queue.Find(ctx, s) {
		if err != nil {
			return page, err
		}
		if len(page.Entries) == limit || rcpts >= queueRcpts {
			page.Next = page.Entries[len(page.Entries)-1].QueueID
			break
		}
		page.Entries = append(page.Entries, queueEntry(e, accounts.of(ctx, e.Account), false))
		rcpts += len(e.Rcpts)
	}
	return page, nil
}

// queueFind gives the entry with a name.
func (m *Manager) queueFind(ctx context.Context, name string) (*spool.Entry, error) {
	n, ok := spool.ParseName(name)
	if !ok {
		return nil, noEntry(name)
	}
	e, err := m.Queue.Show(ctx, n)
	if err == nil && e == nil {
		err = noEntry(name)
	}
	return e, err
}

// queueBytes gives a part of the stored message of an entry.
func (m *Manager) queueBytes(ctx context.Context, in QueuePart) (QueueBytes, error) {
	e, err := m.queueFind(ctx, in.ID)
	if err != nil {
		return QueueBytes{}, err
	}
	r, err := m.Blobs.Open(ctx, e.Blob)
	if err != nil {
		return QueueBytes{}, err
	}
	defer r.Close()
	out := QueueBytes{Size: r.Size()}
	if in.Header {
		out.Size = min(out.Size, e.HeaderLen)
	}
	n := min(out.Size-in.Offset, bodyChunk)
	if in.Offset < 0 || n <= 0 {
		return out, nil
	}
	out.Data = make([]byte, n)
	if _, err := r.ReadAt(out.Data, in.Offset); err != nil && err != io.EOF {
		return QueueBytes{}, err
	}
	return out, nil
}

// QueueCounts is what the queue holds, for a screen.
type QueueCounts struct {
	Entries    int64     `json:"entries"`
	Bytes      int64     `json:"bytes"`
	Recipients int64     `json:"recipients"` // that wait
	Held       int64     `json:"held"`
	Oldest     time.Time `json:"oldest,omitzero"` // arrival
	AgeP50     float64   `json:"age_p50_seconds"`
	AgeP95     float64   `json:"age_p95_seconds"`
	Estimated  bool      `json:"estimated"` // all but entries and bytes
	Paused     []string  `json:"paused,omitempty"`
}

func (m *Manager) queueCounts(ctx context.Context) (QueueCounts, error) {
	c, err := m.Queue.Census(ctx)
	out := QueueCounts{
		Entries: c.Entries, Bytes: c.Bytes, Recipients: c.Recipients, Held: c.Held, Oldest: c.Oldest.UTC(),
		AgeP50: c.Median.Seconds(), AgeP95: c.High.Seconds(), Estimated: c.Estimated,
	}
	for _, p := range c.Paused {
		if !isTwin(p, c.Paused) {
			out.Paused = append(out.Paused, lineTitle(p.Queue))
		}
	}
	return out, err
}
