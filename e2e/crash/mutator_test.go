package crash

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// mutator is an IMAP client that stores flags, moves, copies, files and expunges, and knows what must be there.
// One command is done whole or not at all: after a kill the mailboxes are as before it or as after it.
type mutator struct {
	boxes   [2]box
	pending func(*[2]box) // what the command that was not answered would have done; nil: none
	what    string        // that command
	done    map[string]int
}

// box is one mailbox as it should be.
type box struct {
	name     string
	validity string
	next     uint32 // no new message has a UID below
	messages map[uint32]message
	added    []message // new ones whose UIDs nobody told: from next on, in this order
}

// message is what is known of one.
type message struct {
	id    string
	flags string // sorted, joined by blanks
}

func newMutator() *mutator {
	m := &mutator{done: map[string]int{}}
	for i, name := range []string{"INBOX", "Archive"} {
		m.boxes[i] = box{name: name, messages: map[uint32]message{}}
	}
	return m
}

// maxPlay and minPlay bound how many messages are in the two mailboxes.
const (
	maxPlay = 160
	minPlay = 20
)

// play is a session: first the mailboxes are compared with the model, then changed.
func (m *mutator) play(c *client) error {
	conn, err := wire.LoginIMAP(c.s.Addr["imaps"], c.from, sales, server.Password)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	if err := m.compare(conn); err != nil {
		return err
	}
	for {
		for range 10 {
			if err := m.step(c, conn); err != nil {
				return err
			}
			if !c.pause(loadPause) {
				return nil
			}
		}
		if err := m.compare(conn); err != nil {
			return err
		}
	}
}

// compare reads both mailboxes. They are as the model says, or as it says after the pending command.
func (m *mutator) compare(conn *wire.IMAP) error {
	var now [2]box
	for i := range m.boxes {
		b, err := read(conn, m.boxes[i].name)
		if err != nil {
			return err
		}
		now[i] = b
	}
	before := differ(m.boxes, now)
	if before != "" && m.pending != nil {
		after := clone(m.boxes)
		m.pending(&after)
		if why := differ(after, now); why != "" {
			before = fmt.Sprintf("as if %q had not been sent: %s; as if it had been done: %s", m.what, before, why)
		} else {
			before = ""
		}
	}
	m.boxes, m.pending = now, nil // one complaint for each fault
	if before != "" {
		return fmt.Errorf("the mailboxes of %s are not as they should be: %s", sales, before)
	}
	return nil
}

func clone(b [2]box) [2]box {
	for i := range b {
		b[i].messages = maps.Clone(b[i].messages)
		b[i].added = slices.Clone(b[i].added)
	}
	return b
}

// differ tells how the mailboxes are other than the model; "" if they are not.
func differ(want, now [2]box) string {
	for i := range want {
		w, n := want[i], now[i]
		left := maps.Clone(n.messages)
		for uid, m := range w.messages {
			if left[uid] != m {
				return fmt.Sprintf("UID %d of %s should be %v and is %v", uid, w.name, m, left[uid])
			}
			delete(left, uid)
		}
		rest := slices.Sorted(maps.Keys(left))
		if len(rest) != len(w.added) {
			return fmt.Sprintf("%s should have %d new messages and has %d", w.name, len(w.added), len(rest))
		}
		for j, uid := range rest {
			if left[uid] != w.added[j] || uid < w.next {
				return fmt.Sprintf("UID %d of %s should be %v from %d on and is %v", uid, w.name, w.added[j], w.next, left[uid])
			}
		}
		if n.next < w.next || w.validity != "" && w.validity != n.validity {
			return fmt.Sprintf("%s went from UIDVALIDITY %s, UIDNEXT %d to %s, %d", w.name, w.validity, w.next, n.validity, n.next)
		}
	}
	return ""
}

