package imapmodel

import (
	"maps"
	"slices"
	"strings"
)

// flags are a message's: bit i is words[i].
type flags uint16

// words are all flags that histories use. The first five are system flags.
var words = []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`, "$Label1", "$Forwarded", "key", "Other"}

const (
	answered flags = 1 << iota
	flagged
	deleted
	seen
	draft

	system   = answered | flagged | deleted | seen | draft
	allWords = flags(1)<<9 - 1
)

// flagOf finds a flag by name, 0 if histories do not use it.
func flagOf(name string) flags {
	for i, w := range words {
		if strings.EqualFold(w, name) {
			return 1 << i
		}
	}
	return 0
}

func (f flags) String() string {
	var out []string
	for i, w := range words {
		if f&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// mode is how STORE changes flags.
type mode byte

const (
	add     mode = '+'
	remove  mode = '-'
	replace mode = ' '
)

func (m mode) apply(f, to flags) flags {
	switch m {
	case add:
		return f | to
	case remove:
		return f &^ to
	}
	return to
}

// message is one message in one mailbox.
type message struct {
	uid    uint32
	body   int // index in model.bodies
	flags  flags
	date   int64  // Unix seconds; 0 until it is learned
	modseq uint64 // 0 until it is learned
	owner  int    // the SELECT for which it is \Recent; 0: none yet, -1: not known any more
	object int    // what copies within an account have in common
	saved  int64  // SAVEDATE, Unix seconds; 0 until it is learned
	first  int    // the object of another account that it is a copy of in the end, 0: none
}

// mail is what copies have in common, also those in other accounts.
func (m *message) mail() int {
	if m.first != 0 {
		return m.first
	}
	return m.object
}

// gone is an expunge: its modseq is past after and at most upto.
type gone struct {
	uid         uint32
	after, upto uint64
}

// box is a mailbox.
type box struct {
	name      string
	validity  uint32
	next      uint32 // UIDNEXT
	msgs      []message
	gone      []gone
	highest   uint64
	dead      bool // was deleted
	dirty     bool // changed since it was learned
	annotated bool // its modseq may have moved without news
}

func (b *box) index(uid uint32) int {
	i, ok := slices.BinarySearchFunc(b.msgs, uid, func(m message, u uint32) int { return int(m.uid) - int(u) })
	if !ok {
		return -1
	}
	return i
}

// find gives a message, nil if it is not there.
func (b *box) find(uid uint32) *message {
	if i := b.index(uid); i >= 0 {
		return &b.msgs[i]
	}
	return nil
}

func (b *box) count(f flags) (n int) {
	for i := range b.msgs {
		if b.msgs[i].flags&f != 0 {
			n++
		}
	}
	return n
}

// recent counts messages that no session took yet.
func (b *box) recent() (n int) {
	for i := range b.msgs {
		if b.msgs[i].owner == 0 {
			n++
		}
	}
	return n
}

func (b *box) take(owner int) {
	for i := range b.msgs {
		if b.msgs[i].owner == 0 {
			b.msgs[i].owner = owner
		}
	}
}

// insert gives a message the next UID.
func (b *box) insert(m message) uint32 {
	m.uid, m.modseq, m.owner, m.saved = b.next, 0, 0, 0
	b.next++
	b.msgs = append(b.msgs, m)
	b.dirty = true
	return m.uid
}

func (b *box) drop(uid uint32) {
	i := b.index(uid)
	b.msgs = slices.Delete(b.msgs, i, i+1)
	b.gone = append(b.gone, gone{uid: uid, after: b.highest})
	b.dirty = true
}

// store changes flags; messages that have them already stay as they are.
func (b *box) store(uid uint32, m mode, f flags) {
	x := b.find(uid)
	if to := m.apply(x.flags, f); to != x.flags {
		x.flags, x.modseq, b.dirty = to, 0, true
	}
}

// model is two accounts: the mailboxes of the second have names that begin with guest.
type model struct {
	boxes  map[string]*box // nil for a name that holds only others
	grants map[string]grants
	bodies []body
	sizes  map[int]int // size to index in bodies
	modseq [2]uint64   // the highest seen so far, by account
	valid  [2]uint32   // the highest UIDVALIDITY

	objects     int               // that were made up
	numbers     [2]map[uint64]int // of the store, by account: the object
	stored      map[int]uint64    // the other way
	firsts      map[int]int       // by object: message.first
	quotas      [2]quota
	ever        map[string]bool // names that there are or were
	ids         ids
	annotations map[annotation]string
}

func newModel() *model {
	return &model{
		boxes: make(map[string]*box), grants: make(map[string]grants), sizes: make(map[int]int),
		numbers: [2]map[uint64]int{make(map[uint64]int), make(map[uint64]int)}, stored: make(map[int]uint64), firsts: make(map[int]int), ever: make(map[string]bool), ids: newIDs(), annotations: make(map[annotation]string),
	}
}

func (m *model) size(x *message) int { return len(m.bodies[x.body].text) }

// exists reports whether a name is there, if only to hold others.
func (m *model) exists(name string) bool { _, ok := m.boxes[name]; return ok }

// below gives the names below name.
func (m *model) below(name string) (out []string) {
	for n := range m.boxes {
		if strings.HasPrefix(n, name+"/") {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// add makes a mailbox and those above it.
func (m *model) add(name string) *box {
	for i := range len(name) {
		if name[i] == '/' && !m.exists(name[:i]) {
			m.add(name[:i])
		}
	}
	if !m.exists(name) {
		m.inherit(name)
	}
	b := &box{name: name, next: 1, dirty: true}
	m.boxes[name], m.ever[name] = b, true
	return b
}

// create gives the code that CREATE is refused with, "" if it is not.
func (m *model) create(name string) string {
	if m.boxes[name] != nil {
		return "ALREADYEXISTS"
	}
	m.add(name)
	return ""
}

func (m *model) delete(name string) string {
	b, ok := m.boxes[name]
	children := len(m.below(name)) > 0
	switch {
	case !ok:
		return "NONEXISTENT"
	case isInbox(name):
		return "CANNOT"
	case b == nil && children:
		return "HASCHILDREN"
	}
	if b != nil {
		b.dead = true
	}
	delete(m.boxes, name)
	delete(m.grants, name)
	if children {
		m.inherit(name)
		m.boxes[name] = nil
	}
	return ""
}

func (m *model) rename(from, to string) string {
	b, ok := m.boxes[from]
	switch {
	case !ok:
		return "NONEXISTENT"
	case m.exists(to):
		return "ALREADYEXISTS"
	case isInbox(from):
		m.moveInbox(b, to)
		return ""
	case strings.HasPrefix(to, from+"/"):
		return "CANNOT"
	}
	moved := append([]string{from}, m.below(from)...)
	if above := to[:max(strings.LastIndexByte(to, '/'), 0)]; above != "" && !m.exists(above) {
		m.add(above)
	}
	for _, name := range moved {
		b := m.boxes[name]
		delete(m.boxes, name)
		m.boxes[to+name[len(from):]], m.ever[to+name[len(from):]] = b, true
		if g := m.grants[name]; g != nil {
			delete(m.grants, name)
			m.grants[to+name[len(from):]] = g
		}
		if b != nil {
			b.name = to + name[len(from):]
		}
	}
	return ""
}

// moveInbox is RENAME of INBOX: its messages go, it stays (RFC 9051 §6.3.6).
func (m *model) moveInbox(inbox *box, to string) {
	dst := m.add(to)
	for a, value := range maps.Clone(m.annotations) { // RFC 5464 §4.1
		if a.box == inbox {
			a.box = dst
			m.annotations[a] = value
		}
	}
	for len(inbox.msgs) > 0 {
		dst.insert(inbox.msgs[0])
		inbox.drop(inbox.msgs[0].uid)
	}
}
