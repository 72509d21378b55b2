package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// mergeWidth is how many segments of like size are merged into one.
const mergeWidth = 8

// Bounds of a segment that a merge makes, bytes. Both are far below what places in memory can address.
const (
	maxMergedPostings = 1 << 30
	maxMergedDict     = 256 << 20 // not compressed
)

// mergeable gives the segments to be merged: the shortest run of last ones that is long enough and of which none
// has more than a quarter of the messages. Thus each posting is written again only into a segment that is
// several times as big, and the number of segments grows with the logarithm of the messages.
func mergeable(all []segmentInfo) (from, to int) {
	var docs, largest, postings, dict int64
	for from = len(all) - 1; from >= 0; from-- {
		s := &all[from]
		docs += s.docs
		largest = max(largest, s.docs)
		postings += s.postings
		dict += s.names
		if postings > maxMergedPostings || dict > maxMergedDict || all[len(all)-1].hi-s.lo >= maxRange {
			break
		}
		if len(all)-from >= mergeWidth && largest <= docs/4 {
			return from, len(all)
		}
	}
	return 0, 0
}

// tidy rewrites the index without its dead when those are many.
func (a *Account) tidy(ctx context.Context, m *manifest) error {
	docs := int64(0)
	for _, s := range m.segments {
		docs += s.docs
	}
	if docs < minTidy {
		return nil
	}
	u, err := a.box.Usage(ctx)
	if err != nil || u.Messages >= docs-docs/4 {
		if errors.Is(err, mailbox.ErrRemoved) {
			return nil
		}
		return err
	}
	for i := 0; i < len(m.segments); i++ {
		s := &m.segments[i]
		live := newSet(s.lo, s.hi)
		n := int64(0)
		if err := a.box.Numbers(ctx, s.lo, s.hi, func(no mailbox.MsgNo) {
			live.add(no)
			n++
		}); err != nil {
			return err
		}
		if n >= s.docs-s.docs/8 {
			continue
		}
		if err := a.merge(ctx, m, i, i+1, live); err != nil {
			return err
		}
		if n == 0 { // it is gone
			i--
		}
	}
	return nil
}

// minTidy is the number of messages below which dead ones are left where they are.
const minTidy = 512

// merge makes one segment out of m.segments[from:to], of the live messages if live is not nil.
func (a *Account) merge(ctx context.Context, m *manifest, from, to int, live *Set) error {
	g := merging{a: a, ctx: ctx, live: live, rows: rowWriter{a: a, m: m}}
	if m.building != 0 { // what another left behind
		if err := g.rows.commit(ctx, nil); err != nil {
			return err
		}
	}
	old := m.segments[from:to]
	g.out = segmentWriter{put: g.rows.hold, codec: a.x.codec, info: segmentInfo{id: m.next, lo: old[0].lo, hi: old[len(old)-1].hi}}
	m.next++
	norms := make([]byte, 0, g.out.info.hi-g.out.info.lo+1)
	for i := range old {
		s := &old[i]
		var n []byte
		if err := a.view(ctx, func(r kv.Reader) (err error) {
			n, err = readNorms(r, s)
			return err
		}); err != nil {
			return err
		}
		for mailbox.MsgNo(len(norms)) < s.lo-g.out.info.lo {
			norms = append(norms, 0)
		}
		norms = append(norms, n...)
		g.out.info.words += s.words
		g.out.info.text += s.text
		g.sources = append(g.sources, &source{a: a, ctx: ctx, s: s})
	}
	norms = g.keep(norms)
	if err := g.run(); err != nil {
		return err
	}
	made := []segmentInfo{g.out.info}
	if g.out.info.docs > 0 {
		if err := g.out.end(norms); err != nil {
			return err
		}
		made[0] = g.out.info
	} else {
		made = nil
	}
	dropped := append([]segmentInfo(nil), old...)
	rest := append([]segmentInfo(nil), m.segments[to:]...)
	m.segments = append(append(m.segments[:from:from], made...), rest...)
	if err := g.rows.commit(ctx, dropped); err != nil {
		return err
	}
	a.x.cache.drop(a.id, dropped)
	a.x.opt.Metrics.merged()
	return nil
}

// merging is one merge being done.
type merging struct {
	a       *Account
	ctx     context.Context
	live    *Set
	sources []*source
	out     segmentWriter
	rows    rowWriter
	post    []byte
}

// keep clears the norms of the dead, and counts the others.
func (g *merging) keep(norms []byte) []byte {
	lo := g.out.info.lo
	all := int64(0)
	for i, n := range norms {
		if n == 0 {
			continue
		}
		all++
		if g.live != nil && !g.live.Has(lo+mailbox.MsgNo(i)) {
			norms[i] = 0
			continue
		}
		g.out.info.docs++
	}
	if all > 0 { // the sums of the dead are not known one by one
		g.out.info.words = g.out.info.words * g.out.info.docs / all
		g.out.info.text = g.out.info.text * g.out.info.docs / all
	}
	return norms
}

