package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"

	"barid/base/kv"
	"barid/mail"
)

// Problems are what Check found, one sentence each; none means all is well.
type Problems []string

// maxProblems bounds what Check tells of one account.
const maxProblems = 1000

// Check recounts an account from its rows: usage, UIDs, modseqs, pages against records, reference counts,
// message records, threads and message-ids. It changes nothing, and is for verifying and for tests.
func (s *Store) Check(ctx context.Context, id mail.AccountID) (Problems, error) {
	c := &checker{held: map[MsgNo]uint64{}, size: map[MsgNo]int64{}, origin: map[MsgNo]bool{}, claims: map[idHash]uint64{}, dead: map[MsgNo]bool{}}
	err := s.db.View(ctx, id.Part(), func(r kv.Reader) error {
		c.r = r
		v, ok, err := r.Get(mail.TableState, stateKey())
		if err != nil || !ok {
			return err
		}
		if c.st, err = decodeState(v); err != nil {
			c.say("account state: %v", err)
			return nil
		}
		if c.st.removing {
			return nil
		}
		return c.all()
	})
	return c.out, err
}

// checker holds the recount.
type checker struct {
	r      kv.Reader
	st     state
	held   map[MsgNo]uint64 // how often a message is in mailboxes
	size   map[MsgNo]int64
	origin map[MsgNo]bool // that their entries say that they have one
	dead   map[MsgNo]bool
	claims map[idHash]uint64
	out    Problems
}

func (c *checker) say(f string, args ...any) {
	if len(c.out) < maxProblems {
		c.out = append(c.out, fmt.Sprintf(f, args...))
	}
}

func (c *checker) all() error {
	for _, f := range [...]func() error{c.mailboxes, c.usage, c.references, c.deadLists, c.messages, c.messageIDs, c.beside} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) mailboxes() error {
	cat, err := readCatalog(c.r)
	if err != nil {
		c.say("list of mailboxes: %v", err)
		return nil
	}
	validity := map[uint32]string{}
	for _, i := range cat.byID {
		if i.id >= c.st.nextBox || i.id == 0 {
			c.say("mailbox %q has the number %d, and %d is the next to give out", i.name, i.id, c.st.nextBox)
		}
		if i.shape == ghost {
			continue
		}
		if i.validity > c.st.validity || validity[i.validity] != "" {
			c.say("mailbox %q has a UIDVALIDITY that is not its own", i.name)
		}
		validity[i.validity] = i.name
		c.mailbox(i)
	}
	if cat.byName[Inbox] == nil || cat.byName[Inbox].shape != selectable {
		c.say("there is no INBOX")
	}
	if len(cat.byName) != len(cat.byID) {
		c.say("two mailboxes have one name")
	}
	return nil
}

// mailbox reads a mailbox as a cold open does, and compares it with what the last record says of it.
func (c *checker) mailbox(i *info) {
	x := &tx{t: readOnly{Reader: c.r}}
	want, err := x.readSummary(i)
	if err != nil {
		c.say("mailbox %q: %v", i.name, err)
		return
	}
	b := &boxTx{info: i}
	if err := x.load(b); err != nil {
		c.say("mailbox %q: %v", i.name, err)
		return
	}
	c.log(i, b.rows)
	if want != b.sum {
		c.say("mailbox %q: its records say %+v, its messages %+v", i.name, want, b.sum)
	}
	if want.modseq > c.st.modseq {
		c.say("mailbox %q: modseq %d is past the account's %d", i.name, want.modseq, c.st.modseq)
	}
	var last UID
	for _, e := range b.d.All() {
		if e.UID <= last || e.UID >= want.uidNext {
			c.say("mailbox %q: UID %d after %d, and %d is the next", i.name, e.UID, last, want.uidNext)
		}
		if e.ModSeq > want.modseq || e.ModSeq == 0 || e.Msg >= c.st.nextMsg {
			c.say("mailbox %q: UID %d has modseq %d and message %d", i.name, e.UID, e.ModSeq, e.Msg)
		}
		if e.Flags>>keywordShift>>len(i.keywords) != 0 {
			c.say("mailbox %q: UID %d has a keyword without a name", i.name, e.UID)
		}
		last = e.UID
		c.held[e.Msg]++
		if n, ok := c.size[e.Msg]; ok && n != e.Size {
			c.say("message %d has two sizes", e.Msg)
		}
		if was, ok := c.origin[e.Msg]; ok && was != e.Foreign {
			c.say("message %d is of another account in one mailbox and not in the other", e.Msg)
		}
		c.size[e.Msg], c.origin[e.Msg] = e.Size, e.Foreign
	}
}

// log reads all change records that are kept, also those the pages took in.
func (c *checker) log(i *info, want uint64) {
	var n uint64
	err := c.r.Scan(logTable, boxKey(i.id), boxKey(i.id+1), kv.ScanOpt{}, func(k, v []byte) error {
		n++
		m, err := keyModSeq(k)
		if err == nil {
			_, err = decodeRecord(v, m)
		}
		if err == nil && m <= i.floor {
			c.say("mailbox %q: change record %d is below its floor", i.name, m)
		}
		return err
	})
	if err != nil {
		c.say("mailbox %q: %v", i.name, err)
	} else if n != want {
		c.say("mailbox %q has %d change records and should have %d", i.name, n, want)
	}
}

func (c *checker) usage() error {
	var bytes int64
	for _, n := range c.size {
		bytes += n
	}
	if bytes != c.st.bytes || int64(len(c.size)) != c.st.messages {
		c.say("usage is %d bytes in %d messages, a recount gives %d in %d", c.st.bytes, c.st.messages, bytes, len(c.size))
	}
	return nil
}

