package imap

import (
	"slices"
	"strings"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// storing is a STORE whose arguments were read.
type storing struct {
	*call
	spans  []span
	set    mailbox.UIDSet // what is to be changed; none: nothing is, or err says why not
	op     mailbox.StoreOp
	silent bool
	err    error

	before   *mailbox.View  // the mailbox before it
	modified mailbox.UIDSet // what was left alone
	stored   mailbox.ModSeq
}

// cmdStore is STORE and UID STORE, RFC 3501 §6.4.6, with UNCHANGEDSINCE of RFC 7162 §3.1.3. Those that have come behind it
// and change other messages are done with it, in one commit: they wait for the disk together (RFC 9051 §5.5). The
// last of them is the one that execute ends.
func cmdStore(s *session, c *call) error {
	began := time.Now()
	batch := []*storing{s.readStoring(c)}
	for len(batch) < maxTogether && s.storeFollows() {
		in, err := s.in.Next()
		if err != nil {
			s.readError(err)
			break
		}
		next := s.followingStore(in)
		if meets(batch, next.set) {
			s.endStores(batch, began, false)
			batch = batch[:0]
		}
		batch = append(batch, next)
	}
	*c = *s.endStores(batch, began, true)
	return batch[len(batch)-1].err
}

// readStoring reads the arguments of a STORE.
func (s *session) readStoring(c *call) *storing {
	st := &storing{call: c}
	if st.spans, st.err = s.readSpans(c); st.err != nil {
		return st
	}
	st.op, st.silent = s.readStore(c)
	if st.err = c.End(); st.err != nil {
		return st
	}
	if s.sel.readOnly {
		st.err = errReadOnly
		return st
	}
	st.spans = s.limited(c, st.spans)
	if set := s.sel.uids(st.spans); len(set) > 0 {
		if st.err = s.limitStore(&st.op); st.err == nil {
			st.set = set
		}
	}
	return st
}

// finishStore tells what a STORE came to.
func (s *session) finishStore(st *storing) {
	if st.err != nil {
		return
	}
	s.learnUnchanged(&st.op)
	if len(st.set) == 0 {
		return
	}
	own := ownChange{modseq: st.stored}
	if st.silent {
		own.silent, own.before = &st.op, st.before
	}
	s.sel.tell(own)
	s.writeStored(st.call, st.spans, st.modified, st.stored, st.silent)
	if len(st.modified) > 0 {
		st.code = "MODIFIED " + s.modifiedSet(st.uid, st.modified)
		st.text = "some messages were changed meanwhile"
	}
}

// learnUnchanged notes that a client whose STORE named a modseq, and was done, knows of them (RFC 7162 §3.1).
func (s *session) learnUnchanged(op *mailbox.StoreOp) {
	if op.UnchangedSince != nil {
		s.enableCondstore()
	}
}

// readStore reads what follows the set: [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] flags.
func (s *session) readStore(c *call) (op mailbox.StoreOp, silent bool) {
	if c.SP().NextIs('(') {
		c.Members(func() {
			if c.Word() != "UNCHANGEDSINCE" {
				c.Fail("no such STORE modifier")
			}
			n := mailbox.ModSeq(c.SP().Number())
			op.UnchangedSince = &n
		})
		c.SP()
	}
	word := c.Word()
	switch {
	case strings.HasPrefix(word, "+"):
		op.Mode = mailbox.Add
	case strings.HasPrefix(word, "-"):
		op.Mode = mailbox.Remove
	default:
		op.Mode = mailbox.Replace
	}
	word, silent = strings.CutSuffix(strings.TrimLeft(word, "+-"), ".SILENT")
	if word != "FLAGS" {
		c.Fail("expected FLAGS")
	}
	op.Flags, op.Keywords = splitFlags(c.SP().FlagsOrList())
	return op, silent
}

// writeStored answers with the flags the messages have now. A client that knows modseqs is told the new
// ones even when it asked for silence (RFC 7162 §3.1.3).
func (s *session) writeStored(c *call, spans []span, modified mailbox.UIDSet, modseq mailbox.ModSeq, silent bool) {
	if silent && !s.has(extCondstore) {
		return
	}
	now := s.sel.box.View()
	s.announceKeywords(now)
	one := func(i int) {
		e := s.sel.current(now, s.sel.view.At(i))
		switch {
		case len(modified) > 0 && modified.Contains(e.UID):
		case !silent:
			s.fetchFlags(i, e, c.uid)
		case e.ModSeq == modseq:
			s.writeModSeq(i, e, c.uid)
		}
	}
	if c.lowest > 0 { // from the highest UID down (RFC 9738 §3.1)
		for _, sp := range slices.Backward(spans) {
			for i := sp.hi - 1; i >= sp.lo; i-- {
				one(i)
			}
		}
		return
	}
	for _, sp := range spans {
		for i := sp.lo; i < sp.hi; i++ {
			one(i)
		}
	}
}

func (s *session) writeModSeq(i int, e mailbox.Entry, withUID bool) {
	s.fetchHead(i, e.UID)
	if s.tellsUID(withUID) {
		s.out.S("UID ").N(uint64(e.UID)).C(' ')
	}
	s.out.S("MODSEQ (").N(uint64(e.ModSeq)).S("))\r\n")
}

// modifiedSet writes the messages left alone as the numbers the command used.
func (s *session) modifiedSet(uid bool, set mailbox.UIDSet) string {
	var rs []imap.Range
	for _, r := range set {
		if uid {
			rs = append(rs, imap.Range{Lo: uint32(r.Lo), Hi: uint32(r.Hi)})
			continue
		}
		lo := s.sel.view.IndexFrom(r.Lo)
		for i := lo; i < s.sel.view.Len() && s.sel.view.At(i).UID <= r.Hi; i++ {
			if n := len(rs); n > 0 && rs[n-1].Hi == uint32(i) {
				rs[n-1].Hi++
				continue
			}
			rs = append(rs, imap.Range{Lo: uint32(i + 1), Hi: uint32(i + 1)})
		}
	}
	return string(imap.AppendSet(nil, rs))
}

// limitStore leaves of a STORE what the session may change; it is refused if that is nothing (RFC 4314 §4).
func (s *session) limitStore(op *mailbox.StoreOp) error {
	may := s.changeable()
	if may == mailbox.AllFlags {
		return nil
	}
	all := op.Flags == 0 && len(op.Keywords) == 0
	limitFlags(may, &op.Flags, &op.Keywords)
	op.Keep = ^may
	if may == 0 || !all && op.Mode != mailbox.Replace && op.Flags == 0 && len(op.Keywords) == 0 {
		return errNoPerm
	}
	return nil
}
