package mailbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// coldBatch is the number of cold records read in one call of the store. They are copied out, so that a
// slow reader keeps no snapshot of the store open, and stay in the processor's cache meanwhile.
const coldBatch = 128

// Cold calls f for each message of v in set, in order, with its index in v. c is valid until f returns; it is
// nil for a message that was expunged meanwhile and is gone, and for one whose record is damaged, so that
// the others are still served; the log tells which. f may take its time: no part of the store waits for
// it. An error of f ends it.
func (m *Mailbox) Cold(ctx context.Context, v *View, set UIDSet, f func(i int, e Entry, c *Cold) error) error {
	r := coldReader{a: m.b.a, f: f}
	r.buf, _ = m.b.a.s.arenas.Get().(*coldArena)
	if r.buf == nil {
		r.buf = &coldArena{}
	}
	defer r.giveBack()
	var err error
	for i, e := range v.In(set) {
		r.at[r.n], r.es[r.n] = i, e
		if r.n++; r.n == coldBatch {
			if err = r.flush(ctx); err != nil {
				return err
			}
		}
	}
	return r.flush(ctx)
}

// coldReader collects a batch.
type coldReader struct {
	a   *account
	f   func(int, Entry, *Cold) error
	buf *coldArena
	n   int
	at  [coldBatch]int
	es  [coldBatch]Entry
}

// coldArena is the memory of a batch, used again by others.
type coldArena struct {
	keys  [coldBatch * 9]byte
	key   [coldBatch][]byte
	order [coldBatch]int
	pos   [coldBatch]int    // where in order the i-th key begins
	ends  [coldBatch][2]int // where the record of the k-th message is in data; {-1}: there is none
	data  []byte
}

// maxArena bounds the memory of an arena that is kept for others, bytes.
const maxArena = 1 << 20

func (r *coldReader) giveBack() {
	if cap(r.buf.data) <= maxArena {
		r.a.s.arenas.Put(r.buf)
	}
}

// flush reads the batch and hands it to f.
func (r *coldReader) flush(ctx context.Context) error {
	if r.n == 0 {
		return ctx.Err()
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	var c Cold
	for k := range r.n {
		p := &c
		if at := r.buf.ends[k]; at[0] < 0 {
			p = nil
		} else if err := c.decode(r.buf.data[at[0]:at[1]]); err != nil {
			r.damaged(r.es[k].Msg, err)
			p = nil
		}
		if err := r.f(r.at[k], r.es[k], p); err != nil {
			return err
		}
	}
	r.n = 0
	return nil
}

func (r *coldReader) damaged(m MsgNo, err error) {
	r.a.s.opt.Log.Error("damaged message record", "account", r.a.id, "message", m, "error", err)
}

// read gets the records of the batch; when one is damaged, one by one.
func (r *coldReader) read(ctx context.Context) error {
	keys := r.keys()
	r.buf.data = r.buf.data[:0]
	err := r.readMany(ctx, 0, keys)
	if !errors.Is(err, kv.ErrCorrupt) {
		return err
	}
	r.buf.data = r.buf.data[:0]
	for i := range keys {
		if err := r.readMany(ctx, i, keys[i:i+1]); errors.Is(err, kv.ErrCorrupt) {
			r.damaged(r.es[r.buf.order[r.buf.pos[i]]].Msg, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// readMany copies the records of some keys, of which the first is the base-th of the batch, into the arena.
func (r *coldReader) readMany(ctx context.Context, base int, keys [][]byte) error {
	b := r.buf
	return r.a.s.db.View(ctx, r.a.id.Part(), func(rd kv.Reader) error {
		return rd.GetMany(mail.TableMessage, keys, func(i int, v []byte) error {
			if v == nil {
				return nil
			}
			at := [2]int{len(b.data), len(b.data) + len(v)}
			b.data = append(b.data, v...)
			first := b.pos[base+i]
			for n := first; n < r.n && r.es[b.order[n]].Msg == r.es[b.order[first]].Msg; n++ {
				b.ends[b.order[n]] = at
			}
			return nil
		})
	})
}

// keys fills the arena's keys, ascending and each once, and notes where in the order each begins. Message
// numbers need not ascend as UIDs do: COPY and MOVE mix them, and can bring one into a mailbox twice.
func (r *coldReader) keys() [][]byte {
	b := r.buf
	order := b.order[:r.n]
	sorted := true
	for k := range order {
		order[k] = k
		b.ends[k][0] = -1
		sorted = sorted && (k == 0 || r.es[k-1].Msg < r.es[k].Msg)
	}
	if !sorted {
		slices.SortFunc(order, func(x, y int) int { return cmp.Compare(r.es[x].Msg, r.es[y].Msg) })
	}
	keys := b.key[:0]
	for n, k := range order {
		if n > 0 && r.es[k].Msg == r.es[order[n-1]].Msg {
			continue
		}
		i := len(keys)
		b.pos[i] = n
		key := append(b.keys[i*9:i*9:i*9+9], coldPrefix)
		keys = append(keys, binary.BigEndian.AppendUint64(key, uint64(r.es[k].Msg)))
	}
	return keys
}
