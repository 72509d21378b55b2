package mailbox

import (
	"context"

	"barid/base/kv"
)

// Batch collects messages for one Append (RFC 3502). Of each it keeps what will be stored, not what it was made
// from, so that thousands need little memory.
type Batch struct {
	a     *Account
	ms    []AppendMessage
	ready []*coldCommon
	bytes int
}

// Batch begins one.
func (a *Account) Batch() *Batch { return &Batch{a: a} }

// entryRowBytes is what a message takes in a transaction beside its cold record: its entry, its thread and its
// message-ids.
const entryRowBytes = 256

// Add adds a message, whose Blob may be told later with Stored. ErrBatch: one commit would not hold them all.
func (b *Batch) Add(m AppendMessage) error {
	if err := m.check(); err != nil {
		return err
	}
	c := b.a.s.common(&m.Message, 1)
	n := len(c.b) + entryRowBytes
	if b.bytes+n > b.a.s.maxTxn*3/4 && len(b.ms) > 0 {
		return ErrBatch
	}
	m.Parsed, m.Source = nil, nil
	b.bytes += n
	b.ms, b.ready = append(b.ms, m), append(b.ready, c)
	return nil
}

// Stored tells where the bytes of the i-th message are.
func (b *Batch) Stored(i int, id kv.BlobID) {
	b.ms[i].Blob = id
	b.ready[i].setBlob(id)
}

// Len is how many messages there are.
func (b *Batch) Len() int { return len(b.ms) }

// Append adds them to a mailbox in one commit: all or none. The Delivered are in their order.
func (b *Batch) Append(ctx context.Context, name string) ([]Delivered, error) {
	return b.a.append(ctx, name, b.ms, b.ready)
}
