package mailbox

import (
	"context"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// Name is the number of a message or of a thread with the account that gave it. Account 0: it has none.
type Name struct {
	Account mail.AccountID
	Number  uint64
}

// Origin says by which names of other accounts a message is told (RFC 8474 §5). Most messages have none: they go by
// the numbers of their own account. COPY and MOVE to another account make a message of that account, with a number and
// a place among its threads, but it is told by the names that the one it was made of is told by, whoever has that now.
//
// A message that joins a thread by a message-id which one with an Origin was the first to name is told by the name of
// that one's thread, and hands it on: whoever answers in a shared mailbox what was moved there stays in its thread. A
// copy that joins a thread which the account had already keeps the thread's name that it came with, and those that
// were there keep theirs: none was ever told of two, all with one EMAILID have one THREADID, and the two names mean one
// thread of the account (Cold.Thread, Account.Thread).
type Origin struct {
	Email  Name // of the message
	Thread Name // of its thread; never without a value when Email has one
}

// Source is what a message of another account is made of: the bytes, what is kept of them, and how it is told. Close
// the body after use.
type Source struct {
	Body   kv.BlobReader
	Origin Origin
	common []byte // the part of the cold record that is the same in all accounts
}

// Source opens a message for a copy in another account. ErrGone: it was expunged and its rows are gone.
func (m *Mailbox) Source(ctx context.Context, e Entry) (*Source, error) {
	a := m.b.a
	s := &Source{}
	var from roots
	err := a.readCold(ctx, e.Msg, func(v []byte) error {
		d := newDecoderOf(v, formatOrigin)
		from = d.roots()
		if d.bad {
			return corrupt("message record")
		}
		s.common = slices.Clone(v[len(v)-len(d.b)-len(from.blob):])
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.Origin = from.origin; s.Origin.Email.Account == 0 {
		s.Origin.Email = Name{a.id, uint64(e.Msg)}
	}
	if s.Origin.Thread.Account == 0 {
		s.Origin.Thread = Name{a.id, from.thread}
	}
	if s.Body, err = a.s.blobs.Open(ctx, from.blob); err != nil {
		return nil, err
	}
	return s, nil
}

// like makes c what is kept of a copy: to the letter what was kept of its source, for what IMAP tells of one EMAILID
// must not differ (RFC 8474 §5.1), whichever version of ours read the message when.
func (c *coldCommon) like(s *Source) {
	c.origin = s.Origin
	blob := kv.BlobID(c.b)
	c.b = slices.Clone(s.common)
	c.setBlob(blob)
}

func putName(b []byte, n Name) []byte {
	if b = putUint(b, uint64(n.Account)); n.Account != 0 {
		b = putUint(b, n.Number)
	}
	return b
}

func (d *decoder) name() (n Name) {
	if n.Account = mail.AccountID(d.uint()); n.Account != 0 {
		n.Number = d.uint()
	}
	return n
}
