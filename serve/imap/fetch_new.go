package imap

import (
	"slices"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// fetchNew tells of the messages that came, from the index on, what the client asked to be told of such: by MessageNew
// (RFC 5465 §5.2), or by UPDATE of a search they are in (§7). Those that it put there itself it knows.
func (s *session) fetchNew(from int) {
	_, items, _ := s.selectedWish()
	v := s.sel.view
	for i, e := range v.Range(from, v.Len()) {
		want := items
		for _, x := range s.sel.contexts {
			if x.fetch != nil && slices.Contains(x.members, e.UID) {
				want = addItems(want, x.fetch)
			}
		}
		if want != nil && !s.sel.mine.Contains(e.UID) {
			s.fetchOne(i, want)
		}
	}
	s.sel.mine = nil
}

// addItems joins two lists, each item once.
func addItems(a, b []imap.FetchItem) []imap.FetchItem {
	out := slices.Clone(a)
	for _, it := range b {
		if !slices.ContainsFunc(out, func(o imap.FetchItem) bool { return o.Label == it.Label }) {
			out = append(out, it)
		}
	}
	return out
}

// fetchOne writes an untagged FETCH of the message at an index. It sets no \Seen. A message that can not be read is told
// without it: the client may ask itself.
func (s *session) fetchOne(i int, items []imap.FetchItem) {
	f := &fetch{s: s, items: slices.Clone(items), lazy: lazyPreviews, now: s.sel.view}
	f.prepare(false)
	err := f.answer([]span{{i, i + 1}})
	if err != nil && isConnection(err) {
		s.connectionError(err)
		return
	}
	if err != nil {
		s.log.Error("imap notification without its items", "user", s.user, "err", err)
	}
}

// brought notes messages that the session put into a mailbox.
func (s *session) brought(id mailbox.ID, owner *mailbox.Account, uids []mailbox.UID) {
	if s.notifying == nil || s.sel == nil || s.sel.owner != owner.ID() || s.sel.box.ID() != id {
		return
	}
	for _, u := range uids {
		s.sel.mine = s.sel.mine.Add(u)
	}
}
