package imapmodel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"barid/mail/mailbox"
)

// step is one thing that happens. What it is in full depends on seed and on what is there when it happens, so that
// any steps can be left out.
type step struct {
	kind string
	who  int
	seed uint64
}

// setup is a history before it is played.
type setup struct {
	seed     uint64
	sessions int
	guests   bool // every other session is the second account's
	steps    []step
	patience time.Duration // with a server that says nothing
	awake    time.Duration // before a session rests
}

// kinds are the steps and how often they come.
var kinds = []struct {
	name   string
	weight int
}{
	{"append", 12},
	{"deliver", 8},
	{"store", 10},
	{"uid store", 10},
	{"fetch", 8},
	{"uid fetch", 8},
	{"copy", 3},
	{"uid copy", 3},
	{"move", 3},
	{"uid move", 3},
	{"expunge", 6},
	{"uid expunge", 4},
	{"search", 6},
	{"uid search", 6},
	{"sort", 3},
	{"select", 5},
	{"close", 2},
	{"unselect", 1},
	{"status", 4},
	{"noop", 8},
	{"idle", 5},
	{"notify", 3},
	{"context", 5},
	{"enable", 2},
	{"reconnect", 5},
	{"create", 2},
	{"delete", 1},
	{"rename", 2},
	{"list", 1},
	{"pipeline", 6},
	{"burst", 2},
	{"replace", 2},
	{"uid replace", 2},
	{"restart", 1},
	{"kill", 1},
	{"setacl", 5},
	{"myrights", 2},
	{"quota", 5},
	{"getquota", 3},
	{"compress", 1},
	{"thread", 4},
	{"catenate", 5},
	{"multisearch", 6},
	{"setmetadata", 4},
	{"getmetadata", 4},
	{"unauthenticate", 2},
}

// compose makes up a history.
func compose(seed uint64, steps int) setup {
	r := rand.New(rand.NewPCG(seed, 7))
	out := setup{seed: seed, patience: 30 * time.Second, sessions: 2 + r.IntN(3), guests: r.IntN(3) > 0}
	if r.IntN(3) > 0 {
		out.awake = time.Hour
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	for range steps {
		n, kind := r.IntN(total), ""
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				kind = k.name
				break
			}
		}
		out.steps = append(out.steps, step{kind: kind, who: r.IntN(out.sessions), seed: r.Uint64()})
	}
	return out
}

// history is one being played.
type history struct {
	w        *world
	m        *model
	r        *rand.Rand // of the step
	sessions []*session
	owners   int
	guests   bool
	loud     bool
	dialog   strings.Builder
	piped    bool // several commands are under way: modseqs are learned when all are done
	stored   bool // the command before was a STORE, sent together with this one
	hurried  bool // sessions that listen are not waited for
	stuck    atomic.Bool
}

// play plays a history; the failure is nil when all was as it should be.
func play(set setup, dir string, loud bool) (h *history, f *failure) {
	h = &history{m: newModel(), loud: loud}
	defer func() {
		if x := recover(); x != nil {
			why, ok := x.(failure)
			if !ok {
				panic(x)
			}
			if h.stuck.Load() {
				why.text = "nothing came any more: " + why.text
			}
			f = &why
		}
		h.end()
	}()
	h.w = newWorld(dir, set.awake)
	watchdog := time.AfterFunc(set.patience, func() {
		h.stuck.Store(true)
		h.hangUp()
	})
	defer watchdog.Stop()
	h.begin(set)
	for i, st := range set.steps {
		watchdog.Reset(set.patience)
		h.r = rand.New(rand.NewPCG(st.seed, uint64(len(st.kind))))
		h.log("", "", fmt.Sprintf("-- step %d: %s", i, st.kind))
		h.w.clock.Add(int64(st.seed % 20000))
		h.step(h.sessions[st.who], st.kind)
	}
	h.quiesce()
	return h, nil
}

func (h *history) hangUp() {
	for _, s := range h.sessions {
		if s != nil {
			_ = s.conn.Close()
		}
	}
}

func (h *history) end() {
	h.hangUp()
	if h.w != nil {
		h.w.close()
	}
}

