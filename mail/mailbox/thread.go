package mailbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// Threads (RFC 8621 §3): a message joins the thread of the nearest message its In-Reply-To and References
// name, also when that one is not here but another that names it too is. A thread's number is that of its
// first message. A message never changes its thread. The name that clients are told of it (RFC 8474 §5.2) is made of that
// number, but for those that came from another account and those that joined by them: see Origin.
//
// Every message claims up to three message-ids in TableMsgID: its own, its parent's, and, if the parent was
// not known, the root's. A row counts its claims and goes with the last one.

// Limits of what one message can make us look at.
const (
	maxReferences = 64 // message-ids read from References
	maxLookups    = 12 // message-ids looked up
)

// hashLen is the length of a hashed message-id, bytes.
const hashLen = 12

// idHash is a hashed message-id.
type idHash [hashLen]byte

func hashID(id string) (h idHash) {
	sum := sha256.Sum256([]byte(id))
	copy(h[:], sum[:])
	return h
}

// lineage is what a message says of its place in a thread.
type lineage struct {
	own, parent, root idHash // zero: none
	look              []idHash
}

// claim bits, in the order own, parent, root.
const (
	claimOwn = 1 << iota
	claimParent
	claimRoot
)

// newLineage hashes what matters: own id first, then the parent, then references from the nearest on, then
// the root.
func newLineage(own string, inReplyTo, refs []string) (l lineage) {
	if own != "" {
		l.own = hashID(own)
		l.add(l.own)
	}
	switch {
	case len(inReplyTo) > 0:
		l.parent = hashID(inReplyTo[0])
	case len(refs) > 0:
		l.parent = hashID(refs[len(refs)-1])
	}
	l.add(l.parent)
	for i := len(refs) - 1; i > 0 && len(l.look) < maxLookups-1; i-- {
		l.add(hashID(refs[i]))
	}
	if len(refs) > 0 {
		l.root = hashID(refs[0])
		l.add(l.root)
	}
	if l.parent == l.own {
		l.parent = idHash{}
	}
	if l.root == l.parent || l.root == l.own {
		l.root = idHash{}
	}
	return l
}

func (l *lineage) add(h idHash) {
	if h == (idHash{}) {
		return
	}
	for _, o := range l.look {
		if o == h {
			return
		}
	}
	l.look = append(l.look, h)
}

// msgID is a row of TableMsgID.
type msgID struct {
	thread uint64
	claims uint64
	told   Name // of the thread, to those that join by this row, if it is not this account's
}

func (m msgID) encode(b []byte) []byte {
	if m.told == (Name{}) {
		return putUint(putUint(append(b, format), m.thread), m.claims)
	}
	return putName(putUint(putUint(append(b, formatOrigin), m.thread), m.claims), m.told)
}

func decodeMsgID(v []byte) (m msgID, err error) {
	d := newDecoderOf(v, formatOrigin)
	m.thread, m.claims = d.uint(), d.uint()
	if d.format >= formatOrigin {
		m.told = d.name()
	}
	if !d.end() {
		return msgID{}, corrupt("message-id row")
	}
	return m, nil
}

// msgIDs are the rows of TableMsgID a transaction works on. They are written at its end, so that it never
// reads a table it wrote.
type msgIDs map[idHash]*msgIDRow

// msgIDRow is one of them; no claims: there is no row.
type msgIDRow struct {
	msgID
	dirty bool
}

// messageID reads a row.
func (x *tx) messageID(h idHash) (*msgIDRow, error) {
	if r := x.ids[h]; r != nil {
		return r, nil
	}
	x.key = append(x.key[:0], h[:]...)
	v, _, err := x.t.Get(mail.TableMsgID, x.key)
	if err != nil {
		return nil, err
	}
	return x.haveID(h, v)
}

// haveID notes the row of h; v is nil if there is none.
func (x *tx) haveID(h idHash, v []byte) (r *msgIDRow, err error) {
	r = &msgIDRow{}
	if v != nil {
		if r.msgID, err = decodeMsgID(v); err != nil {
			return nil, err
		}
	}
	if x.ids == nil {
		x.ids = msgIDs{}
	}
	x.ids[h] = r
	return r, nil
}

// seekTogether is from how many messages on their rows are found in one pass: below, what a pass costs to begin with is more
// than it saves.
const seekTogether = 8

