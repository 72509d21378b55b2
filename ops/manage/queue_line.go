package manage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"barid/base/fault"
	"barid/flow/queue"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// LinePause is the input of queue.pause and queue.resume.
type LinePause struct {
	Line   string `json:"line"`             // "example.org" or "route:NAME"
	For    string `json:"for,omitempty"`    // "2h"; "": until it is resumed
	Reason string `json:"reason,omitempty"` // shown in lists
	DryRun bool   `json:"dry_run,omitempty"`
}

// LineChange is what a pause or its end concerns.
type LineChange struct {
	Line    string    `json:"line"`
	Entries int       `json:"entries"` // that stand in the line now
	Until   time.Time `json:"until,omitzero"`
	DryRun  bool      `json:"dry_run"`
}

// PauseInfo is a line that is paused.
type PauseInfo struct {
	Line   string    `json:"line"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

// QueueLine is what one line holds and how it goes.
type QueueLine struct {
	Line       string     `json:"line"`
	Name       string     `json:"name"` // as people write it
	Entries    int        `json:"entries"`
	Recipients int        `json:"recipients"` // that wait
	Bytes      int64      `json:"bytes"`
	Held       int        `json:"held"`
	Oldest     time.Time  `json:"oldest,omitzero"`
	Next       time.Time  `json:"next_attempt,omitzero"`
	LastError  string     `json:"last_error,omitempty"`
	Running    int        `json:"running"`         // attempts under way
	Limit      int        `json:"limit,omitempty"` // attempts at a time
	ShutTill   time.Time  `json:"left_alone_until,omitzero"`
	Pause      *PauseInfo `json:"pause,omitempty"`
}

// destination reads the name of a domain or an address literal; "" stays.
func destination(s string) (string, error) {
	if s == "" || strings.HasPrefix(s, "[") {
		return s, nil
	}
	d, err := addr.ParseDomain(s)
	if err != nil {
		return "", fault.New("B4003", "%q is not a domain", s).WithFound("%v", err).WithExit(fault.ExitUsage)
	}
	return d, nil
}

// lineName reads the name of a line.
func lineName(s string) (string, error) {
	if route, ok := strings.CutPrefix(s, "route:"); ok && route != "" {
		return s, nil
	}
	if s == "" {
		return "", fault.New("B4003", "a line is named by a domain, or route:NAME").WithExit(fault.ExitUsage)
	}
	return destination(s)
}

// linesOf gives the lines that a name means: mail takes a route because a rule says so, or an operator.
func linesOf(name string) []string {
	route, ok := strings.CutPrefix(name, "route:")
	if _, hinted := relay.Hinted(route); !ok || hinted {
		return []string{name}
	}
	return []string{name, "route:" + relay.Hint(route)}
}

// lineTitle gives a line as people name it.
func lineTitle(line string) string {
	route, ok := strings.CutPrefix(line, "route:")
	if !ok {
		return addr.UnicodeDomain(line)
	}
	name, _ := relay.Hinted(route)
	return "route:" + name
}

// standing counts the entries of a line.
func (m *Manager) standing(ctx context.Context, line string) (n int, err error) {
	lines := linesOf(line)
	s := queue.Selector{Domain: line}
	if route, ok := strings.CutPrefix(line, "route:"); ok {
		s = queue.Selector{Route: &route}
	}
	for e, err := range m.Queue.Find(ctx, s) {
		if err != nil {
			return 0, err
		}
		if slices.Contains(lines, e.Queue()) {
			n++
		}
	}
	return n, nil
}

// lineChange reads what a change of a line is about.
func (m *Manager) lineChange(ctx context.Context, in LinePause) (c LineChange, err error) {
	c.DryRun = in.DryRun
	if c.Line, err = lineName(in.Line); err != nil {
		return c, err
	}
	if in.For != "" {
		d, err := ParseAge(in.For)
		if err != nil {
			return c, err
		}
		c.Until = time.Now().Add(d).UTC().Truncate(time.Second)
	}
	c.Entries, err = m.standing(ctx, c.Line)
	return c, err
}

func (m *Manager) pauseLine(ctx context.Context, in LinePause) (LineChange, error) {
	return m.changeLines(ctx, in, func(line string, c LineChange) error { return m.Queue.PauseLine(ctx, line, c.Until, in.Reason) })
}

func (m *Manager) resumeLine(ctx context.Context, in LinePause) (LineChange, error) {
	in.For = ""
	return m.changeLines(ctx, in, func(line string, _ LineChange) error { return m.Queue.ResumeLine(ctx, line) })
}

// changeLines calls f with every line that is meant.
func (m *Manager) changeLines(ctx context.Context, in LinePause, f func(line string, c LineChange) error) (LineChange, error) {
	c, err := m.lineChange(ctx, in)
	if err != nil || in.DryRun {
		return c, err
	}
	for _, line := range linesOf(c.Line) {
		if err := f(line, c); err != nil {
			return c, queueFault(err)
		}
	}
	return c, nil
}

func (m *Manager) pauses(ctx context.Context) ([]PauseInfo, error) {
	ps, err := m.Queue.Pauses(ctx)
	out := make([]PauseInfo, 0, len(ps))
	for _, p := range ps {
		if !isTwin(p, ps) {
			out = append(out, pauseInfo(p))
		}
	}
	slices.SortFunc(out, func(a, b PauseInfo) int { return cmp.Compare(a.Line, b.Line) })
	return out, err
}

// isTwin tells whether p is the second of the two lines of a route, which are paused as one.
func isTwin(p spool.Pause, all []spool.Pause) bool {
	title := lineTitle(p.Queue)
	return strings.HasPrefix(title, "route:") && title != p.Queue &&
		slices.ContainsFunc(all, func(o spool.Pause) bool { return o.Queue == title })
}

func pauseInfo(p spool.Pause) PauseInfo {
	return PauseInfo{Line: p.Queue, Since: p.Since.UTC(), Until: p.Until.UTC(), Reason: p.Reason}
}

// queueSummary gives the lines with the most entries, and those that are paused and have none.
func (m *Manager) queueSummary(ctx context.Context, in QueueQuery) ([]QueueLine, error) {
	s, err := m.selector(ctx, &in.QueueSelector)
	if err != nil {
		return nil, err
	}
	lines, err := m.Queue.Summary(ctx, s, in.Limit)
	if err != nil {
		return nil, err
	}
	paused, err := m.pauses(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]QueueLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, QueueLine{
			Line: l.Name, Name: lineTitle(l.Name), Entries: l.Entries, Recipients: l.Recipients, Bytes: l.Bytes, Held: l.Held,
			Oldest: l.Oldest.UTC(), Next: l.Next.UTC(), LastError: l.LastError, Running: l.Running, Limit: l.Limit, ShutTill: l.ShutTill.UTC(),
		})
	}
	for _, p := range paused {
		shown := false
		for i := range out {
			if slices.Contains(linesOf(p.Line), out[i].Line) {
				out[i].Pause, shown = &p, true
			}
		}
		if !shown && in.Limit == 0 {
			out = append(out, QueueLine{Line: p.Line, Name: lineTitle(p.Line), Pause: &p})
		}
	}
	return out, nil
}
