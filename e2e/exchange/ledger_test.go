package exchange

import (
	"fmt"
	"sort"
	"sync"
)

// recipient is one RCPT of a parcel and the mailboxes that it leads to.
type recipient struct {
	rcpt   string // as in the envelope
	places []string
	alias  *member // a Barid that is to send it on
}

// parcel is one message and what its server said of it.
type parcel struct {
	id, corpus string
	from       string // mailbox of the sender, canonical
	by         *member
	to         []recipient
	text       string // from our first field on, lines end with LF
	acked      bool
	answer     string
}

// ledger is what was promised to whom.
type ledger struct {
	mu    sync.Mutex
	sent  map[string]*parcel
	wrong []string // what should never have been answered
	acked int
}

func newLedger() *ledger { return &ledger{sent: map[string]*parcel{}} }

// begin notes that a parcel is about to be given to its server.
func (l *ledger) begin(p *parcel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[p.id] = p
}

// acknowledged notes that its server took a parcel, for the recipients that are left in it.
func (l *ledger) acknowledged(p *parcel, answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.acked, p.answer = true, answer
	l.acked++
}

// complain notes an answer that nobody should have got.
func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// found is what lies in the mailboxes: copies by id and mailbox, and reports by id and recipient.
type found struct {
	copies  map[string]map[string]int
	reports map[string][]letter
	strange []string
}

func newFound() *found {
	return &found{copies: map[string]map[string]int{}, reports: map[string][]letter{}}
}

// finding is what an audit says.
type finding struct {
	promises, delivered, reported, kept int
	dropped                             int // failed behind an alias
	lost                                []loss
	copies                              []string // more than one in a mailbox
	wrong                               []string
}

// loss is a place that a parcel was promised to, but that it did not reach.
type loss struct {
	p     *parcel
	r     recipient
	place string
}

func (x loss) String() string {
	return fmt.Sprintf("%s (%s) from %s to %s was answered %q, but is not in %s and nobody was told", x.p.id, x.p.corpus, x.p.from, x.r.rcpt, x.p.answer, x.place)
}

// audit compares promises with what is there. It may be called while mail is still on its way.
func (l *ledger) audit(f *found) finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := finding{wrong: append(append([]string(nil), l.wrong...), f.strange...)}
	for _, id := range ids(l.sent) {
		p := l.sent[id]
		left := map[string]int{}
		for place, n := range f.copies[id] {
			left[place] = n
		}
		for _, r := range p.to {
			for _, place := range r.places {
				out.settle(p, r, place, left[place], f.reports[id])
				delete(left, place)
			}
		}
		for place := range left {
			out.wrong = append(out.wrong, fmt.Sprintf("%s is in %s, where nobody sent it", id, place))
		}
	}
	for id := range f.copies {
		if l.sent[id] == nil {
			out.wrong = append(out.wrong, fmt.Sprintf("%s was never sent", id))
		}
	}
	return out
}

// settle looks at one place of a parcel.
func (out *finding) settle(p *parcel, r recipient, place string, copies int, reports []letter) {
	told := 0
	for _, rep := range reports {
		if rep.at != p.from {
			out.wrong = append(out.wrong, fmt.Sprintf("%s: the report went to %s, not to its sender %s", p.id, rep.at, p.from))
		}
		if rep.failed(r.rcpt) || rep.failed(place) {
			told++
		}
	}
	if p.acked {
		out.promises++
	}
	switch {
	case copies > 0 && told > 0:
		out.wrong = append(out.wrong, fmt.Sprintf("%s is in %s, but %s was told that it failed", p.id, place, p.from))
	case copies == 0 && told == 0 && p.acked:
		out.lost = append(out.lost, loss{p, r, place})
	case copies > 0:
		out.delivered++
	case told > 0:
		out.reported++
	}
	if copies > 0 && !p.acked {
		out.kept++
	}
	for range max(copies-1, 0) {
		out.copies = append(out.copies, fmt.Sprintf("%s in %s", p.id, place))
	}
	for range max(told-1, 0) {
		out.copies = append(out.copies, fmt.Sprintf("report on %s to %s", p.id, r.rcpt))
	}
}

func ids(m map[string]*parcel) []string {
	var out []string
	for id := range m {
		out = append(out, id)
	}
	sort.Strings(out)
	return out
}