func (h *history) log(who, arrow, text string) {
	if h.loud {
		if at := strings.Index(text, "[CAPABILITY"); at >= 0 {
			text = text[:at] + "[CAPABILITY ...]"
		}
		fmt.Fprintf(&h.dialog, "%s %s%s\n", who, arrow, strings.ReplaceAll(strings.TrimSuffix(text, "\r\n"), "\r\n", "\n      "))
	}
}

// begin learns the mailboxes of a new account and connects everybody.
func (h *history) begin(set setup) {
	for i, a := range h.w.accts {
		_, err := a.Create(h.w.ctx, "A", mailbox.UseNone)
		check(err)
		infos, err := a.List(h.w.ctx)
		check(err)
		for _, in := range infos {
			h.m.add([2]string{"", guest}[i] + in.Name)
		}
	}
	h.learn()
	h.guests = set.guests
	h.r = rand.New(rand.NewPCG(set.seed, 8))
	h.sessions = make([]*session, set.sessions)
	for i := range h.sessions {
		h.sessions[i] = &session{h: h, name: fmt.Sprintf("s%d", i), caches: make(map[*box]*cache)}
		if h.guests && i%2 == 1 {
			h.sessions[i].account = 1
		}
		h.connect(h.sessions[i])
		if h.guests && i == 0 {
			h.share(h.sessions[0])
		}
	}
}

// quiesce ends all IDLEs, lets everybody look, and holds all views against the model.
func (h *history) quiesce() {
	h.log("", "", "-- all is quiet")
	for _, s := range h.sessions {
		h.wake(s)
		if !s.usable() {
			continue
		}
		h.run(s, &command{text: "NOOP"})
		if s.box == nil {
			continue
		}
		c := &command{text: "UID FETCH 1:* (FLAGS)"}
		c.check = func(r *reply) {
			for i, k := range s.msgs {
				if !k.hasFlags || k.flags != s.box.msgs[i].flags {
					s.fail("in the end message %d has (%s), the model has %s", i+1, k.flags, s.box.msgs[i])
				}
			}
		}
		h.run(s, c)
	}
	for _, b := range h.m.boxes {
		if b != nil {
			b.dirty = true
		}
	}
	h.learn()
}

// usable reports whether the session can do something: its connection is there and its mailbox, too.
func (s *session) usable() bool { return !s.ended && !s.lost() }

// run sends one command and holds its reply against the model.
func (h *history) run(s *session, c *command) *reply { return h.runAll(s, []*command{c})[0] }

// runAll sends commands in one write.
func (h *history) runAll(s *session, cs []*command) (out []*reply) {
	h.stored = false
	defer func() { h.piped = false }()
	tags := make([]string, len(cs))
	var b strings.Builder
	for i, c := range cs {
		s.tag++
		tags[i] = fmt.Sprintf("a%d", s.tag)
		b.WriteString(tags[i] + " " + c.text + "\r\n")
	}
	s.send(b.String())
	for i, c := range cs {
		var next *command
		if h.piped = i+1 < len(cs); h.piped {
			next = cs[i+1]
		}
		out = append(out, h.finish(s, c, tags[i], next))
	}
	h.settle()
	return out
}

// finish reads the reply of one command and compares.
func (h *history) finish(s *session, c *command, tag string, next *command) *reply {
	if c.before != nil {
		c.before()
	}
	dead := s.lost() && !c.silent
	c.ends = dead
	r := s.read(c, tag)
	if r.tagged.word == "BAD" && c.check == nil {
		s.fail("%q was answered %q", c.text, r.tagged.raw)
	}
	s.asked, s.condstore = s.asked || c.modseqs, s.condstore || c.modseqs && r.ok()
	h.applied(s, c, r)
	if !h.piped {
		h.learn()
	}
	if s.notify != nil && len(s.notify.own) > 0 {
		s.knowOwn(s.notify.own)
	}
	if dead || s.lost() && !c.silent {
		h.expectBye(s, r)
		return r
	}
	if s.ended {
		s.fail("BYE for %q", c.text)
	}
	if c.check != nil {
		c.check(r)
	} else if !r.ok() {
		s.fail("%q was answered %q", c.text, r.tagged.raw)
	}
	if next == nil && !c.silent && !c.still && !c.free {
		if why := s.untoldMarks(); why != "" {
			s.fail("after %q: %s", c.text, why)
		}
	}
	if s.box != nil && !c.still {
		h.compare(s, c, r, next)
	}
	return r
}

