package crash

import (
	"fmt"
	"sync"
	"testing"
)

// place is where a message should go.
type place struct{ account, mailbox string }

// ledger is what was promised to whom.
type ledger struct {
	mu    sync.Mutex
	sent  map[string]*parcel
	wrong []string // what should never have been answered
	acked int
}

// parcel is one message and its places.
type parcel struct {
	to    []place
	acked []bool
}

func newLedger() *ledger { return &ledger{sent: map[string]*parcel{}} }

// begin notes that id is about to be sent.
func (l *ledger) begin(id string, to ...place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = &parcel{to: to, acked: make([]bool, len(to))}
}

// acknowledged notes that the server has promised place i of id.
func (l *ledger) acknowledged(id string, i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id].acked[i] = true
	l.acked++
}

// complain notes an answer that nobody should have got.
func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// complaints gives what was noted by complain, and forgets it.
func (l *ledger) complaints() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wrong
	l.wrong = nil
	return w
}

// maxShown bounds how much of one kind a failing test shows.
const maxShown = 20

// finding is what an audit says.
type finding struct {
	lost, twice, strange []string
	promises             int
	kept                 int // there though the answer did not arrive: as good as not
}

// audit compares the promises with what is there: ids by place, each as often as it was found.
func (l *ledger) audit(found map[place][]string) finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := finding{promises: l.acked}
	count := map[place]map[string]int{}
	for where, ids := range found {
		count[where] = map[string]int{}
		for _, id := range ids {
			count[where][id]++
		}
	}
	for id, p := range l.sent {
		for i, where := range p.to {
			n := count[where][id]
			delete(count[where], id)
			switch {
			case n == 0 && p.acked[i]:
				f.lost = append(f.lost, fmt.Sprintf("%s was acknowledged for %v", id, where))
			case n > 1:
				f.twice = append(f.twice, fmt.Sprintf("%s is %d times in %v (acknowledged: %v)", id, n, where, p.acked[i]))
			case n == 1 && !p.acked[i]:
				f.kept++
			}
		}
	}
	for where, ids := range count {
		for id := range ids {
			f.strange = append(f.strange, fmt.Sprintf("%q is in %v, where nobody sent it", id, where))
		}
	}
	return f
}

// report fails the test for everything that an audit found.
func (f finding) report(t *testing.T) {
	t.Helper()
	for what, list := range map[string][]string{"lost": f.lost, "duplicate": f.twice, "strange": f.strange} {
		for _, x := range list[:min(len(list), maxShown)] {
			t.Errorf("%s: %s", what, x)
		}
	}
	t.Logf("audit: %d promises, %d lost, %d duplicates; %d were kept though the answer did not arrive",
		f.promises, len(f.lost), len(f.twice), f.kept)
}

// TestTheLedgerSeesWhatIsWrong shows that an audit can fail.
func TestTheLedgerSeesWhatIsWrong(t *testing.T) {
	a, b := place{info, "INBOX"}, place{demo, "INBOX"}
	l := newLedger()
	for _, id := range []string{"whole", "lost", "twice", "kept", "gone"} {
		l.begin(id, a, b)
	}
	for _, id := range []string{"whole", "lost", "twice"} {
		l.acknowledged(id, 0)
		l.acknowledged(id, 1)
	}
	f := l.audit(map[place][]string{
		a:               {"whole", "lost", "twice", "twice", "kept", "foreign"},
		b:               {"whole", "twice"},
		{info, "Trash"}: {"whole"},
	})
	if len(f.lost) != 1 || len(f.twice) != 1 || len(f.strange) != 2 || f.kept != 1 || f.promises != 6 {
		t.Errorf("%+v", f)
	}
}

// TestTheModelSeesWhatIsWrong shows that a comparison with the mutator's model can fail.
func TestTheModelSeesWhatIsWrong(t *testing.T) {
	fresh := func() [2]box {
		return [2]box{
			{name: "INBOX", validity: "7", next: 4, messages: map[uint32]message{1: {"a", ""}, 3: {"c", `\Seen`}}},
			{name: "Archive", validity: "8", next: 1, messages: map[uint32]message{}},
		}
	}
	if why := differ(fresh(), fresh()); why != "" {
		t.Fatal(why)
	}
	for name, change := range map[string]func(*[2]box){
		"lost":         func(b *[2]box) { delete(b[0].messages, 1) },
		"flag":         func(b *[2]box) { b[0].messages[3] = message{"c", ""} },
		"other":        func(b *[2]box) { b[0].messages[1] = message{"x", ""} },
		"more":         func(b *[2]box) { b[1].messages[1] = message{"x", ""} },
		"half a move":  func(b *[2]box) { b[1].messages[1] = message{"a", ""} },
		"UIDNEXT back": func(b *[2]box) { b[0].next = 3 },
		"UIDVALIDITY":  func(b *[2]box) { b[1].validity = "9" },
	} {
		now := fresh()
		if change(&now); differ(fresh(), now) == "" {
			t.Errorf("%s: not seen", name)
		}
	}
	want, reused := fresh(), fresh()
	want[0].added = []message{{"d", ""}}
	reused[0].messages[2] = message{"d", ""}
	if differ(want, reused) == "" {
		t.Error("a UID that was used again: not seen")
	}
}
