package imap

import (
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// nameChange is what became of a name, as the session sees it; nil where it does not.
type nameChange struct{ was, is *named }

// tellNames tells which names came, went, or have another name or subscription (RFC 5465 §5.4, §5.5).
func (x *notifier) tellNames(w *watched, old mailbox.Names) {
	var changes []nameChange
	w.names.Since(old, func(was, is mailbox.Info) {
		c := nameChange{}
		if n, ok := x.see(w, old, was); ok {
			c.was = n
		}
		if n, ok := x.see(w, w.names, is); ok {
			c.is = n
		}
		if c.was != nil || c.is != nil {
			changes = append(changes, c)
		} else if w.at.prefix == "" {
			x.tellGhost(w, old, was, is)
		}
	})
	told := map[string]bool{} // by affected
	for _, c := range changes {
		x.tellName(w, old, c, changes, told)
	}
}

func (x *notifier) tellName(w *watched, old mailbox.Names, c nameChange, all []nameChange, told map[string]bool) {
	switch {
	case c.was == nil && c.is != nil:
		x.affected(c.is, told)
		x.tellAbove(w, c.is.Name, told)
	case c.is == nil:
		x.tellGone(w, c.was, told)
		x.tellAbove(w, c.was.Name, told)
	case c.was.Name != c.is.Name:
		if !x.movedAlong(c, all) && x.events(c.was)&imap.MailboxName != 0 && !x.isCaused(c.was.Name) {
			x.list(c.is, oldNameIn(x.s, c.was.Name))
		} else if !x.movedAlong(c, all) {
			x.tellIf(imap.MailboxName, c.is, oldNameIn(x.s, c.was.Name))
		}
	case c.was.Subscribed != c.is.Subscribed:
		x.tellSubscription(c.was, c.is)
	case noAccess(c.was) != noAccess(c.is) && x.events(c.is) != 0:
		x.list(c.is, "")
	}
}

// noAccess reports that a mailbox is seen but may not be read: nothing is told of what happens in it (RFC 5465 §3.1, §5.9).
func noAccess(n *named) bool {
	return !n.NoSelect && !n.NonExistent && n.at.rights&mailbox.RightRead == 0
}

// movedAlong reports whether a name changed because one above it did, of which the client knows: there is no event of its own.
func (x *notifier) movedAlong(c nameChange, all []nameChange) bool {
	for _, up := range all {
		if up.was == nil || up.is == nil || up.was.Name == up.is.Name {
			continue
		}
		if (x.events(up.was)|x.events(up.is))&imap.MailboxName == 0 && !x.isCaused(up.was.Name) {
			continue
		}
		rest, ok := strings.CutPrefix(c.was.Name, up.was.Name+"/")
		if ok && c.is.Name == up.is.Name+"/"+rest {
			return true
		}
	}
	return false
}

// tellIf tells a name if the client wants that event of it and did not cause it.
func (x *notifier) tellIf(e imap.NotifyEvents, n *named, extended string) {
	if x.events(n)&e != 0 && !x.isCaused(n.Name) {
		x.list(n, extended)
	}
}

// affected tells a name that a mailbox came to or left, once for all that became of it: one that is deleted may leave a name that
// only holds others, and a name may be another mailbox's by now. A name that is no mailbox's is told as such (RFC 5465 §5.4).
func (x *notifier) affected(n *named, told map[string]bool) {
	if told[n.Name] {
		return
	}
	told[n.Name] = true
	n.NonExistent = n.NonExistent || n.NoSelect
	x.tellIf(imap.MailboxName, n, "")
}

// tellSubscription tells that a name is subscribed or not; either may be what a filter means.
func (x *notifier) tellSubscription(was, is *named) {
	if (x.events(was)|x.events(is))&imap.SubscriptionChange != 0 && !x.isCaused(is.Name) {
		x.list(is, "")
	}
}

// list writes a LIST response with all attributes.
func (x *notifier) list(n *named, extended string) {
	a := attributes(n.Info)
	if noAccess(n) {
		a = join(`\NoAccess`, a)
	}
	if n.Subscribed {
		a = join(`\Subscribed`, a)
	}
	x.s.writeListed(a, n.Name, extended)
}

// tellGone tells of a name that no mailbox has any more, or none that the client may see.
func (x *notifier) tellGone(w *watched, was *named, told map[string]bool) {
	if x.events(was)&imap.MailboxName == 0 || x.isCaused(was.Name) {
		return
	}
	if in, ok := w.names.Named(was.at.Name); ok {
		if n, visible := x.see(w, w.names, in); visible {
			x.affected(n, told)
			return
		}
	}
	gone := *was
	gone.Info = mailbox.Info{Name: was.Name, NonExistent: true, Subscribed: was.Subscribed}
	x.list(&gone, "")
}

// tellAbove tells the name right above one that came or went: it is affected, too (RFC 5465 §5.4).
func (x *notifier) tellAbove(w *watched, name string, told map[string]bool) {
	i := strings.LastIndexByte(name, '/')
	if i < len(w.at.prefix) || x.isCaused(name) {
		return
	}
	if in, ok := w.names.Named(name[len(w.at.prefix):i]); ok {
		if n, visible := x.see(w, w.names, in); visible {
			x.affected(n, told)
		}
	}
}

// tellGhost tells of a subscription to a name that no mailbox has: one that the session's account does not have, or one of
// somebody else's mailbox.
func (x *notifier) tellGhost(w *watched, old mailbox.Names, was, is mailbox.Info) {
	name := is.Name
	if name == "" {
		name = was.Name
	}
	before, _ := old.Named(name)
	now, _ := w.names.Named(name)
	if before.Subscribed == now.Subscribed {
		return
	}
	n := &named{Info: mailbox.Info{Name: name, NonExistent: true, Subscribed: now.Subscribed}, at: w.at}
	if reserved(name) {
		if at, err := x.s.place(name); err == nil && at.need(mailbox.RightLookup) == nil {
			if in, err := at.account.Find(x.s.ctx, at.Name); err == nil {
				in.Name, in.Subscribed, in.Use = name, now.Subscribed, mailbox.UseNone
				n = &named{Info: in, at: at}
			}
		}
	}
	was2 := *n
	was2.Subscribed = before.Subscribed
	x.tellSubscription(&was2, n)
}

func oldNameIn(s *session, name string) string { return oldName(name, s.out.UTF8) }