// run goes through the terms of all sources in order.
func (g *merging) run() error {
	for _, s := range g.sources {
		if err := s.next(); err != nil {
			return err
		}
	}
	var term []byte
	for {
		var least *source
		for _, s := range g.sources {
			if !s.done && (least == nil || bytes.Compare(s.e.term, least.e.term) < 0) {
				least = s
			}
		}
		if least == nil {
			return nil
		}
		term = append(term[:0], least.e.term...)
		if err := g.term(term); err != nil {
			return err
		}
		if err := g.rows.spill(g.ctx, g.out.info.id); err != nil {
			return err
		}
	}
}

// term joins the postings of one term, which is next in some of the sources.
func (g *merging) term(term []byte) error {
	g.post = g.post[:0]
	docs, last := int64(0), g.out.info.lo
	for _, s := range g.sources {
		if s.done || !bytes.Equal(s.e.term, term) {
			continue
		}
		b, err := s.postings()
		if err != nil {
			return err
		}
		if g.live != nil {
			docs, last, err = g.copyLive(s, b, docs, last)
		} else {
			docs, last, err = g.copyAll(s, b, docs, last)
		}
		if err != nil {
			return err
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	if docs == 0 {
		return nil
	}
	return g.out.add(string(term), docs, last, g.post)
}

// copyAll adds all of a source's postings: only the first delta is another.
func (g *merging) copyAll(s *source, b []byte, docs int64, last mailbox.MsgNo) (int64, mailbox.MsgNo, error) {
	delta, n := binary.Uvarint(b)
	if n <= 0 || delta > uint64(s.s.hi-s.s.lo) {
		return 0, 0, errDamaged
	}
	first := s.s.lo + mailbox.MsgNo(delta)
	g.post = binary.AppendUvarint(g.post, uint64(first-last))
	g.post = append(g.post, b[n:]...)
	if last = first; s.e.docs > 1 {
		last = s.s.lo + mailbox.MsgNo(s.e.last)
	}
	return docs + int64(s.e.docs), last, nil
}

// copyLive adds those of the live messages.
func (g *merging) copyLive(s *source, b []byte, docs int64, last mailbox.MsgNo) (int64, mailbox.MsgNo, error) {
	rd := newPostingReader(b, s.s, false)
	for {
		before := rd.d.b
		if !rd.next() {
			break
		}
		if !g.live.Has(rd.p.msg) {
			continue
		}
		one := before[:len(before)-len(rd.d.b)]
		_, n := binary.Uvarint(one)
		g.post = binary.AppendUvarint(g.post, uint64(rd.p.msg-last))
		g.post = append(g.post, one[n:]...)
		docs, last = docs+1, rd.p.msg
	}
	if rd.d.bad {
		return 0, 0, errDamaged
	}
	return docs, last, nil
}

// source reads a segment from its first term to its last, some pages at a time.
type source struct {
	a    *Account
	ctx  context.Context
	s    *segmentInfo
	done bool
	e    entryReader

	dict     [][]byte
	dictPage int
	post     []byte // postings read and not used
	postPage int
	skipped  uint64 // postings of the term at hand, not taken
}

// Pages read at once.
const (
	sourceDictPages = 4
	sourcePostPages = 16
)

// next goes to the next term.
func (s *source) next() error {
	if s.skipped > 0 {
		if _, err := s.postings(); err != nil {
			return err
		}
	}
	for !s.e.next() {
		if s.e.d.bad {
			return errDamaged
		}
		if len(s.dict) == 0 {
			if err := s.read(kindDictionary, s.dictPage, sourceDictPages, func(v []byte) { s.dict = append(s.dict, v) }); err != nil {
				return err
			}
			s.dictPage += len(s.dict)
		}
		if len(s.dict) == 0 {
			s.done = true
			return nil
		}
		page, err := s.a.x.codec.unpack(nil, s.dict[0])
		if err != nil {
			return err
		}
		s.e = entryReader{d: decoder{b: page}}
		s.dict = s.dict[1:]
	}
	s.skipped = s.e.postings
	return nil
}

// postings gives the postings of the term at hand; valid until the next call.
func (s *source) postings() ([]byte, error) {
	n := s.skipped
	s.skipped = 0
	for uint64(len(s.post)) < n {
		pages := 0
		s.post = append([]byte(nil), s.post...)
		if err := s.read(kindPostings, s.postPage, sourcePostPages, func(v []byte) {
			s.post = append(s.post, v...)
			pages++
		}); err != nil {
			return nil, err
		}
		if s.postPage += pages; pages == 0 {
			return nil, errDamaged
		}
	}
	b := s.post[:n:n]
	s.post = s.post[n:]
	return b, nil
}

// read gives copies of up to n pages from page on.
func (s *source) read(kind byte, page, n int, f func(v []byte)) error {
	return s.a.view(s.ctx, func(r kv.Reader) error {
		o := kv.ScanOpt{Limit: n}
		return r.Scan(mail.TableSearch, rowKey(s.s.id, kind, page), rowKey(s.s.id, kind+1, 0), o, func(_, v []byte) error {
			f(append([]byte(nil), v...))
			return nil
		})
	})
}
