package imap

import "barid/rfc/imap"

// esearch begins an ESEARCH response (RFC 4731 §3.1, RFC 4466 §2.6.2); what follows are its results, each
// behind a space, and CRLF.
func (s *session) esearch(c *call) *imap.Writer {
	s.out.S("* ESEARCH (TAG ").Str(c.tag).C(')')
	if c.uid {
		s.out.S(" UID")
	}
	return s.out
}

// numberList collects numbers that ascend as ranges, to be written as a compact set.
type numberList []imap.Range

func (l *numberList) add(n uint32) {
	if k := len(*l); k > 0 && (*l)[k-1].Hi+1 == n {
		(*l)[k-1].Hi = n
		return
	}
	*l = append(*l, imap.Range{Lo: n, Hi: n})
}
