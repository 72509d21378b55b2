package imap

import (
	"errors"
	"slices"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// notifier tells a client what happens outside of its selected mailbox (RFC 5465), and which annotations others
// change (RFC 5464 §4.4.2). What it keeps is bounded: for each mailbox watched for its messages a figure, and what Watchers
// keep. It is used by who has the session's turn.
type notifier struct {
	s      *session
	groups []imap.NotifyGroup // of NOTIFY, without those of the selected mailbox
	always []imap.NotifyGroup // of ENABLE METADATA
	owners []*watched         // the session's own account first
	caused []string           // names that the session's own commands are changing
	others bool               // mailboxes of others may be meant
	all    bool               // and NOTIFY asked for them: none may be left out
	status bool               // NOTIFY asked for STATUS: begin tells what is there
}

// watched is one account.
type watched struct {
	at      place // with account, owner and prefix
	watcher *mailbox.Watcher
	names   mailbox.Names
	known   map[mailbox.ID]figure
	left    []mailbox.ID // mailboxes that were selected until now
}

// figure is what the client knows of a mailbox.
type figure struct {
	validity uint32
	next     mailbox.UID
	messages int
	unseen   int
	modseq   mailbox.ModSeq
}

// Limits of a notifier.
const (
	maxNotifyOwners = 64  // accounts whose mailboxes are watched
	maxNotifyNames  = 512 // names of mailboxes in one NOTIFY
	maxCaused       = 256 // names that own commands change between two looks
)

var errNotifyMuch = no("NOTIFICATIONOVERFLOW", "too much to watch")

// newNotifier begins to watch. What happens from here on is told.
func (s *session) newNotifier(n *imap.Notify) (*notifier, error) {
	s.ctx = mailbox.ActingAs(s.ctx, s) // what it does itself is no news to it (RFC 5465 §5)
	x := &notifier{s: s, status: n.Status}
	names := 0
	for _, g := range n.Groups {
		if names += len(g.Filter.Names); names > maxNotifyNames {
			return nil, errNotifyMuch
		}
		if g.Filter.Kind > imap.FilterSelectedDelayed {
			var err error
			if g.Filter, err = s.canonical(g.Filter); err != nil {
				return nil, err
			}
			x.groups = append(x.groups, g)
			x.others = x.others || g.Filter.Kind == imap.FilterSubscribed || slices.ContainsFunc(g.Filter.Names, reserved)
		}
	}
	if x.all = x.others; s.has(extMetadata) {
		x.always, x.others = metadataGroups(), true
	}
	err := x.add(place{account: s.account, owner: s.user, rights: mailbox.AllRights}, false)
	if err == nil {
		err = x.findOwners(false)
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

// metadataGroups is what ENABLE METADATA asks for: all mailboxes that are seen, and the server (RFC 5464 §4.4).
func metadataGroups() []imap.NotifyGroup {
	return []imap.NotifyGroup{
		{Filter: imap.MailboxFilter{Kind: imap.FilterPersonal}, Events: imap.MailboxMetadataChange | imap.ServerMetadataChange},
		{
			Filter: imap.MailboxFilter{Kind: imap.FilterSubtree, Names: []string{othersRoot}},
			Events: imap.MailboxMetadataChange,
		},
	}
}

func (x *notifier) close() {
	for _, w := range x.owners {
		w.watcher.Close()
	}
	x.owners = nil
}

// add watches an account. fresh: that its mailboxes are there is news, too.
func (x *notifier) add(at place, fresh bool) error {
	w := &watched{at: at, watcher: at.account.Watch(x.s.ring, x.s), known: map[mailbox.ID]figure{}}
	x.owners = append(x.owners, w)
	if fresh {
		w.names = mailbox.NoNames()
		return nil
	}
	var err error
	w.names, err = namesOf(x.s.ctx, at.account)
	return err
}

// findOwners watches accounts that share something and are not watched yet.
func (x *notifier) findOwners(fresh bool) error {
	if !x.others {
		return nil
	}
	ids, err := x.s.srv.Mail.SharedWith(x.s.ctx, x.s.account.ID())
	if err != nil {
		return err
	}
	for _, id := range ids {
		if x.watches(id) {
			continue
		}
		who, err := x.s.srv.Accounts.Account(x.s.ctx, id)
		if isUnknown(err) {
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case len(x.owners) <= maxNotifyOwners:
		case x.all:
			return errNotifyMuch
		default:
			return nil
		}
		at := place{account: x.s.srv.Mail.Account(id), owner: who.Name, prefix: othersPrefix + ownerLevel(&who) + "/"}
		if err := x.add(at, fresh); err != nil {
			return err
		}
	}
	return nil
}

func (x *notifier) watches(id mail.AccountID) bool {
	return slices.ContainsFunc(x.owners, func(w *watched) bool { return w.at.account.ID() == id })
}

// begin learns what the mailboxes hold that are watched for their messages, and tells it if the client asked for STATUS (RFC
// 5465 §3.1).
func (x *notifier) begin() error {
	if len(x.groups) == 0 {
		return nil
	}
	for _, w := range x.owners {
		if err := w.at.account.Warm(x.s.ctx); err != nil && !errors.Is(err, mailbox.ErrRemoved) {
			return err
		}
		var failed error
		w.names.All(func(in mailbox.Info) {
			if failed == nil {
				failed = x.beginOne(w, in)
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

func (x *notifier) beginOne(w *watched, in mailbox.Info) error {
	n, visible := x.see(w, w.names, in)
	if !visible || in.NoSelect {
		return nil
	}
	events := x.events(n)
	if events == 0 {
		return nil
	}
	if noAccess(n) {
		x.list(n, "")
		return nil
	}
	if events&imap.MessageEvents == 0 {
		return nil
	}
	st, err := n.at.account.Status(x.s.ctx, n.at.Name)
	if err != nil {
		return ignoreGone(err)
	}
	w.known[in.ID] = figureOf(&st)
	if !x.status || x.s.sel != nil && n.at.is(x.s.sel) {
		return nil
	}
	items := []string{"MESSAGES", "UIDNEXT", "UIDVALIDITY"}
	if events&imap.FlagChange != 0 {
		items = append(items, "HIGHESTMODSEQ")
	}
	return ignoreGone(x.s.tellStatus(n.at, n.Name, items))
}

func figureOf(st *mailbox.Status) figure {
	return figure{st.UIDValidity, st.UIDNext, st.Messages, st.Unseen, st.HighestModSeq}
}

func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}

// see gives a mailbox of an account as the session sees it, if it does.
func (x *notifier) see(w *watched, names mailbox.Names, in mailbox.Info) (*named, bool) {
	if in.ID == 0 || in.NonExistent {
		return nil, false
	}
	at := w.at
	at.Meaning = mailbox.Meaning{Name: in.Name, Exists: true}
	if at.prefix != "" {
		at.rights = names.Rights(at.account.ID(), x.s.reader(at.owner), in.ID)
		in.Use = mailbox.UseNone
	}
	in.Name = at.shown()
	if at.prefix != "" {
		own, _ := x.owners[0].names.Named(in.Name)
		in.Subscribed = own.Subscribed
	}
	return &named{Info: in, at: at}, at.rights&mailbox.RightLookup != 0
}

// events are those that all groups of NOTIFY together want of a mailbox.
func (x *notifier) events(n *named) imap.NotifyEvents { return x.eventsOf(x.groups, n) }

func (x *notifier) eventsOf(groups []imap.NotifyGroup, n *named) (e imap.NotifyEvents) {
	for _, g := range groups {
		if x.s.filterMeans(g.Filter, *n) {
			e |= g.Events
		}
	}
	return e
}

// wantsMetadata reports whether the annotations of a mailbox are to be told of.
func (x *notifier) wantsMetadata(n *named) bool {
	return (x.events(n)|x.eventsOf(x.always, n))&imap.MailboxMetadataChange != 0
}

// wantsServer reports whether ServerMetadataChange is wanted; it is of no mailbox.
func (x *notifier) wantsServer() bool {
	wants := func(g imap.NotifyGroup) bool { return g.Events&imap.ServerMetadataChange != 0 }
	return slices.ContainsFunc(x.groups, wants) || slices.ContainsFunc(x.always, wants)
}

// cause notes that a command of the session changes a name: that is no news to the client (RFC 5465 §5).
func (s *session) cause(names ...string) {
	if s.notify != nil && len(s.notify.caused) < maxCaused {
		s.notify.caused = append(s.notify.caused, names...)
	}
}

// enableMetadata tells of annotations that others change from now on, without NOTIFY too (RFC 5464 §4.1).
func (s *session) enableMetadata() {
	if s.has(extMetadata) {
		return
	}
	s.tellNews() // what NOTIFY asked for, and of what was
	s.enabled |= extMetadata
	if x := s.notify; x != nil {
		x.always, x.others = metadataGroups(), true
		if err := x.findOwners(false); err != nil {
			s.log.Warn("imap annotations of others are not told", "user", s.user, "err", err)
		}
		return
	}
	if x, err := s.newNotifier(&imap.Notify{}); err == nil {
		s.notify = x
	}
}

// tellNews tells what happened since it was last called.
func (s *session) tellNews() {
	if s.notify == nil {
		return
	}
	if err := s.notify.tell(); err != nil {
		if !errors.Is(err, errNotifyMuch) {
			s.log.Error("imap notifications given up", "user", s.user, "err", err)
		}
		s.out.S("* OK [NOTIFICATIONOVERFLOW")
		s.note("there is too much to tell, ask again")
		if s.notifying != nil {
			s.watch(&imap.Notify{None: true}, nil)
		}
	}
}

func (x *notifier) tell() error {
	shares := false
	for _, w := range x.owners {
		news := w.watcher.Take()
		if news.Lost {
			return errNotifyMuch
		}
		shares = shares || news.Shares
		if err := x.tellOwner(w, &news); err != nil {
			return err
		}
	}
	x.caused = x.caused[:0]
	if !shares {
		return nil
	}
	before := len(x.owners)
	if err := x.findOwners(true); err != nil {
		return err
	}
	for _, w := range x.owners[before:] {
		if err := x.tellOwner(w, &mailbox.News{}); err != nil {
			return err
		}
	}
	return nil
}

// tellOwner tells the news of one account: names first, so that what follows is of names the client knows.
func (x *notifier) tellOwner(w *watched, news *mailbox.News) error {
	now, err := namesOf(x.s.ctx, w.at.account)
	if err != nil {
		return err
	}
	old := w.names
	w.names = now
	x.tellNames(w, old)
	left := w.left
	w.left = nil
	for _, id := range append(news.Boxes, left...) {
		if err := x.tellMessages(w, id); err != nil {
			return err
		}
	}
	x.tellMarks(w, news.Marks)
	return nil
}
