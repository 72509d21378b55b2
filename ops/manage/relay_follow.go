package manage

import (
	"context"
	"slices"
	"time"

	"barid/flow/queue"
	"barid/mail/relay"
	"barid/mail/spool"
)

// followBatch is how many queued messages are brought to another line at a time.
const followBatch = 512

// follow lets queued mail stand in the line that the rules give it now, and tries what such a change concerns at once:
// who sets a relay because nothing gets through does not want to wait for the end of a back-off. Mail that an
// operator gave a route, that is held for later or that is for ourselves stays where it is. It gives the number of
// entries that are tried now.
func (m *Manager) follow(ctx context.Context, changes []relay.Change, p Progress) (int, error) {
	if m.Queue == nil || len(changes) == 0 {
		return 0, nil
	}
	f := follower{m: m, snap: m.Relaying.Store.Snapshot(), touched: map[string]bool{}, ours: map[string]bool{}, moves: map[string][]spool.Name{}, p: p}
	for _, c := range changes {
		f.touched[c.Kind+" "+c.Name] = true
	}
	for e, err := range m.Queue.Find(ctx, queue.Selector{All: true}) {
		if err != nil {
			return f.moved, err
		}
		if err := f.look(ctx, e); err != nil {
			return f.moved, err
		}
	}
	return f.moved, f.flush(ctx)
}

// follower is one follow.
type follower struct {
	m       *Manager
	snap    *relay.Snapshot
	touched map[string]bool // routes and rules that are different now
	ours    map[string]bool // domains, as far as they were asked for
	moves   map[string][]spool.Name
	again   []spool.Name
	waiting int
	moved   int
	p       Progress
}

func (f *follower) look(ctx context.Context, e *spool.Entry) error {
	_, noted := relay.Hinted(e.Route)
	if e.Route != "" && !noted || e.NotBefore.After(time.Now()) || f.isOurs(ctx, e.Destination) {
		return nil
	}
	switch hint := f.snap.HintFor(e.From.Domain, e.Destination); {
	case hint != e.Route:
		f.moves[hint] = append(f.moves[hint], e.Name())
	case f.concerns(e):
		f.again = append(f.again, e.Name())
	default:
		return nil
	}
	if f.waiting++; f.waiting < followBatch {
		return nil
	}
	return f.flush(ctx)
}

// concerns tells whether the route of an entry that stays in its line, or the rule to it, is different now.
func (f *follower) concerns(e *spool.Entry) bool {
	route, rule := f.snap.Choose(e.From.Domain, e.Destination)
	return route != nil && f.touched["route "+route.Name] || rule != nil && f.touched["rule "+rule.Title()]
}

// isOurs tells whether a destination is a hosted domain.
func (f *follower) isOurs(ctx context.Context, domain string) bool {
	is, ok := f.ours[domain]
	if ok {
		return is
	}
	if len(f.ours) >= followBatch {
		clear(f.ours)
	}
	_, err := f.m.Directory.Domain(ctx, domain)
	f.ours[domain] = err == nil
	return err == nil
}

// flush brings what was found to its line.
func (f *follower) flush(ctx context.Context) error {
	for hint, names := range f.moves {
		r, err := f.m.Queue.Reroute(ctx, queue.Selector{Names: names}, "", hint, false)
		f.moved += r.Changed
		if err != nil {
			return err
		}
		delete(f.moves, hint)
	}
	if len(f.again) > 0 {
		r, err := f.m.Queue.Retry(ctx, queue.Selector{Names: slices.Clone(f.again)}, false)
		f.moved += r.Matched
		if err != nil {
			return err
		}
	}
	f.again, f.waiting = f.again[:0], 0
	f.p("queue", int64(f.moved), 0)
	return nil
}
