package imap

import "barid/rfc/imap"

// cmdSort is SORT and UID SORT, RFC 5256 §3, with RETURN of RFC 5267 §3.
func cmdSort(s *session, c *call) error {
	want := c.SearchReturn()
	by := c.SortKeys()
	in := c.SP().SearchFor()
	in.Return = want
	c.quiet, c.whole = in.Numbers, true
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
