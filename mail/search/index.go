package search

import (
	"context"
	"errors"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// Bounds of what one batch collects in memory.
const (
	maxBatchBytes = 4 << 20 // of text; a batch ends with the message that passes it
	maxBatchRange = 1 << 20 // between the numbers of its first and last message
)

// errBatch ends a batch.
var errBatch = errors.New("search: the batch is full")

// Sync indexes all messages of the account that are stored now.
func (a *Account) Sync(ctx context.Context) error {
	for {
		more, err := a.index(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// index indexes the next batch and merges segments if there are many.
func (a *Account) index(ctx context.Context) (more bool, err error) {
	unlock, err := a.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	m, err := a.manifest(ctx)
	if err != nil {
		return false, err
	}
	b := newBuilder()
	last, err := a.box.Messages(ctx, m.cursor, a.x.opt.Batch, func(no mailbox.MsgNo, c *mailbox.Cold) error {
		if b.info.docs > 0 && (b.info.text > maxBatchBytes || no-b.info.lo > maxBatchRange) {
			return errBatch
		}
		return a.read(ctx, b, no, c)
	})
	if err != nil && !errors.Is(err, errBatch) {
		return false, err
	}
	if last == m.cursor {
		return false, a.tidy(ctx, m)
	}
	m.cursor = last
	if err := a.append(ctx, m, b); err != nil {
		return false, err
	}
	for {
		from, to := mergeable(m.segments)
		if from == to {
			return true, nil
		}
		if err := a.merge(ctx, m, from, to, nil); err != nil {
			return true, err
		}
	}
}

// read indexes one message. What can not be read is in the index as something that may hold anything.
func (a *Account) read(ctx context.Context, b *builder, no mailbox.MsgNo, c *mailbox.Cold) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c == nil {
		b.skip(no)
		return nil
	}
	bytes, err := a.box.Bytes(ctx, c)
	if errors.Is(err, kv.ErrNotFound) { // removed meanwhile
		return nil
	}
	if err == nil {
		defer bytes.Close()
		var m *Message
		var cut bool
		if m, cut, err = open(c, bytes); err == nil {
			err = b.add(no, m, cut)
		} else if !temporary(err) {
			b.skip(no)
		}
	} else if !temporary(err) {
		b.skip(no)
	}
	if temporary(err) {
		return err
	}
	return nil
}

// temporary tells whether another try may go better.
func temporary(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrClosed) || errors.Is(err, kv.ErrFull) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (a *Account) manifest(ctx context.Context) (m *manifest, err error) {
	err = a.view(ctx, func(r kv.Reader) error {
		m, err = readManifest(r)
		return err
	})
	if errors.Is(err, kv.ErrCorrupt) {
		a.damaged(err)
	}
	return m, err
}

// append writes b as a segment, and m with it.
func (a *Account) append(ctx context.Context, m *manifest, b *builder) error {
	w := rowWriter{a: a, m: m}
	if b.info.docs > 0 {
		id := m.next
		m.next++
		s, err := b.write(id, a.x.codec, w.hold)
		if err != nil {
			return err
		}
		m.segments = append(m.segments, s)
		a.x.opt.Metrics.indexed(&s)
	}
	return w.commit(ctx, nil)
}

// errNoAccount: the account was removed meanwhile.
var errNoAccount = errors.New("search: the account is gone")

// rowWriter collects rows and writes them in transactions that are not too big.
type rowWriter struct {
	a    *Account
	m    *manifest
	rows []row
	size int
}

type row struct{ k, v []byte }

// maxHeld is how many bytes of rows go into one transaction of a merge.
const maxHeld = 2 << 20

// hold keeps a row for commit.
func (w *rowWriter) hold(k, v []byte) error {
	w.rows = append(w.rows, row{k, append([]byte(nil), v...)})
	w.size += len(k) + len(v)
	return nil
}

// spill writes what is held if it is much; the manifest says that the segment is being built.
func (w *rowWriter) spill(ctx context.Context, building uint32) error {
	if w.size < maxHeld {
		return nil
	}
	w.m.building = building
	return w.update(ctx, func(kv.Txn) {})
}

// commit writes what is held, the manifest, and drops segments.
func (w *rowWriter) commit(ctx context.Context, drop []segmentInfo) error {
	orphan := w.m.building
	w.m.building = 0
	return w.update(ctx, func(t kv.Txn) {
		for _, s := range drop {
			t.DelRange(mail.TableSearch, first(segmentRange(s.id)), second(segmentRange(s.id)))
		}
		if orphan != 0 && !w.m.has(orphan) { // a merge that a crash ended
			t.DelRange(mail.TableSearch, first(segmentRange(orphan)), second(segmentRange(orphan)))
		}
	})
}

func first(a, _ []byte) []byte  { return a }
func second(_, b []byte) []byte { return b }

func (m *manifest) has(segment uint32) bool {
	for i := range m.segments {
		if m.segments[i].id == segment {
			return true
		}
	}
	return false
}

func (w *rowWriter) update(ctx context.Context, f func(kv.Txn)) error {
	err := w.a.x.db.Update(ctx, w.a.id.Part(), func(t kv.Txn) error {
		if _, ok, err := t.Get(mail.TableState, []byte{0}); err != nil || !ok {
			return errors.Join(err, errNoAccount)
		}
		for _, r := range w.rows {
			t.Put(mail.TableSearch, r.k, r.v)
		}
		f(t)
		t.Put(mail.TableSearch, manifestKey(), w.m.encode())
		return nil
	})
	if err == nil {
		w.a.x.opt.Metrics.wrote(w.size)
		w.rows, w.size = w.rows[:0], 0
	}
	return err
}