// messageIDs reads the rows that each of these messages needs, its own and its parent's.
func (x *tx) messageIDs(cs []*coldCommon) error {
	if len(cs) < seekTogether {
		return nil
	}
	hs := make([]idHash, 0, 2*len(cs))
	for _, c := range cs {
		for _, h := range [...]idHash{c.lineage.own, c.lineage.parent} {
			if h != (idHash{}) {
				hs = append(hs, h)
			}
		}
	}
	sortIDs(hs)
	hs = slices.Compact(hs)
	keys := make([][]byte, len(hs))
	for i := range hs {
		keys[i] = hs[i][:]
	}
	x.ids = make(msgIDs, len(hs))
	return x.t.GetMany(mail.TableMsgID, keys, func(i int, v []byte) error {
		_, err := x.haveID(hs[i], v)
		return err
	})
}

func sortIDs(hs []idHash) {
	slices.SortFunc(hs, func(a, b idHash) int { return bytes.Compare(a[:], b[:]) })
}

// flushMsgIDs writes the rows that changed.
func (x *tx) flushMsgIDs() {
	var keys []idHash
	for h, r := range x.ids {
		if r.dirty {
			keys = append(keys, h)
		}
	}
	sortIDs(keys)
	for i := range keys {
		h := &keys[i]
		if r := x.ids[*h]; r.claims > 0 {
			x.buf = r.encode(x.buf[:0])
			x.t.Put(mail.TableMsgID, h[:], x.buf)
		} else {
			x.t.Del(mail.TableMsgID, h[:])
		}
	}
}

// thread finds the thread of message no, or begins one, and makes its claims; mask tells which. told is the name of
// another account it is told by, if any: see Origin.
func (x *tx) thread(c *coldCommon, no MsgNo) (thread uint64, told Name, mask byte, err error) {
	l := &c.lineage
	parentKnown := false
	for _, h := range l.look {
		r, err := x.messageID(h)
		if err != nil {
			return 0, Name{}, 0, err
		}
		if r.claims > 0 {
			thread, told, parentKnown = r.msgID.thread, r.told, h == l.parent
			break
		}
	}
	if thread == 0 {
		thread = uint64(no)
	}
	if c.origin.Thread.Account != 0 {
		told = c.origin.Thread
	}
	for i, h := range [...]idHash{l.own, l.parent, l.root} {
		if h == (idHash{}) || 1<<i == claimRoot && parentKnown {
			continue
		}
		mask |= 1 << i
		if err := x.claim(h, thread, told); err != nil {
			return 0, Name{}, 0, err
		}
	}
	return thread, told, mask, nil
}

// claim counts one more message that names h. The first one decides its thread, and how that is told.
func (x *tx) claim(h idHash, thread uint64, told Name) error {
	r, err := x.messageID(h)
	if err != nil {
		return err
	}
	if r.claims == 0 {
		r.msgID.thread, r.told = thread, told
	}
	r.claims++
	r.dirty = true
	return nil
}

// unclaim counts one less.
func (x *tx) unclaim(h idHash) error {
	r, err := x.messageID(h)
	if err == nil && r.claims > 0 {
		r.claims--
		r.dirty = true
	}
	return err
}

// threadKey is the key of a TableThread row: thread, message number.
func threadKey(thread uint64, m MsgNo) []byte {
	return appendThreadKey(make([]byte, 0, 16), thread, m)
}

func appendThreadKey(b []byte, thread uint64, m MsgNo) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, thread), uint64(m))
}

// putThread writes a message's row in its thread.
func (x *tx) putThread(no MsgNo, thread uint64) {
	x.key = appendThreadKey(x.key[:0], thread, no)
	x.buf = append(x.buf[:0], format)
	x.t.Put(mail.TableThread, x.key, x.buf)
}

// Thread gives the messages of a thread, oldest first; at most limit.
func (a *Account) Thread(ctx context.Context, thread uint64, limit int) (out []MsgNo, err error) {
	lo, hi := threadKey(thread, 0)[:8], threadKey(thread+1, 0)[:8]
	err = a.s.db.View(ctx, a.id.Part(), func(r kv.Reader) error {
		return r.Scan(mail.TableThread, lo, hi, kv.ScanOpt{Limit: limit}, func(k, _ []byte) error {
			if len(k) != 16 {
				return corrupt("thread row")
			}
			out = append(out, MsgNo(binary.BigEndian.Uint64(k[8:])))
			return nil
		})
	})
	return out, err
}
