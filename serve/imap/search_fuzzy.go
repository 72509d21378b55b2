package imap

import (
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/imap"
)

// Fuzzy search, RFC 6203: within FUZZY a key for a text is met by what the index ranks for the words of the
// text, and by the text as it stands. Other keys mean what they mean without it (§5).

// maxFuzzyHits bounds the messages that one fuzzy key ranks.
const maxFuzzyHits = 100000

// fuzzyKey is what the index ranks for a text key within FUZZY.
type fuzzyKey struct{ scores map[mailbox.MsgNo]uint8 }

// hasIndex: FUZZY needs one.
func hasIndex(s *session) bool { return s.srv.Index != nil }

// prepareFuzzy prepares the keys below a FUZZY.
func (q *finder) prepareFuzzy(k *imap.SearchKey) error {
	for i := range k.Keys {
		if err := q.prepareFuzzy(&k.Keys[i]); err != nil {
			return err
		}
	}
	t := q.textKeys[k]
	if t == nil || t.fuzzy != nil || q.s.srv.Index == nil || k.Text == "" {
		return nil
	}
	key := q.texts.keys[t.place]
	if key.Name != "" {
		return nil // fields that the index does not know by themselves
	}
	r, err := q.s.srv.Index.Account(q.sel.owner).Fuzzy(q.s.ctx, search.Fuzzy{In: key.In, Text: k.Text, Limit: maxFuzzyHits})
	if err != nil {
		return err
	}
	t.fuzzy = &fuzzyKey{scores: make(map[mailbox.MsgNo]uint8, len(r.Hits))}
	for _, h := range r.Hits {
		t.fuzzy.scores[h.Msg] = h.Score
	}
	q.fuzzy = append(q.fuzzy, t.fuzzy)
	return nil
}

// relevancy is the score of a message, 1 to 100 (RFC 6203 §4): the mean over the fuzzy keys for texts. One that
// is found otherwise counts least; without such keys all messages are as relevant.
func (q *finder) relevancy(m mailbox.MsgNo) uint8 {
	if len(q.fuzzy) == 0 {
		return 100
	}
	sum := 0
	for _, f := range q.fuzzy {
		sum += int(max(f.scores[m], 1))
	}
	return uint8(sum / len(q.fuzzy))
}

// admitRelevancy refuses scores where nothing is fuzzy (RFC 6203 §4, §6).
func admitRelevancy(in *imap.Search, by []imap.SortKey) error {
	asked := in.Return.Relevancy
	for _, k := range by {
		asked = asked || k.Field == imap.SortRelevancy
	}
	if asked && !in.Fuzzy {
		return badf("RELEVANCY needs a FUZZY key")
	}
	return nil
}

// writeRelevancy answers RELEVANCY: the scores of the results that are told, in their order.
func (r *result) writeRelevancy(out *imap.Writer, want imap.SearchReturn) {
	lo, hi := 0, len(r.hits)
	if want.Partial != nil {
		lo, hi = want.Partial.Window(hi)
	}
	out.S(" RELEVANCY (")
	for k := lo; k < hi; k++ {
		if k > lo {
			out.C(' ')
		}
		out.N(uint64(r.score(k)))
	}
	out.C(')')
}

// score is the relevancy of the k-th result.
func (r *result) score(k int) uint8 { return r.relevancy(r.view.At(int(r.hits[k])).Msg) }
