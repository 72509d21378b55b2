package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// addOthers adds the names of mailboxes that others share with this session, and the names above them. subscribed
// are those it subscribes to.
func (s *session) addOthers(all []named, subscribed map[string]bool) ([]named, error) {
	owners, err := s.srv.Mail.SharedWith(s.ctx, s.account.ID())
	if err != nil {
		return nil, err
	}
	before := len(all)
	for _, id := range owners {
		who, err := s.srv.Accounts.Account(s.ctx, id)
		if isUnknown(err) {
			continue // it is being removed
		}
		if err != nil {
			return nil, err
		}
		if all, err = s.addOwner(all, &who, subscribed); err != nil {
			return nil, err
		}
	}
	if len(all) > before {
		all = append(all, named{Info: mailbox.Info{Name: othersRoot, NoSelect: true, HasChildren: true}})
	}
	for name := range subscribed { // what is no longer there, or not for this session
		all = append(all, named{Info: mailbox.Info{Name: name, NonExistent: true, Subscribed: true}})
	}
	return all, nil
}

// addOwner adds the names of one owner; it takes those it adds out of subscribed.
func (s *session) addOwner(all []named, who *account.Account, subscribed map[string]bool) ([]named, error) {
	owner := s.srv.Mail.Account(who.ID)
	names, err := namesOf(s.ctx, owner)
	if err != nil {
		return nil, err
	}
	node := othersPrefix + ownerLevel(who)
	reader, before := s.reader(who.Name), len(all)
	parent := map[string]bool{}
	names.All(func(in mailbox.Info) {
		rights := names.Rights(who.ID, reader, in.ID)
		if in.NonExistent || rights&mailbox.RightLookup == 0 {
			return
		}
		at := place{Meaning: mailbox.Meaning{Name: in.Name, Exists: true}, account: owner, owner: who.Name, prefix: node + "/", rights: rights}
		in.Name = at.shown()
		in.Use = mailbox.UseNone // it is its owner's use
		in.Subscribed = subscribed[in.Name]
		delete(subscribed, in.Name)
		for i := len(node) + 1; i < len(in.Name); i++ {
			if in.Name[i] == '/' {
				parent[in.Name[:i]] = true
			}
		}
		all = append(all, named{Info: in, at: at})
	})
	for i := before; i < len(all); i++ {
		all[i].HasChildren = parent[all[i].Name]
	}
	if len(all) > before {
		all = append(all, named{Info: mailbox.Info{Name: node, NoSelect: true, HasChildren: true}})
	}
	return all, nil
}

// namesOf gives the mailboxes of somebody else. An account that is being removed has none.
func namesOf(ctx context.Context, owner *mailbox.Account) (mailbox.Names, error) {
	names, err := owner.Names(ctx)
	if errors.Is(err, mailbox.ErrRemoved) {
		return mailbox.NoNames(), nil
	}
	return names, err
}

// isUnknown reports that there is no such account.
func isUnknown(err error) bool {
	var unknown account.ErrUnknown
	return errors.As(err, &unknown)
}

// ownersOf gives the accounts whose mailboxes are among names, each once.
func ownersOf(all []named) (out []*mailbox.Account) {
	seen := map[mail.AccountID]bool{}
	for i := range all {
		if a := all[i].at.account; a != nil && !seen[a.ID()] {
			seen[a.ID()] = true
			out = append(out, a)
		}
	}
	return out
}

// addLevels adds the names that are above mailboxes of others and of no mailbox that this session may see: who lists level by level
// finds what is below them (RFC 3501 §6.3.8 on "%"). Other patterns have nothing of that.
func (s *session) addLevels(all []named, patterns ...string) []named {
	var ms []*imap.Matcher
	for _, p := range patterns {
		if strings.HasSuffix(p, "%") {
			ms = append(ms, imap.NewMatcher(p))
		}
	}
	if ms == nil {
		return all
	}
	matches := func(name string) bool {
		return slices.ContainsFunc(ms, func(m *imap.Matcher) bool { return m.Match(name) })
	}
	have := make(map[string]bool)
	for i := range all {
		if all[i].at.prefix != "" {
			have[all[i].Name] = true
		}
	}
	before := len(all)
	for _, n := range all[:before] {
		for i := len(n.at.prefix); i > 0 && i < len(n.Name); i++ {
			if up := n.Name[:i]; n.Name[i] == '/' && !have[up] && matches(up) {
				have[up] = true
				all = append(all, named{Info: mailbox.Info{Name: up, NoSelect: true, HasChildren: true}, level: true})
			}
		}
	}
	if len(all) > before {
		s.sortNames(all)
	}
	return all
}