// applied does to the model what the command does. Messages that come by it are the client's own.
func (h *history) applied(s *session, c *command, r *reply) {
	b, next := s.box, uint32(0)
	if b != nil {
		next = b.next
	}
	if c.apply != nil {
		c.apply(r)
	}
	s.takeNews()
	for _, x := range h.m.boxes {
		if s.notify != nil && x != nil && x.dirty && x != s.box {
			s.notify.own = append(s.notify.own, x)
		}
	}
	for ; s.notify != nil && b != nil && b == s.box && next < b.next; next++ {
		s.notify.mine[next] = true
	}
}

func (h *history) expectBye(s *session, r *reply) {
	if !s.ended {
		s.fail("no BYE though the mailbox was deleted or may not be read any more: %q", r.tagged.raw)
	}
	s.leave()
}

// leave forgets the mailbox.
func (s *session) leave() {
	if s.notify != nil && s.box != nil && !s.box.dead {
		f := s.box.figure() // and what it was not told is still to come
		if s.h.waiting(s) {
			f.messages, f.next = len(s.msgs), 0
		}
		f.loose = f.loose || s.box.annotated
		s.notify.figures[s.box] = f
		s.notify.mine = make(map[uint32]bool)
	}
	s.perm, s.star, s.contexts = 0, false, nil
	s.box, s.msgs, s.cache, s.saved, s.recent, s.announced = nil, nil, nil, nil, 0, 0
	s.late = make(map[uint32]known)
}

// compare holds what the client was told and knows now against the model.
func (h *history) compare(s *session, c *command, r *reply, next *command) {
	mayWait := c.quiet || !c.must && next != nil && next.numbers && !next.hidden
	together := c.stores && next != nil && next.stores // they may be one change
	mayWait = mayWait || c.stores && h.stored          // a STORE with numbers may be in the same change
	h.stored = c.stores && next != nil
	waits := mayWait && h.waiting(s)
	switch {
	case together:
		if r.exists && !s.rev2 && !s.readOnly {
			s.box.take(h.taker(s))
		}
	case !waits:
		if r.exists && !s.rev2 && !s.readOnly {
			s.box.take(h.taker(s))
		}
		if why := s.differs(); why != "" {
			s.fail("after %q: %s", c.text, why)
		}
	case r.exists:
		s.fail("%q while expunges wait", c.text)
	}
	if !c.free {
		h.compareLines(s, r)
		h.compareRecent(s, r)
	}
}

// taker is the owner of what is recent in the session's mailbox and not taken yet: nobody knows which if another one
// in IDLE was told at the same time.
func (h *history) taker(s *session) int {
	for _, x := range h.sessions {
		if x != s && x != nil && x.box == s.box && (x.idle != "" || x.notify != nil) && !x.rev2 && !x.readOnly {
			return -1
		}
	}
	return s.owner
}

// waiting reports whether a message that the client knows is gone.
func (h *history) waiting(s *session) bool {
	return slices.ContainsFunc(s.msgs, func(k known) bool { return k.uid != 0 && s.box.find(k.uid) == nil })
}

// compareLines holds each FETCH of a reply against the model as it is now.
func (h *history) compareLines(s *session, r *reply) {
	for i := range r.lines {
		l := &r.lines[i]
		if l.word != "FETCH" && l.word != "UIDFETCH" {
			continue
		}
		f := s.items(l)
		m := s.meant(l, r)
		if m == nil {
			continue
		}
		if f.flags != nil && *f.flags != m.flags || f.modseq != 0 && m.modseq != 0 && f.modseq != m.modseq {
			s.fail("%q, but the model has %s", l.raw, *m)
		}
		if f.flags != nil && !s.rev2 && !s.readOnly && m.owner >= 0 && f.recent != (m.owner == s.owner) {
			s.fail("%q: \\Recent is %v, owner %d, session %d", l.raw, f.recent, m.owner, s.owner)
		}
	}
}

