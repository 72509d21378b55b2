package imap

import (
	"slices"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// maxTogether is how many STOREs share a commit at most. What a session knows of its own changes covers them
// all (maxTold).
const maxTogether = maxTold

// storeFollows reports whether a further STORE has come whole.
func (s *session) storeFollows() bool { return s.in.NextIs("STORE") || s.in.NextIs("UID STORE") }

// followingStore reads a STORE that came behind another one.
func (s *session) followingStore(in imap.Command) *storing {
	s.commands++
	c, cmd := s.newCall(in)
	if err := s.check(cmd); err != nil {
		return &storing{call: c, err: err}
	}
	st := s.readStoring(c)
	c.quiet = c.quiet || cmd.quiet
	return st
}

// meets reports whether a STORE of the batch changes one of the messages in set.
func meets(batch []*storing, set mailbox.UIDSet) bool {
	return slices.ContainsFunc(batch, func(st *storing) bool { return overlap(st.set, set) })
}

// overlap reports whether two sets have a UID in common.
func overlap(a, b mailbox.UIDSet) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Hi < b[0].Lo:
			a = a[1:]
		case b[0].Hi < a[0].Lo:
			b = b[1:]
		default:
			return true
		}
	}
	return false
}

// storeTogether makes the changes of a batch and notes what came of each. Invariant: no two of them change the same
// message, so their order does not matter, and one View before all of them is the one before each.
func (s *session) storeTogether(batch []*storing) {
	requests := make([]mailbox.StoreRequest, 0, len(batch))
	before := s.sel.box.View()
	for _, st := range batch {
		st.before = before
		if len(st.set) > 0 {
			requests = append(requests, mailbox.StoreRequest{Set: st.set, Op: st.op})
		}
	}
	if len(requests) == 0 {
		return
	}
	results, err := s.sel.box.StoreAll(s.ctx, requests)
	for _, st := range batch {
		switch {
		case len(st.set) == 0:
		case err != nil:
			st.err = err
		default:
			st.modified, st.stored, st.err = results[0].Modified, results[0].ModSeq, results[0].Err
			results = results[1:]
		}
	}
}

// endStores does a batch and ends its commands; with open, all but the last, whose call it gives. Nobody is told of
// EXPUNGE in between, nor of messages that came: the set of the STORE that follows was read without them.
func (s *session) endStores(batch []*storing, began time.Time, open bool) *call {
	s.storeTogether(batch)
	last := len(batch) - 1
	for i, st := range batch {
		s.finishStore(st)
		if i == last && open {
			break
		}
		if i == last && s.hearsSelected() && s.sel.box.View().UIDNext() == s.sel.view.UIDNext() {
			s.update(false)
		}
		s.complete(st.call, s.srv.commands[st.name], st.err, time.Since(began))
	}
	return batch[last].call
}
