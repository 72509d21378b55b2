package imap

// SelectParams are the parameters of SELECT and EXAMINE (RFC 4466 §2.1).
type SelectParams struct {
	Condstore bool     // RFC 7162 §3.1.8
	QResync   *QResync // RFC 7162 §3.2.5; nil when not given
}

// QResync is what a client knows of a mailbox it comes back to (RFC 7162 §3.2.5).
type QResync struct {
	UIDValidity uint32
	ModSeq      uint64 // not 0
	Known       UIDSet // nil: all
	Seqs        SeqSet // message sequence match data: Seqs[i] was the number of
	UIDs        UIDSet // ... UIDs[i]; both nil when not given
}

// SelectParams reads "(" parameters ")".
func (p *Parser) SelectParams() (out SelectParams) {
	p.Members(func() {
		switch p.Word() {
		case "CONDSTORE":
			out.Condstore = true
		case "QRESYNC":
			out.QResync = p.SP().qresync()
		default:
			p.fail("no such parameter")
		}
	})
	return out
}

// qresync reads "(" uidvalidity SP modseq [SP known-uids] [SP "(" seqs SP uids ")"] ")".
func (p *Parser) qresync() *QResync {
	p.want('(')
	q := &QResync{UIDValidity: p.Number32()}
	q.ModSeq = p.SP().Number()
	if q.UIDValidity == 0 || q.ModSeq == 0 {
		p.fail("UIDVALIDITY and modseq begin at 1")
	}
	if p.peek() == ' ' && !p.nextAre(" (") {
		q.Known = p.SP().plainSet()
	}
	if p.TrySP() {
		p.want('(')
		q.Seqs = SeqSet(p.plainSet())
		q.UIDs = p.SP().plainSet()
		p.want(')')
	}
	p.want(')')
	return q
}

// plainSet reads a set without "*".
func (p *Parser) plainSet() UIDSet {
	set := p.UIDSet()
	if SeqSet(set).HasStar() {
		p.fail("'*' can not stand here")
	}
	return set
}

// nextAre reports whether s is next.
func (p *Parser) nextAre(s string) bool {
	return p.err == nil && len(p.b)-p.i >= len(s) && string(p.b[p.i:p.i+len(s)]) == s
}