// meant gives the message that a FETCH is about, nil if it is gone or can not be told.
func (s *session) meant(l *response, r *reply) *message {
	if s.uidOnly {
		return s.box.find(l.num)
	}
	f := s.items(l)
	if f.uid != 0 {
		return s.box.find(f.uid)
	}
	for _, x := range r.lines { // numbers changed during the reply
		if x.word == "EXPUNGE" || x.word == "VANISHED" {
			return nil
		}
	}
	if int(l.num) > len(s.msgs) {
		return nil
	}
	return s.box.find(s.msgs[l.num-1].uid)
}

// compareRecent holds a RECENT response against what the session owns.
func (h *history) compareRecent(s *session, r *reply) {
	if !r.recent || s.readOnly {
		return
	}
	n := 0
	for _, m := range s.box.msgs {
		if m.owner < 0 {
			return
		}
		if m.owner == s.owner {
			n++
		}
	}
	if n != s.recent {
		s.fail("RECENT is %d, want %d", s.recent, n)
	}
}

// settle waits until all sessions that listen were told what happened.
func (h *history) settle() {
	for _, s := range h.sessions {
		if s != nil && (s.idle != "" || s.notify != nil) && !s.ended && !h.hurried {
			h.settleOne(s)
		}
	}
}

// untold says what a session that listens was not told yet. One that is told of expunges later is told nothing of its
// mailbox as long as one waits.
func (s *session) untold() string {
	switch {
	case s.box == nil:
	case s.lost():
		return "its mailbox is lost"
	case !s.listens() && s.h.waiting(s):
	default:
		if why := s.differs(); why != "" {
			return why
		}
	}
	if why := s.untoldMarks(); why != "" {
		return why
	}
	return s.unheard()
}

func (h *history) settleOne(s *session) {
	c, r := &command{text: "IDLE", push: true}, &reply{told: make(map[uint32]bool)}
	for !s.ended && (s.untold() != "" || r.exists && !r.recent && !s.rev2) {
		l, ok := s.response()
		if !ok {
			s.fail("in IDLE the connection ended: %s", s.untold())
		}
		if l.tag != "*" {
			s.fail("%q in IDLE", l.raw)
		}
		r.lines = append(r.lines, l)
		s.take(c, r, &l)
		s.takeNews()
	}
	if r.exists && s.box != nil && !s.rev2 && !s.readOnly {
		s.box.take(h.taker(s))
	}
	if s.ended {
		s.leave()
		s.idle = ""
	}
	s.inform()
}

// inform gives a client that listens the flags it does not know, as if it had asked: from now on it must be told when
// they change.
func (s *session) inform() {
	if s.box == nil || !s.listens() && s.h.waiting(s) {
		return
	}
	for i := range s.msgs {
		if k := &s.msgs[i]; !k.hasFlags {
			k.flags, k.hasFlags = s.box.msgs[i].flags, true
			s.keep(*k)
		}
	}
}

// wake ends the session's IDLE.
func (h *history) wake(s *session) {
	if s.idle == "" || s.ended {
		return
	}
	s.send("DONE\r\n")
	tag := s.idle
	s.idle = ""
	h.finish(s, &command{text: "DONE", free: true}, tag, nil)
	for i := range s.msgs {
		s.msgs[i].late = false
	}
}

// settled gives the modseqs a client may have in mind.
func (s *session) someModSeq() uint64 {
	var all []uint64
	for _, k := range s.msgs {
		if k.modseq > 0 {
			all = append(all, k.modseq)
		}
	}
	all = append(all, s.box.highest, 1, s.h.m.modseq[s.box.account()]+5)
	if s.cache != nil && s.cache.modseq > 0 {
		all = append(all, s.cache.modseq)
	}
	return all[s.h.r.IntN(len(all))]
}

func (c *cache) uids() []uint32 { return slices.Sorted(maps.Keys(c.flags)) }