// read gives a mailbox as the server has it.
func read(conn *wire.IMAP, name string) (box, error) {
	b := box{name: name, messages: map[uint32]message{}}
	r, err := conn.Do("SELECT " + name)
	if err != nil {
		return b, err
	}
	n, err := strconv.ParseUint(code(r, "UIDNEXT"), 10, 32)
	if err != nil || !r.OK() {
		return b, fmt.Errorf("SELECT %s: %q %w", name, r.Tagged, err)
	}
	b.validity, b.next = code(r, "UIDVALIDITY"), uint32(n)
	r, err = conn.Do("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (" + idField + ")])")
	if err != nil {
		return b, err
	}
	fetched, err := r.Fetches()
	if err != nil || !r.OK() {
		return b, fmt.Errorf("UID FETCH: %q %w", r.Tagged, err)
	}
	for _, f := range fetched {
		var flags []string
		for _, x := range f.Items["FLAGS"].List {
			if x.Text != `\Recent` {
				flags = append(flags, x.Text)
			}
		}
		id := field([]byte("\r\n"+f.Items["BODY[HEADER.FIELDS ("+strings.ToUpper(idField)+")]"].Text), idField)
		b.messages[f.UID()] = message{id, join(flags)}
	}
	return b, nil
}

func join(flags []string) string {
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// step does one random command in a random mailbox.
func (m *mutator) step(c *client, conn *wire.IMAP) error {
	i := c.rng.IntN(2)
	if r, err := conn.Do("SELECT " + m.boxes[i].name); err != nil || !r.OK() {
		return orUnexpected(err, "SELECT", r)
	}
	uids := some(c, m.boxes[i].messages)
	total := len(m.boxes[0].messages) + len(m.boxes[1].messages)
	verb := c.rng.IntN(6)
	switch {
	case total < minPlay, len(uids) == 0:
		verb = 5
	case total > maxPlay:
		verb = 2
	}
	switch verb {
	case 0, 1:
		return m.flag(c, conn, i, uids)
	case 2:
		return m.expunge(conn, i, uids)
	case 3:
		return m.transfer(conn, "MOVE", i, uids)
	case 4:
		return m.transfer(conn, "COPY", i, uids)
	default:
		return m.file(c, conn, i)
	}
}

// some picks up to 20 neighbouring messages.
func some(c *client, messages map[uint32]message) []uint32 {
	all := slices.Sorted(maps.Keys(messages))
	if len(all) == 0 {
		return nil
	}
	lo := c.rng.IntN(len(all))
	return all[lo:min(len(all), lo+1+c.rng.IntN(20))]
}

// set writes UIDs as IMAP does.
func set(uids []uint32) string {
	var b []string
	for _, u := range uids {
		b = append(b, strconv.FormatUint(uint64(u), 10))
	}
	return strings.Join(b, ",")
}

// do sends a command whose effect is known. While it is not answered, it may be done or not.
func (m *mutator) do(conn *wire.IMAP, verb, command string, effect func(*[2]box)) (wire.Result, error) {
	m.pending, m.what = effect, command
	r, err := conn.Do(command)
	if err != nil {
		return r, err
	}
	m.pending = nil
	if !r.OK() {
		return r, &wire.Unexpected{What: command, Got: r.Tagged}
	}
	m.done[verb]++
	return r, nil
}

func orUnexpected(err error, what string, r wire.Result) error {
	if err == nil {
		err = &wire.Unexpected{What: what, Got: r.Tagged}
	}
	return err
}

// flag adds, removes or replaces flags.
func (m *mutator) flag(c *client, conn *wire.IMAP, i int, uids []uint32) error {
	names := []string{`\Seen`, `\Flagged`, `\Answered`, "$Forwarded", "crash"}
	name, mode := names[c.rng.IntN(len(names))], []string{"+", "-", ""}[c.rng.IntN(3)]
	effect := func(b *[2]box) {
		for _, u := range uids {
			x := b[i].messages[u]
			old := strings.Fields(x.flags)
			switch mode {
			case "+":
				old = append(old, name)
			case "-":
				old = slices.DeleteFunc(old, func(f string) bool { return f == name })
			default:
				old = []string{name}
			}
			x.flags = join(old)
			b[i].messages[u] = x
		}
	}
	_, err := m.do(conn, "STORE", "UID STORE "+set(uids)+" "+mode+"FLAGS.SILENT ("+name+")", effect)
	if err == nil {
		effect(&m.boxes)
	}
	return err
}

// expunge marks messages and removes them: two commands.
func (m *mutator) expunge(conn *wire.IMAP, i int, uids []uint32) error {
	mark := func(b *[2]box) {
		for _, u := range uids {
			x := b[i].messages[u]
			x.flags = join(append(strings.Fields(x.flags), `\Deleted`))
			b[i].messages[u] = x
		}
	}
	if _, err := m.do(conn, "STORE", "UID STORE "+set(uids)+` +FLAGS.SILENT (\Deleted)`, mark); err != nil {
		return err
	}
	mark(&m.boxes)
	remove := func(b *[2]box) {
		for _, u := range uids {
			delete(b[i].messages, u)
		}
	}
	_, err := m.do(conn, "EXPUNGE", "UID EXPUNGE "+set(uids), remove)
	if err == nil {
		remove(&m.boxes)
	}
	return err
}

// transfer moves or copies to the other mailbox.
func (m *mutator) transfer(conn *wire.IMAP, verb string, i int, uids []uint32) error {
	other := 1 - i
	effect := func(b *[2]box) {
		for _, u := range uids {
			b[other].added = append(b[other].added, b[i].messages[u])
			if verb == "MOVE" {
				delete(b[i].messages, u)
			}
		}
	}
	r, err := m.do(conn, verb, "UID "+verb+" "+set(uids)+" "+m.boxes[other].name, effect)
	if err != nil {
		return err
	}
	effect(&m.boxes)
	return m.place(other, code(r, "COPYUID"))
}

// file appends a message.
func (m *mutator) file(c *client, conn *wire.IMAP, i int) error {
	x := message{c.nextID(), `\Draft`}
	effect := func(b *[2]box) { b[i].added = append(b[i].added, x) }
	command := "APPEND " + m.boxes[i].name + " (" + x.flags + ") " + wire.Literal(compose(c.rng, x.id, sales, sales))
	r, err := m.do(conn, "APPEND", command, effect)
	if err != nil {
		return err
	}
	effect(&m.boxes)
	return m.place(i, code(r, "APPENDUID"))
}

// place gives the new messages of a mailbox the UIDs that a response code tells: "validity [source] 7:9".
func (m *mutator) place(i int, told string) error {
	f := strings.Fields(told)
	if len(f) < 2 || f[0] != m.boxes[i].validity {
		return fmt.Errorf("response code %q for UIDVALIDITY %s", told, m.boxes[i].validity)
	}
	uids, err := parseSet(f[len(f)-1])
	b := &m.boxes[i]
	if err != nil || len(uids) != len(b.added) {
		return fmt.Errorf("response code %q for %d messages: %w", told, len(b.added), err)
	}
	for j, u := range uids {
		if u < b.next {
			return fmt.Errorf("UID %d of %s was used before, UIDNEXT was %d", u, b.name, b.next)
		}
		b.messages[u], b.next = b.added[j], u+1
	}
	b.added = nil
	return nil
}

func parseSet(s string) (out []uint32, err error) {
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ranged := strings.Cut(part, ":")
		if !ranged {
			hi = lo
		}
		a, err := strconv.ParseUint(lo, 10, 32)
		if err != nil {
			return nil, err
		}
		z, err := strconv.ParseUint(hi, 10, 32)
		if err != nil || z < a || z-a > maxPlay*2 {
			return nil, fmt.Errorf("%q is no range: %w", part, err)
		}
		for u := a; u <= z; u++ {
			out = append(out, uint32(u))
		}
	}
	return out, nil
}
