package imap

import (
	"errors"
	"slices"
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// maxSources bounds the mailboxes that one ESEARCH looks into.
const maxSources = mailbox.MaxMailboxes

// cmdESearch is ESEARCH, RFC 7377 §2: SEARCH in several mailboxes, answered with UIDs for each that has some.
func cmdESearch(s *session, c *call) error {
	sources, given := c.SearchSources()
	in := c.Search()
	c.quiet, c.uid = in.Numbers, true
	if err := c.End(); err != nil {
		return err
	}
	if !in.Return.Given {
		in.Return.Given, in.Return.All = true, true
	}
	here := !given || len(sources) == 1 && sources[0].Kind == imap.FilterSelected
	c.whole = !here // several mailboxes have no lowest UID
	if err := s.admitESearch(c, &in, sources, here); err != nil {
		return err
	}
	return s.saving(in.Return, func() error {
		if here {
			return s.searchSource(c, &in, s.sel)
		}
		return s.searchSources(c, &in, sources)
	})
}

// admitESearch refuses what only the selected mailbox could give, or none.
func (s *session) admitESearch(c *call, in *imap.Search, sources []imap.MailboxFilter, here bool) error {
	selected := here
	for _, f := range sources {
		if f.Kind == imap.FilterSelectedDelayed {
			return badf("selected-delayed is no source of a search")
		}
		selected = selected || f.Kind == imap.FilterSelected
	}
	switch {
	case s.sel == nil && (selected || in.Return.Update):
		return badf("select a mailbox first")
	case !here && (in.Return.Save || in.Saved):
		return badf("results are saved of the selected mailbox alone")
	}
	if err := s.admitContext(c, in.Return); err != nil {
		return err
	}
	return s.admitSearch(c, in)
}

// searchSources searches every mailbox that a source names, each once.
func (s *session) searchSources(c *call, in *imap.Search, sources []imap.MailboxFilter) error {
	names, err := s.sourceNames(sources)
	if err != nil {
		return err
	}
	for _, at := range names {
		if s.sel != nil && at.is(s.sel) {
			if err := s.searchSource(c, in, s.sel); err != nil {
				return err
			}
			continue
		}
		if err := s.searchElsewhere(c, in, at); err != nil {
			return err
		}
	}
	return nil
}

// searchElsewhere searches a mailbox that is not selected. One that is gone meanwhile has nothing to find.
func (s *session) searchElsewhere(c *call, in *imap.Search, at place) error {
	box, err := at.account.Open(s.ctx, at.Name)
	if errors.Is(err, mailbox.ErrNoMailbox) || errors.Is(err, mailbox.ErrNoSelect) {
		return nil
	}
	if err != nil {
		return err
	}
	defer box.Close()
	return s.searchSource(c, in, &selected{box: box, at: at, owner: at.account.ID(), name: at.shown(), readOnly: true, view: box.View()})
}

// searchSource searches one mailbox and answers if something was found (RFC 7377 §2.1).
func (s *session) searchSource(c *call, in *imap.Search, sel *selected) error {
	q, err := newFinder(s, sel, in)
	if err != nil {
		return err
	}
	set, err := s.limitSearch(c, q)
	if err != nil {
		return err
	}
	if err := q.runIn(set); err != nil {
		return err
	}
	r := q.result(true)
	if len(r.hits) > 0 && (in.Return.Answers() || !in.Return.Save) {
		s.out.S("* ESEARCH (TAG ").Str(c.tag).S(" MAILBOX ").Name(sel.at.prefix + sel.box.Name())
		s.out.S(" UIDVALIDITY ").N(uint64(r.view.UIDValidity())).S(") UID")
		r.writeExtended(s.out, in.Return, in.ModSeq)
	}
	if sel != s.sel {
		return s.out.Err()
	}
	if in.Return.Save {
		sel.saved = r.saved(in.Return)
	}
	s.addContext(c, in, nil, r)
	return s.out.Err()
}

// sourceNames gives the mailboxes that sources mean, in the order of the list.
func (s *session) sourceNames(sources []imap.MailboxFilter) ([]place, error) {
	all, err := s.names()
	if err != nil {
		return nil, err
	}
	for i := range sources {
		if sources[i], err = s.canonical(sources[i]); err != nil {
			return nil, err
		}
	}
	var out []place
	for _, n := range all {
		if n.NoSelect || n.NonExistent || n.at.need(mailbox.RightRead) != nil {
			continue
		}
		if slices.ContainsFunc(sources, func(f imap.MailboxFilter) bool { return s.filterMeans(f, n) }) {
			out = append(out, n.at)
		}
	}
	if out, err = s.sourcesNamed(out, sources); err != nil {
		return nil, err
	}
	if len(out) > maxSources {
		return nil, no("LIMIT", "too many mailboxes in one search")
	}
	return out, nil
}

// sourcesNamed adds mailboxes that are named, or selected, and not listed: by another of their usual names, or those that
// the session may read without the right to see them in lists (RFC 7377 §2.2).
func (s *session) sourcesNamed(out []place, sources []imap.MailboxFilter) ([]place, error) {
	for _, f := range sources {
		if f.Kind == imap.FilterSelected && !slices.ContainsFunc(out, func(p place) bool { return p.is(s.sel) }) {
			at := s.sel.at
			at.Name = s.sel.box.Name() // it may have another by now
			out = append(out, at)
		}
		if f.Kind != imap.FilterMailboxes {
			continue
		}
		for _, name := range f.Names {
			at, err := s.place(name)
			switch {
			case errors.Is(err, mailbox.ErrNoMailbox), errors.Is(err, mailbox.ErrName):
				continue
			case err != nil:
				return nil, err
			}
			known := slices.ContainsFunc(out, func(p place) bool { return p.account.ID() == at.account.ID() && p.Name == at.Name })
			if !known && at.Exists && at.rights&mailbox.RightRead != 0 {
				out = append(out, at)
			}
		}
	}
	return out, nil
}

// filterMeans reports whether a filter means a mailbox (RFC 5465 §6, RFC 7377 §2.2).
func (s *session) filterMeans(f imap.MailboxFilter, in named) bool {
	switch f.Kind {
	case imap.FilterSelected, imap.FilterSelectedDelayed:
		return s.sel != nil && in.at.is(s.sel)
	case imap.FilterInboxes:
		return in.Name == mailbox.Inbox
	case imap.FilterPersonal:
		return in.at.prefix == ""
	case imap.FilterSubscribed:
		return in.Subscribed
	}
	return slices.ContainsFunc(f.Names, func(name string) bool {
		rest, below := strings.CutPrefix(in.Name, name+"/")
		switch {
		case in.Name == name:
			return true
		case f.Kind == imap.FilterSubtree:
			return below
		case f.Kind == imap.FilterSubtreeOne:
			return below && !strings.Contains(rest, "/")
		}
		return false
	})
}

// canonical gives a filter the names that mailboxes have, as every command that takes a name does: INBOX in capitals, NFC, and
// the mailbox of a special use for its usual names. What is not there stays as it is kept; it may come (RFC 5465 §6).
func (s *session) canonical(f imap.MailboxFilter) (imap.MailboxFilter, error) {
	names := make([]string, 0, len(f.Names))
	for _, name := range f.Names {
		if clean, err := mailbox.CleanName(strings.TrimSuffix(name, "/")); err == nil {
			name = clean
		}
		names = append(names, name)
		at, err := s.place(name)
		switch {
		case isGone(err), errors.Is(err, mailbox.ErrName):
		case err != nil:
			return f, err
		case at.shown() != name:
			names = append(names, at.shown())
		}
	}
	f.Names = names
	return f, nil
}
