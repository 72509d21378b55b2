package imap

import "barid/rfc/imap"

// cmdSearch is SEARCH and UID SEARCH, RFC 3501 §6.4.4 and RFC 9051 §6.4.4, with RETURN of RFC 4731 and what
// other RFCs added to that.
func cmdSearch(s *session, c *call) error {
	in := c.Search()
	c.quiet = in.Numbers
	if err := c.End(); err != nil {
		return err
	}
	if s.has(extUTF8) && in.Charset != "" { // RFC 9755 §3
		return badf("CHARSET is not for after ENABLE UTF8=ACCEPT")
	}
	if err := s.admitContext(c, in.Return); err != nil {
		return err
	}
	return s.saving(in.Return, func() error {
		r, err := s.search(c, &in)
		if err != nil {
			return err
		}
		s.answerSearch(c, &in, r)
		s.addContext(c, &in, nil, r)
		return nil
	})
}

// search finds what in asks for in the selected mailbox, in mailbox order.
func (s *session) search(c *call, in *imap.Search) (*result, error) {
	if err := s.admitSearch(c, in); err != nil {
		return nil, err
	}
	q, err := newFinder(s, s.sel, in)
	if err != nil {
		return nil, err
	}
	set, err := s.limitSearch(c, q)
	if err != nil {
		return nil, err
	}
	if err := q.runIn(set); err != nil {
		return nil, err
	}
	return q.result(c.uid), nil
}

// admitSearch refuses what can not be searched for, and notes that a client knows modseqs.
func (s *session) admitSearch(c *call, in *imap.Search) error {
	switch in.Charset {
	case "", "US-ASCII", "UTF-8":
	default:
		return no("BADCHARSET (US-ASCII UTF-8)", "charset is not supported")
	}
	if s.has(extUIDOnly) && in.Numbers {
		return errUIDRequired
	}
	if err := admitRelevancy(in, nil); err != nil {
		return err
	}
	if in.ModSeq {
		s.enableCondstore()
	}
	return nil
}

// answerSearch tells the result: as SEARCH to clients of RFC 3501 that asked for nothing else, as ESEARCH to
// all others.
func (s *session) answerSearch(c *call, in *imap.Search, r *result) {
	want := in.Return
	if !want.Given && !s.has(extRev2) {
		r.down = c.lowest > 0
		r.writePlain(s.out, "SEARCH", in.ModSeq)
		return
	}
	if !want.Given {
		want.All = true
	}
	if want.Answers() || !want.Save {
		r.writeExtended(s.esearch(c), want, in.ModSeq)
	}
	if want.Save {
		s.sel.saved = r.saved(want)
	}
}

// saving runs a search. If that fails with a NO and was to be saved, what was saved before is void (RFC 5182
// §2.1).
func (s *session) saving(want imap.SearchReturn, run func() error) error {
	err := run()
	if err != nil && want.Save && s.sel != nil && !isBad(err) {
		s.sel.saved = nil
	}
	return err
}
