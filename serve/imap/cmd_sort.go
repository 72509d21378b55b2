package imap

import (
	"cmp"
	"slices"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdSort is SORT and UID SORT, RFC 5256 §3, with RETURN of RFC 5267 §3.
func cmdSort(s *session, c *call) error {
	want := c.SearchReturn()
	by := c.SortKeys()
	in := c.SP().SearchFor()
	in.Return = want
	c.quiet = in.Numbers
	if err := c.End(); err != nil {
		return err
	}
	if err := s.admitContext(c, want); err != nil {
		return err
	}
	if err := admitRelevancy(&in, by); err != nil {
		return err
	}
	return s.saving(want, func() error {
		r, err := s.search(c, &in)
		if err != nil {
			return err
		}
		if err := s.sortResult(r, by); err != nil {
			return err
		}
		s.answerSort(c, &in, r)
		s.addContext(c, &in, by, r)
		return nil
	})
}

// answerSort tells the result: as SORT, or as ESEARCH if RETURN was given (RFC 5267 §3).
func (s *session) answerSort(c *call, in *imap.Search, r *result) {
	if !in.Return.Given {
		r.writePlain(s.out, "SORT", in.ModSeq)
		return
	}
	if in.Return.Answers() || !in.Return.Save {
		r.writeExtended(s.esearch(c), in.Return, in.ModSeq)
	}
	if in.Return.Save {
		s.sel.saved = r.saved(in.Return)
	}
}

// sorter orders results.
type sorter struct {
	by      []imap.SortKey
	keys    []*sortKey      // by place before sorting; nil if no criterion needs them
	entries []mailbox.Entry // likewise
	scores  []uint8         // likewise
	hits    []int32
}

// sortResult puts a result, which is in mailbox order, into the order asked for. Messages that are alike by
// all criteria stay in mailbox order.
func (s *session) sortResult(r *result, by []imap.SortKey) error {
	o, err := s.newSorter(r, by)
	if err != nil {
		return err
	}
	order := make([]int32, len(r.hits))
	for k := range order {
		order[k] = int32(k)
	}
	slices.SortFunc(order, func(a, b int32) int { return o.compare(int(a), int(b)) })
	sorted := make([]int32, len(order))
	for k, at := range order {
		sorted[k] = r.hits[at]
	}
	r.hits = sorted
	return nil
}

func (s *session) newSorter(r *result, by []imap.SortKey) (*sorter, error) {
	o := &sorter{by: by, hits: r.hits}
	for _, k := range by {
		var err error
		switch {
		case k.Field == imap.SortRelevancy:
			o.readScores(r)
		case k.Field == imap.SortArrival || k.Field == imap.SortSize:
			o.readEntries(r)
		case o.keys == nil:
			if o.keys, err = s.keys(r); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// readEntries notes what is in memory of the results.
func (o *sorter) readEntries(r *result) {
	if o.entries != nil {
		return
	}
	o.entries = make([]mailbox.Entry, len(r.hits))
	for k, i := range r.hits {
		o.entries[k] = r.view.At(int(i))
	}
}

// readScores notes the relevancy of the results.
func (o *sorter) readScores(r *result) {
	o.scores = make([]uint8, len(r.hits))
	for k := range r.hits {
		o.scores[k] = r.score(k)
	}
}

// compare orders two results by their places.
func (o *sorter) compare(a, b int) int {
	for i := range o.by {
		d := o.compareBy(o.by[i].Field, a, b)
		if d == 0 {
			continue
		}
		if o.by[i].Reverse {
			return -d
		}
		return d
	}
	return a - b
}

func (o *sorter) compareBy(field imap.SortField, a, b int) int {
	switch field {
	case imap.SortArrival:
		return cmp.Compare(o.entries[a].Date, o.entries[b].Date)
	case imap.SortSize:
		return cmp.Compare(o.entries[a].Size, o.entries[b].Size)
	case imap.SortRelevancy: // the highest score comes first (RFC 6203 §6)
		return cmp.Compare(o.scores[b], o.scores[a])
	}
	x, y := o.keys[a], o.keys[b]
	switch field {
	case imap.SortDate:
		return cmp.Compare(x.sent, y.sent)
	case imap.SortSubject:
		return cmp.Compare(x.subject, y.subject)
	case imap.SortFrom:
		return cmp.Compare(x.from, y.from)
	case imap.SortTo:
		return cmp.Compare(x.to, y.to)
	case imap.SortCc:
		return cmp.Compare(x.cc, y.cc)
	case imap.SortDisplayFrom:
		return cmp.Compare(x.displayFrom, y.displayFrom)
	}
	return cmp.Compare(x.displayTo, y.displayTo)
}
