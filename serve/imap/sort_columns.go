package imap

import (
	"slices"
	"strings"
	"sync"

	"barid/rfc/imap"
)

// column is one criterion of a SORT: a number for each result, in the order of the results. Smaller ones come first.
type column []uint64

// sortResult puts a result, which is in mailbox order, into the order asked for. Messages that are alike by
// all criteria stay in mailbox order.
func (s *session) sortResult(r *result, by []imap.SortKey) error {
	order := make([]int32, len(r.hits))
	for k := range order {
		order[k] = int32(k)
	}
	spare := make([]int32, len(order))
	for i := len(by) - 1; i >= 0; i-- { // each sort is stable, so the first criterion comes last
		c, err := s.sortColumn(r, by[i])
		if err != nil {
			return err
		}
		order, spare = c.sort(order, spare)
	}
	for k, at := range order {
		spare[k] = r.hits[at]
	}
	r.hits = spare
	return nil
}

// sortColumn makes the column of a criterion.
func (s *session) sortColumn(r *result, by imap.SortKey) (column, error) {
	c := make(column, len(r.hits))
	switch by.Field {
	case imap.SortArrival:
		for k, i := range r.hits {
			c[k] = signed(r.view.At(int(i)).Date)
		}
	case imap.SortSize:
		for k, i := range r.hits {
			c[k] = signed(r.view.At(int(i)).Size)
		}
	case imap.SortRelevancy: // the highest score comes first (RFC 6203 §6)
		for k := range c {
			c[k] = uint64(^r.score(k))
		}
	default:
		run, places, err := s.keyPlaces(r)
		if err != nil {
			return nil, err
		}
		run.fill(c, places, by.Field, r)
	}
	if by.Reverse {
		for k := range c {
			c[k] = ^c[k]
		}
	}
	return c, nil
}

// signed turns a number into one that orders the same without a sign.
func signed(n int64) uint64 { return uint64(n) ^ 1<<63 }

// sort gives order, sorted by the column and stable, and what it used beside it. It is a radix sort by the
// octets in which the numbers differ at all: dates of ten years have four of them.
func (c column) sort(order, spare []int32) (sorted, rest []int32) {
	var differ uint64
	for _, v := range c {
		differ |= v ^ c[0]
	}
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var ends [256]int32
		for _, v := range c {
			ends[byte(v>>shift)]++
		}
		sum := int32(0)
		for i, n := range ends {
			ends[i] = sum
			sum += n
		}
		for _, at := range order {
			octet := byte(c[at] >> shift)
			spare[ends[octet]] = at
			ends[octet]++
		}
		order, spare = spare, order
	}
	return order, spare
}

// sortTexts are the criteria that compare texts.
var sortTexts = [...]struct {
	field imap.SortField
	text  func(*sortKey) string
}{
	{imap.SortSubject, func(k *sortKey) string { return k.subject }},
	{imap.SortFrom, func(k *sortKey) string { return k.from }},
	{imap.SortTo, func(k *sortKey) string { return k.to }},
	{imap.SortCc, func(k *sortKey) string { return k.cc }},
	{imap.SortDisplayFrom, func(k *sortKey) string { return k.displayFrom }},
	{imap.SortDisplayTo, func(k *sortKey) string { return k.displayTo }},
}

// keyRun is a run of sort keys by UID; it never changes. The order of its texts is found once, by the first
// who asks, so that a SORT compares numbers.
type keyRun struct {
	rows  []sortKey
	ranks [len(sortTexts)]struct {
		once sync.Once
		of   []uint32
	}
}

// fill writes the criterion of the rows at places; a place below 0 is a message without a row.
func (run *keyRun) fill(c column, places []int32, field imap.SortField, r *result) {
	if field == imap.SortDate {
		for k, at := range places {
			if at >= 0 {
				c[k] = signed(run.rows[at].sent)
			} else {
				c[k] = signed(r.view.At(int(r.hits[k])).Date)
			}
		}
		return
	}
	ranks := run.ranked(field)
	for k, at := range places {
		if at >= 0 {
			c[k] = uint64(ranks[at])
		}
	}
}

// ranked gives the place of each row's text among the texts of all rows. Equal texts have one place; that of
// no text is 0.
func (run *keyRun) ranked(field imap.SortField) []uint32 {
	for i := range sortTexts {
		if sortTexts[i].field == field {
			ranks := &run.ranks[i]
			ranks.once.Do(func() { ranks.of = rank(run.rows, sortTexts[i].text) })
			return ranks.of
		}
	}
	return make([]uint32, len(run.rows))
}

func rank(rows []sortKey, text func(*sortKey) string) []uint32 {
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(text(&rows[a]), text(&rows[b])) })
	ranks := make([]uint32, len(rows))
	last, n := "", uint32(0)
	for _, i := range order {
		if t := text(&rows[i]); t != last {
			last = t
			n++
		}
		ranks[i] = n
	}
	return ranks
}