func (c *checker) references() error {
	refs, err := readRefs(c.r)
	if err != nil {
		return err
	}
	for m, n := range c.held {
		if refs[m]+1 != n {
			c.say("message %d is in mailboxes %d times, its count says %d", m, n, refs[m]+1)
		}
	}
	for m := range refs {
		if c.held[m] == 0 {
			c.say("message %d is counted and in no mailbox", m)
		}
	}
	return nil
}

func (c *checker) deadLists() error {
	err := c.r.Scan(mail.TableMessage, []byte{deadPrefix}, []byte{deadPrefix + 1}, kv.ScanOpt{}, func(_, v []byte) error {
		d := newDecoder(v)
		set := d.msgs()
		if !d.end() {
			return corrupt("list of dead messages")
		}
		for _, m := range set.all(deadPart) {
			c.dead[m] = true
			if c.held[m] != 0 {
				c.say("message %d is to be removed and in a mailbox", m)
			}
		}
		return nil
	})
	if int64(len(c.dead)) != c.st.dead {
		c.say("%d messages are to be removed, the account says %d", len(c.dead), c.st.dead)
	}
	return err
}

func (c *checker) messages() error {
	seen := 0
	threads := map[MsgNo]uint64{}
	err := c.r.Scan(mail.TableMessage, []byte{coldPrefix}, []byte{coldPrefix + 1}, kv.ScanOpt{}, func(k, v []byte) error {
		if len(k) != 9 {
			return corrupt("key of a message record")
		}
		m := MsgNo(binary.BigEndian.Uint64(k[1:]))
		c.message(m, v, threads)
		if c.held[m] != 0 {
			seen++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if seen != len(c.held) {
		c.say("%d messages are in mailboxes, %d of them have a record", len(c.held), seen)
	}
	return c.threads(threads)
}

func (c *checker) message(m MsgNo, v []byte, threads map[MsgNo]uint64) {
	if c.held[m] == 0 && !c.dead[m] {
		c.say("message %d has a record and is in no mailbox", m)
	}
	var cold Cold
	if err := cold.decode(v); err != nil {
		c.say("message %d: %v", m, err)
		return
	}
	if n, ok := c.size[m]; ok && n != cold.Size {
		c.say("message %d has the size %d in its record and %d in its mailbox", m, cold.Size, n)
	}
	if f, ok := c.origin[m]; ok && f != (cold.Origin.Email.Account != 0) {
		c.say("message %d has the origin %+v in its record, which its mailbox does not know", m, cold.Origin)
	}
	threads[m] = cold.Thread
	r, _ := decodeRoots(v)
	for _, h := range r.claims {
		if h != (idHash{}) {
			c.claims[h]++
		}
	}
}

// threads compares the thread rows with the records' threads.
func (c *checker) threads(want map[MsgNo]uint64) error {
	rows := 0
	err := c.r.Scan(mail.TableThread, nil, nil, kv.ScanOpt{}, func(k, _ []byte) error {
		if len(k) != 16 {
			return corrupt("thread row")
		}
		rows++
		if t, m := binary.BigEndian.Uint64(k), MsgNo(binary.BigEndian.Uint64(k[8:])); want[m] != t {
			c.say("message %d is in the row of thread %d, its record says %d", m, t, want[m])
		}
		return nil
	})
	if rows != len(want) {
		c.say("%d messages have a thread, there are %d rows", len(want), rows)
	}
	return err
}

func (c *checker) messageIDs() error {
	rows := 0
	err := c.r.Scan(mail.TableMsgID, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		m, err := decodeMsgID(v)
		if err != nil || len(k) != hashLen {
			c.say("message-id row %x is damaged", k)
			return nil
		}
		rows++
		if n := c.claims[idHash(k)]; n != m.claims {
			c.say("message-id row %x counts %d claims, there are %d", k, m.claims, n)
		}
		return nil
	})
	if rows != len(c.claims) {
		c.say("%d message-ids are claimed, there are %d rows", len(c.claims), rows)
	}
	return err
}

// readOnly lets what reads through a transaction read a snapshot.
type readOnly struct {
	kv.Reader
	kv.Txn
}

// Get, GetMany and Scan are the snapshot's.
func (r readOnly) Get(t kv.Table, k []byte) ([]byte, bool, error) { return r.Reader.Get(t, k) }

// GetMany is kv.Reader's.
func (r readOnly) GetMany(t kv.Table, keys [][]byte, f func(int, []byte) error) error {
	return r.Reader.GetMany(t, keys, f)
}

// Scan is kv.Reader's.
func (r readOnly) Scan(t kv.Table, lo, hi []byte, o kv.ScanOpt, f func(k, v []byte) error) error {
	return r.Reader.Scan(t, lo, hi, o, f)
}

// beside checks the rows that are kept beside mailboxes: that each belongs to one, and how much annotations take.
func (c *checker) beside() error {
	cat, err := readCatalog(c.r)
	if err != nil {
		return nil // mailboxes told it
	}
	for id := range cat.grants {
		if cat.byID[id] == nil {
			c.say("there are rights for the mailbox %d, which is not there", id)
		}
	}
	var used int64
	err = c.r.Scan(mail.TableAnnotation, nil, annotationsUsed(), kv.ScanOpt{}, func(k, v []byte) error {
		if len(k) < annotationHead {
			c.say("an annotation has the key %x", k)
			return nil
		}
		used += int64(len(k) + len(v))
		if id := ID(binary.BigEndian.Uint32(k)); id != 0 && cat.byID[id] == nil {
			c.say("there is an annotation of the mailbox %d, which is not there", id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n, err := annotationBytes(c.r); err != nil || n != used {
		c.say("annotations take %d bytes, the account says %d (%v)", used, n, err)
	}
	return nil
}
