package imap

import "barid/rfc/imap"

// cmdNotify is NOTIFY, RFC 5465 §3.1. It is an implicit NOOP.
func cmdNotify(s *session, c *call) error {
	n := c.Notify()
	if err := c.End(); err != nil {
		return err
	}
	if n.Bad {
		return no("BADEVENT ("+imap.NotifyNames+")", "not all of these events are known")
	}
	if n.None && !s.has(extMetadata) {
		s.watch(&n, nil)
		return nil
	}
	x, err := s.newNotifier(&n)
	if err != nil {
		return err
	}
	if s.sel != nil && !n.None {
		s.update(true) // all that was accumulated, whatever is told from now on
	}
	s.tellNews() // x hears already of what comes behind it
	if err := x.begin(); err != nil {
		x.close() // what was watched before still is
		return err
	}
	s.watch(&n, x)
	return nil
}

// watch makes n what the client is told from now on; x is nil if that is nothing.
func (s *session) watch(n *imap.Notify, x *notifier) {
	s.unwatch()
	s.notifying, s.notify = n, x
}

// unwatch ends all watching, as the session does.
func (s *session) unwatch() {
	if s.notify != nil {
		s.notify.close()
		s.notify = nil
	}
}

// selectedWish gives the events of the selected mailbox that the client wants to hear of. Without NOTIFY these are all;
// after NOTIFY, those of SELECTED (RFC 5465 §3.1). delayed: EXPUNGE only where RFC 3501 §7.4.1 allows it.
func (s *session) selectedWish() (events imap.NotifyEvents, fetch []imap.FetchItem, delayed bool) {
	if s.notifying == nil {
		return imap.MessageEvents, nil, false
	}
	for _, g := range s.notifying.Groups {
		switch g.Filter.Kind {
		case imap.FilterSelected, imap.FilterSelectedDelayed:
			return g.Events, g.Fetch, g.Filter.Kind == imap.FilterSelectedDelayed
		}
	}
	return 0, nil, false
}

// hearsSelected reports whether the client wants to hear of the selected mailbox at all.
func (s *session) hearsSelected() bool {
	events, _, _ := s.selectedWish()
	return events != 0
}

// hearsFlags reports whether it wants to hear of flags there.
func (s *session) hearsFlags() bool {
	events, _, _ := s.selectedWish()
	return events&imap.FlagChange != 0
}
