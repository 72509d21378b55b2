package pop3

import (
	"context"
	"iter"
	"math/bits"
	"strings"
	"sync"

	"barid/mail/account"
	"barid/mail/mailbox"
)

// maildrop is the INBOX of an account as it was at login, without what is hidden, and what the client did with
// it. Messages are counted from 0 here, from 1 on the wire.
type maildrop struct {
	acc     *mailbox.Account
	box     *mailbox.Mailbox
	view    *mailbox.View
	index   []int32 // message -> index in view; nil: all are shown
	n       int
	bytes   int64
	policy  string // account.POP3Remove ...
	deleted bitset
	fetched bitset
	removed int // after QUIT
	unlock  func()
	once    sync.Once // of close
}

// openMaildrop takes the lock and the picture. close must be called.
func (srv *Server) openMaildrop(ctx context.Context, a account.Account) (*maildrop, error) {
	unlock, ok := srv.lock(ctx, a.ID)
	if !ok {
		return nil, errInUse
	}
	acc := srv.Mail.Account(a.ID)
	box, err := acc.Open(ctx, "INBOX")
	if err != nil {
		unlock()
		return nil, err
	}
	d := &maildrop{acc: acc, box: box, view: box.View(), policy: a.POP3Delete, unlock: unlock}
	d.n, d.bytes = d.view.Len(), d.view.Bytes()
	if hidden := keywordOf(d.view, HiddenKeyword); hidden != 0 {
		d.hide(hidden)
	}
	d.deleted, d.fetched = newBitset(d.n), newBitset(d.n)
	return d, nil
}

// hide leaves messages with a flag out.
func (d *maildrop) hide(flag mailbox.Flags) {
	index := make([]int32, 0, d.n)
	var bytes int64
	for i, e := range d.view.All() {
		if e.Flags&flag == 0 {
			index = append(index, int32(i))
			bytes += e.Size
		}
	}
	if len(index) < d.n {
		d.index, d.n, d.bytes = index, len(index), bytes
	}
}

// close gives lock and mailbox back. It may be called again.
func (d *maildrop) close() {
	d.once.Do(func() {
		d.box.Close()
		d.unlock()
	})
}

// at gives a message.
func (d *maildrop) at(i int) mailbox.Entry {
	if d.index != nil {
		i = int(d.index[i])
	}
	return d.view.At(i)
}

// all gives the messages in order.
func (d *maildrop) all() iter.Seq2[int, mailbox.Entry] {
	if d.index == nil {
		return d.view.All()
	}
	return func(yield func(int, mailbox.Entry) bool) {
		for i := range d.n {
			if !yield(i, d.at(i)) {
				return
			}
		}
	}
}

// uids gives the set of the messages in b.
func (d *maildrop) uids(b bitset) mailbox.UIDSet {
	var rs []mailbox.UIDRange
	for i := range b.all() {
		e := d.at(i)
		if k := len(rs) - 1; k >= 0 && rs[k].Hi+1 == e.UID {
			rs[k].Hi = e.UID
		} else {
			rs = append(rs, mailbox.UIDRange{Lo: e.UID, Hi: e.UID})
		}
	}
	return mailbox.NewUIDSet(rs...)
}

// keywordOf gives the bit of a keyword in a view, 0 if no message can have it.
func keywordOf(v *mailbox.View, keyword string) mailbox.Flags {
	for i, k := range v.Keywords() {
		if strings.EqualFold(k, keyword) {
			return mailbox.Keyword(i)
		}
	}
	return 0
}

// bitset is a set of messages.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }

// all gives the messages in b in order.
func (b bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for k, w := range b {
			for ; w != 0; w &= w - 1 {
				if !yield(64*k + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

func (b bitset) len() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// without gives what is in b and not in c.
func (b bitset) without(c bitset) bitset {
	out := make(bitset, len(b))
	for i := range b {
		out[i] = b[i] &^ c[i]
	}
	return out
}
