package imap

import "slices"

// cmdComparator is COMPARATOR, RFC 5255 §4.7: it tells how texts are compared, and changes it to the first
// comparator that an argument means.
func cmdComparator(s *session, c *call) error {
	asked := false
	var all []comparator
	for c.More() {
		if asked {
			c.SP()
		}
		asked = true
		for _, x := range s.comparatorsLike(c.AString()) {
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	if asked && len(all) == 0 {
		return no("BADCOMPARATOR", "there is no such comparator")
	}
	if asked {
		s.order = all[0]
	}
	s.out.S("* COMPARATOR ").Str(s.comparatorName(s.order))
	if len(all) > 1 {
		s.out.S(" (")
		for i, x := range all {
			if i > 0 {
				s.out.C(' ')
			}
			s.out.Str(s.comparatorName(x))
		}
		s.out.C(')')
	}
	s.out.CRLF()
	return nil
}
