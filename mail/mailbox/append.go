package mailbox

import (
	"context"
	"errors"
	"math"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

// Message is a message whose bytes are in the blob store already. The BlobWriter must stay open until the
// call that takes the Message returns.
type Message struct {
	Blob     kv.BlobID
	Prefix   int64         // bytes of trace fields we prepended; they count in Size
	Size     int64         // bytes
	Parsed   *mime.Message // offsets relative to the whole stored body
	Received time.Time     // when it was accepted; INTERNALDATE of a delivery
	Session  string        // correlation id, for the log and salvage
	Source   *Source       // of a copy of another account's message: what it is told by, and what is kept of it
}

// AppendMessage is one message of an APPEND (RFC 9051 §6.3.12, RFC 3502).
type AppendMessage struct {
	Message
	Flags    Flags // system flags
	Keywords []string
	Date     time.Time // INTERNALDATE; zero: Received
}

// Append adds messages to a mailbox in one commit: all or none. The Delivered are in the order of ms.
func (a *Account) Append(ctx context.Context, name string, ms []AppendMessage) ([]Delivered, error) {
	ready := make([]*coldCommon, len(ms))
	for i := range ms {
		if err := ms[i].check(); err != nil {
			return nil, err
		}
		ready[i] = a.s.common(&ms[i].Message, len(ms))
	}
	return a.append(ctx, name, ms, ready)
}

func (a *Account) append(ctx context.Context, name string, ms []AppendMessage, ready []*coldCommon) ([]Delivered, error) {
	var out []Delivered
	err := a.with(func(acc *account) error {
		return acc.update(ctx, func(x *tx) (err error) {
			if out, err = x.appendAll(name, ms, ready); err != nil {
				return err
			}
			return x.withinQuota()
		})
	})
	if errors.Is(err, errQuota) {
		return nil, &OverQuota{Accounts: []mail.AccountID{a.id}}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (m *Message) check() error {
	if m.Size > MaxMessageBytes || m.Size < 0 {
		return ErrTooBig
	}
	return nil
}

// received is when the message was accepted; now if nobody said.
func (m *Message) received(now time.Time) time.Time {
	if m.Received.IsZero() {
		return now
	}
	return m.Received
}

// appendAll writes the rows of one table behind one another: a store takes keys that ascend for less.
func (x *tx) appendAll(name string, ms []AppendMessage, ready []*coldCommon) ([]Delivered, error) {
	b, err := x.named(name)
	if err != nil {
		return nil, err
	}
	if err := x.messageIDs(ready); err != nil {
		return nil, err
	}
	es := make([]Entry, len(ms))
	out := make([]Delivered, len(ms))
	for i := range ms {
		m := &ms[i]
		f, err := x.keywords(b, m.Keywords, true, false)
		if err != nil {
			return nil, err
		}
		date := m.Date
		if date.IsZero() {
			date = m.received(x.now)
		}
		no, thread, err := x.keep(&m.Message, ready[i])
		if err != nil {
			return nil, err
		}
		es[i] = Entry{Msg: no, Flags: m.Flags&SystemFlags | f, Size: m.Size, Date: date.Unix()}
		es[i].Foreign = ready[i].origin.Email.Account != 0
		out[i] = Delivered{Account: x.a.id, Mailbox: b.info.id, UIDValidity: b.info.validity, Msg: no, Thread: thread}
	}
	if err := x.insert(b, es); err != nil {
		return nil, err
	}
	for i := range es {
		out[i].UID = es[i].UID
		x.putThread(es[i].Msg, out[i].Thread)
	}
	for i := range es {
		x.hold(es[i].Msg, &ms[i].Message)
	}
	x.tally.appended += len(ms)
	return out, nil
}

// keep makes a message of the account: its number, its cold record, its claims on a thread and its place in the
// usage. It is in no mailbox yet; putThread and hold belong to it.
func (x *tx) keep(m *Message, c *coldCommon) (no MsgNo, thread uint64, err error) {
	x.changed = true
	no = x.st.nextMsg
	x.st.nextMsg++
	x.st.bytes += m.Size
	x.st.messages++
	thread, told, mask, err := x.thread(c, no)
	if err != nil {
		return 0, 0, err
	}
	x.buf = c.encode(x.buf[:0], thread, mask, Origin{Email: c.origin.Email, Thread: told})
	x.key = appendMessageKey(x.key[:0], coldPrefix, uint64(no))
	x.t.Put(mail.TableMessage, x.key, x.buf)
	return no, thread, nil
}

// hold makes a message's claim on its bytes.
func (x *tx) hold(no MsgNo, m *Message) {
	if !m.Blob.IsZero() {
		x.t.Link(m.Blob, uint64(no))
	}
}

// withinQuota refuses what is over the account's quota now.
func (x *tx) withinQuota() error {
	q := x.st.quota
	if q.Bytes > 0 && x.st.bytes > q.Bytes || q.Messages > 0 && x.st.messages > q.Messages {
		return errQuota
	}
	return nil
}

// insert adds messages to a mailbox with the next UIDs, which it enters in es. Each record's messages get
// one modseq.
func (x *tx) insert(b *boxTx, es []Entry) error {
	if uint64(b.sum.uidNext)+uint64(len(es)) >= uint64(MaxUID) {
		return ErrFullUIDs
	}
	saved := min(max(x.now.Unix(), 0), math.MaxUint32)
	for len(es) > 0 {
		n := min(len(es), recordEntries)
		m := x.next()
		first := b.sum.uidNext
		for i := range es[:n] {
			e := &es[i]
			e.UID, e.ModSeq, e.Saved = b.sum.uidNext, m, saved
			b.sum.came(*e)
			if b.d != nil {
				b.d.add(*e)
			}
		}
		x.log(b, m, &record{kind: ChangeAppend, first: first, entries: es[:n]}, recordWeight(n, 0, 0))
		es = es[n:]
	}
	return nil
}
