package imap

import (
	"bytes"
	"slices"
	"strings"

	"barid/mail/mailbox"
)

// named is a name as this session sees it: Info.Name is how the session calls it.
type named struct {
	mailbox.Info
	at    place
	level bool // there is no mailbox of that name for this session, only names below it
}

// names gives all names the session sees, in the order of its owner's language.
func (s *session) names() ([]named, error) {
	all, err := s.account.List(s.ctx)
	if err != nil {
		return nil, err
	}
	out := make([]named, 0, len(all))
	subscribed := map[string]bool{} // of mailboxes of others
	for _, in := range all {
		if reserved(in.Name) {
			if in.Subscribed {
				subscribed[in.Name] = true
			}
			continue
		}
		at := place{
			Meaning: mailbox.Meaning{Name: in.Name, Exists: !in.NonExistent}, account: s.account, owner: s.user, rights: mailbox.AllRights,
		}
		out = append(out, named{Info: in, at: at})
	}
	if out, err = s.addOthers(out, subscribed); err != nil {
		return nil, err
	}
	s.sortNames(out)
	return out, nil
}

// sortNames orders names level by level, as readers of the account's language expect them: a name is followed
// by those below it, INBOX comes first.
func (s *session) sortNames(all []named) {
	keys := make(map[string][]byte) // of levels: names share them
	levels := make([][][]byte, len(all))
	for i := range all {
		for level := range strings.SplitSeq(all[i].Name, "/") {
			k, ok := keys[level]
			if !ok {
				k = s.levelKey(level)
				keys[level] = k
			}
			levels[i] = append(levels[i], k)
		}
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := slices.CompareFunc(levels[a], levels[b], bytes.Compare); c != 0 {
			return c
		}
		return strings.Compare(all[a].Name, all[b].Name)
	})
	sorted := make([]named, len(all))
	for to, from := range order {
		sorted[to] = all[from]
	}
	copy(all, sorted)
}

// levelKey is what one level of a name is ordered by; texts that collate alike stay apart.
func (s *session) levelKey(level string) []byte {
	rank := byte(1)
	if level == mailbox.Inbox {
		rank = 0
	}
	k := s.collate([]byte{rank}, level)
	return append(append(k, 0), level...)
}

// visible looks a name up in the list.
func visible(all []named, name string) *named {
	i := slices.IndexFunc(all, func(n named) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}
