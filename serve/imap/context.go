package imap

import (
	"slices"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// searchContext is a search whose result the client is kept up to date about (RFC 5267 §4.3).
type searchContext struct {
	tag     string
	uid     bool
	search  imap.Search
	by      []imap.SortKey   // nil: in mailbox order
	members []mailbox.UID    // the result, in its order
	fetch   []imap.FetchItem // told of new messages that come into it (RFC 5465 §7)
}

// Limits of what a session may be kept up to date about.
const (
	maxContexts       = 16
	maxContextMembers = 1 << 20 // messages in all contexts of a session
)

// admitContext refuses a tag that a context has already (RFC 5267 §4.3).
func (s *session) admitContext(c *call, want imap.SearchReturn) error {
	if want.Update && s.sel != nil && s.sel.context(c.tag) >= 0 {
		return badf("a search with that tag is kept up to date already")
	}
	return nil
}

// context finds a context by tag, -1 if there is none.
func (sel *selected) context(tag string) int {
	return slices.IndexFunc(sel.contexts, func(x *searchContext) bool { return x.tag == tag })
}

// addContext keeps the client up to date about r from now on, or says that it will not (RFC 5267 §4.3.1).
func (s *session) addContext(c *call, in *imap.Search, by []imap.SortKey, r *result) {
	if !in.Return.Update {
		return
	}
	if in.Fuzzy {
		s.noUpdate(c.tag, "a ranking is not kept up to date")
		return
	}
	if c.lowest > 0 {
		s.noUpdate(c.tag, "only the last messages were looked at")
		return
	}
	all := len(r.hits)
	for _, x := range s.sel.contexts {
		all += len(x.members)
	}
	if len(s.sel.contexts) == maxContexts || all > maxContextMembers {
		s.noUpdate(c.tag, "too many contexts")
		return
	}
	x := &searchContext{tag: c.tag, uid: c.uid, search: *in, by: by, fetch: in.Return.Fetch, members: make([]mailbox.UID, len(r.hits))}
	for k, i := range r.hits {
		x.members[k] = r.view.At(int(i)).UID
	}
	s.sel.freeze(&x.search.Key)
	s.sel.contexts = append(s.sel.contexts, x)
}

func (s *session) noUpdate(tag, why string) {
	s.out.S("* NO [NOUPDATE ").Str(tag)
	s.note(why)
}

// dropNumberContexts ends updates with sequence numbers, for a client that gives those up (RFC 9586 §3).
func (s *session) dropNumberContexts() {
	if s.sel != nil {
		s.sel.contexts = slices.DeleteFunc(s.sel.contexts, func(x *searchContext) bool { return !x.uid })
	}
}

// freeze turns sequence numbers and "$" into the UIDs they mean now: that is what a context goes on to mean.
func (sel *selected) freeze(k *imap.SearchKey) {
	switch k.Op {
	case imap.SearchSeq:
		var uids mailbox.UIDSet
		for _, r := range k.Seq.Resolve(uint32(sel.view.Len())) {
			uids = append(uids, sel.view.UIDs(int(r.Lo)-1, int(min(r.Hi, uint32(sel.view.Len()))))...)
		}
		*k = imap.SearchKey{Op: imap.SearchUID, UIDs: imap.UIDSet(wireRanges(uids))}
	case imap.SearchSaved:
		*k = imap.SearchKey{Op: imap.SearchUID, UIDs: imap.UIDSet(wireRanges(sel.saved))}
	}
	for i := range k.Keys {
		sel.freeze(&k.Keys[i])
	}
}

// contextNews is how a result changed.
type contextNews struct {
	of   *searchContext
	what string
	runs []contextRun
}

// contextsExpunge tells which results go with messages that are expunged. It comes before EXPUNGE, while the
// numbers are still right (RFC 5267 §4.3.4).
func (s *session) contextsExpunge(gone mailbox.UIDSet) {
	if len(gone) == 0 {
		return
	}
	for _, x := range s.sel.contexts {
		s.tellContexts(x.remove(s.sel, gone.Contains))
	}
}

// contextsChange looks again at messages that came or changed, and gives how the results did. To be told behind EXISTS
// and every FETCH of them (RFC 5267 §4.3.3, RFC 5465 §5.1, §7). RFC 5465 §5.2 has the FETCH of a new message last; its
// erratum 4833 leaves the choice, and the example of §7 made ours.
func (s *session) contextsChange(touched mailbox.UIDSet) (news []contextNews) {
	if len(touched) == 0 {
		return nil
	}
	s.sel.contexts = slices.DeleteFunc(s.sel.contexts, func(x *searchContext) bool {
		n, err := s.contextChange(x, touched)
		if err != nil {
			s.log.Error("imap context given up", "user", s.user, "err", err)
			s.noUpdate(x.tag, "the search can not be kept up to date")
			return true
		}
		news = append(news, n...)
		return false
	})
	return news
}

func (s *session) contextChange(x *searchContext, touched mailbox.UIDSet) (news []contextNews, err error) {
	q, err := newFinder(s, s.sel, &x.search)
	if err != nil {
		return nil, err
	}
	if err := q.runIn(touched); err != nil {
		return nil, err
	}
	var come []mailbox.UID
	left := make(map[mailbox.UID]bool)
	was := x.has(touched)
	for i, e := range q.view.In(touched) {
		switch {
		case q.hits[i] && !was[e.UID]:
			come = append(come, e.UID)
		case !q.hits[i] && was[e.UID]:
			left[e.UID] = true
		}
	}
	if len(left) > 0 {
		news = x.remove(s.sel, func(u mailbox.UID) bool { return left[u] })
	}
	added, err := s.contextAdd(x, come)
	return append(news, added...), err
}

// has gives the members in set.
func (x *searchContext) has(set mailbox.UIDSet) map[mailbox.UID]bool {
	out := make(map[mailbox.UID]bool)
	for _, u := range x.members {
		if set.Contains(u) {
			out[u] = true
		}
	}
	return out
}

// remove takes members away. Places are told from the end on, so that those still to come are right.
func (x *searchContext) remove(sel *selected, gone func(mailbox.UID) bool) []contextNews {
	var runs []contextRun
	kept := x.members[:0:0]
	for k, u := range x.members {
		if gone(u) {
			runs = x.addRun(runs, sel, k, u)
		} else {
			kept = append(kept, u)
		}
	}
	if len(runs) == 0 {
		return nil
	}
	x.members = kept
	slices.Reverse(runs)
	return []contextNews{{x, " REMOVEFROM (", runs}}
}

// contextAdd puts messages into the result where they belong.
func (s *session) contextAdd(x *searchContext, come []mailbox.UID) ([]contextNews, error) {
	if len(come) == 0 {
		return nil, nil
	}
	r := &result{view: s.sel.view, sel: s.sel}
	for _, rg := range mailbox.SetOf(append(slices.Clone(x.members), come...)...) {
		for i := range s.sel.view.In(mailbox.UIDSet{rg}) {
			r.hits = append(r.hits, int32(i))
		}
	}
	if x.by != nil {
		if err := s.sortResult(r, x.by); err != nil {
			return nil, err
		}
	}
	var runs []contextRun
	x.members = make([]mailbox.UID, len(r.hits))
	isNew := mailbox.SetOf(come...)
	for k, i := range r.hits {
		x.members[k] = s.sel.view.At(int(i)).UID
		if isNew.Contains(x.members[k]) {
			runs = x.addRun(runs, s.sel, k, x.members[k])
		}
	}
	return []contextNews{{x, " ADDTO (", runs}}, nil
}

// contextRun is a run of results from a place on: 1 is the first, 0 means in mailbox order.
type contextRun struct {
	at, next int // next: the place behind it
	numbers  numberList
}

// addRun adds the member at index k to runs.
func (x *searchContext) addRun(runs []contextRun, sel *selected, k int, u mailbox.UID) []contextRun {
	n := uint32(u)
	if !x.uid {
		i, _ := sel.view.Seq(u)
		n = uint32(i + 1)
	}
	at := k + 1
	if x.by == nil {
		at = 0
	}
	if last := len(runs) - 1; last >= 0 && (x.by == nil || runs[last].next == at) {
		runs[last].numbers.add(n)
		runs[last].next++
		return runs
	}
	r := contextRun{at: at, next: at + 1}
	r.numbers.add(n)
	return append(runs, r)
}

// tellContexts tells how results changed.
func (s *session) tellContexts(news []contextNews) {
	for _, n := range news {
		s.out.S("* ESEARCH (TAG ").Str(n.of.tag).C(')')
		if n.of.uid {
			s.out.S(" UID")
		}
		s.out.S(n.what)
		for k, r := range n.runs {
			if k > 0 {
				s.out.C(' ')
			}
			s.out.N(uint64(r.at)).C(' ').Set(r.numbers)
		}
		s.out.S(")\r\n")
	}
}
