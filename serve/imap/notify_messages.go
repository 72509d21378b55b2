package imap

import (
	"slices"
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// tellMessages tells what changed in a mailbox that is not selected, as a STATUS response (RFC 5465 §5.1 to §5.3).
func (x *notifier) tellMessages(w *watched, id mailbox.ID) error {
	in, _ := w.names.Info(id)
	n, visible := x.see(w, w.names, in)
	if !visible || in.NoSelect || noAccess(n) {
		delete(w.known, id)
		return nil
	}
	events := x.events(n)
	if events&imap.MessageEvents == 0 {
		return nil
	}
	st, err := n.at.account.Status(x.s.ctx, n.at.Name)
	if err != nil {
		return ignoreGone(err)
	}
	was, is := w.known[id], figureOf(&st)
	w.known[id] = is
	if was == is || x.s.sel != nil && n.at.is(x.s.sel) {
		return nil
	}
	if items := x.statusOf(events, was, is); items != nil {
		return ignoreGone(x.s.tellStatus(n.at, n.Name, items))
	}
	return nil
}

// leave notes what the client was told of the mailbox that it leaves: the rest, an EXPUNGE that had to wait or what came in
// between, is news of a mailbox that is not selected.
func (x *notifier) leave(sel *selected) {
	for _, w := range x.owners {
		if w.at.account.ID() == sel.owner {
			v, id := sel.view, sel.box.ID()
			w.known[id] = figure{v.UIDValidity(), v.UIDNext(), v.Len(), v.Unseen(), v.HighestModSeq()}
			w.left = append(w.left, id)
		}
	}
	x.s.ring()
}

// statusOf are the STATUS items that tell how a mailbox changed.
func (x *notifier) statusOf(events imap.NotifyEvents, was, is figure) (items []string) {
	if events&(imap.MessageNew|imap.MessageExpunge) != 0 && (was.next != is.next || was.messages != is.messages) {
		items = append(items, "UIDNEXT", "MESSAGES")
	}
	if events&imap.FlagChange != 0 {
		if was.unseen != is.unseen || items != nil { // own changes are not told: the client may have counted them
			items = append(items, "UNSEEN")
		}
		if items != nil || x.s.has(extCondstore) || was.validity != is.validity {
			items = append(items, "UIDVALIDITY")
		}
	}
	if items != nil && x.s.has(extCondstore) {
		items = append(items, "HIGHESTMODSEQ")
	}
	return items
}

// tellMarks tells which annotations others changed (RFC 5465 §5.6, §5.7).
func (x *notifier) tellMarks(w *watched, marks []mailbox.Mark) {
	for _, m := range marks {
		if m.By == any(x.s) || m.Reader != 0 && m.Reader != x.s.account.ID() {
			continue
		}
		if m.Mailbox == 0 {
			if w.at.prefix == "" && x.wantsServer() {
				x.s.out.S(`* METADATA "" `).AStr(m.Entry).CRLF()
			}
			continue
		}
		in, _ := w.names.Info(m.Mailbox)
		n, visible := x.see(w, w.names, in)
		if visible && n.at.needAny(annotateRights) == nil && x.wantsMetadata(n) {
			x.s.out.S("* METADATA ").Name(n.Name).C(' ').AStr(m.Entry).CRLF()
		}
	}
}

// isCaused reports whether the session changed the name itself.
func (x *notifier) isCaused(name string) bool {
	return slices.ContainsFunc(x.caused, func(c string) bool { return c == name || strings.HasPrefix(c, name+"/") })
}
