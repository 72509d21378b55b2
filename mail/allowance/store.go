package allowance

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// format is the first byte of a counter's row.
const format = 1

// writeTime bounds one writing of the book.
const writeTime = 10 * time.Second

// batchRecipients is how many recipients one transaction writes, at least.
const batchRecipients = 4096

func damaged(what string) error { return fmt.Errorf("allowance: %s: %w", what, kv.ErrCorrupt) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// read fills c with the stored counter of s. One that is damaged begins anew, with a word to the operator: it
// must not keep anybody from sending.
func (b *Book) read(ctx context.Context, s Sender, c *counter) error {
	return b.db.View(ctx, part, func(r kv.Reader) error {
		v, ok, err := r.Get(mail.TableAllowance, s.key())
		if err != nil || !ok {
			return err
		}
		if !c.decode(v) {
			*c = *newCounter()
			b.o.Log.Error("a sending counter is damaged and begins anew", slog.String("scope", s.Scope.String()),
				slog.Any("account", s.Account), slog.String("domain", s.Domain))
		}
		return nil
	})
}

func (c *counter) encode() []byte {
	b := []byte{format}
	for _, w := range []*window{&c.messages, &c.bytes, &c.fresh} {
		b = w.append(b)
	}
	return b
}

func (c *counter) decode(v []byte) bool {
	if len(v) == 0 || v[0] != format {
		return false
	}
	v = v[1:]
	for _, w := range []*window{&c.messages, &c.bytes, &c.fresh} {
		var ok bool
		if v, ok = w.read(v); !ok {
			return false
		}
	}
	return len(v) == 0
}

// write writes what was counted, now and then, until Close.
func (b *Book) write() {
	defer close(b.done)
	tick := time.NewTicker(b.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.tried(b.writeAll())
		case ask := <-b.flush:
			ask <- b.writeAll()
		case <-b.stop:
			b.tried(b.writeAll())
			return
		}
	}
}

func (b *Book) tried(err error) {
	if err != nil {
		b.o.Metrics.failed()
		b.o.Log.Warn("sending counters not written yet", slog.Any("error", err))
	}
}

// Flush writes what was counted so far.
func (b *Book) Flush(ctx context.Context) error {
	ask := make(chan error, 1)
	select {
	case b.flush <- ask:
		return <-ask
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what was counted and ends the writing. Counting goes on in memory only.
func (b *Book) Close() error {
	b.once.Do(func() { close(b.stop) })
	<-b.done
	return nil
}

// batch is what one transaction writes.
type batch struct {
	rows       map[Sender][]byte
	counters   map[Sender]*counter
	recipients map[mail.AccountID]map[recipient]struct{}
}

// writeAll writes batch after batch until nothing is left. What fails is kept for the next time.
func (b *Book) writeAll() error {
	for {
		w := b.collect()
		if len(w.rows)+len(w.recipients) == 0 {
			b.trim()
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		err := b.db.Update(ctx, part, func(t kv.Txn) error { return w.put(t, dayOf(b.o.Now())) })
		cancel()
		b.wrote(w, err)
		if err != nil {
			return err
		}
	}
}

// collect takes the dirty counters and some of the recipients. The recipients stay known until they are written.
func (b *Book) collect() batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := batch{counters: b.dirty, rows: make(map[Sender][]byte, len(b.dirty)), recipients: make(map[mail.AccountID]map[recipient]struct{})}
	b.dirty = make(map[Sender]*counter)
	for s, c := range w.counters {
		w.rows[s] = c.encode()
	}
	n := 0
	for _, id := range sortedKeys(b.known) {
		if n >= batchRecipients {
			break
		}
		w.recipients[id] = maps.Clone(b.known[id])
		n += len(b.known[id])
	}
	return w
}

func (w batch) put(t kv.Txn, today uint16) error {
	for s, row := range w.rows {
		t.Put(mail.TableAllowance, s.key(), row)
	}
	for _, id := range sortedKeys(w.recipients) {
		if err := remember(t, id, w.recipients[id], today); err != nil {
			return err
		}
	}
	return nil
}

// wrote notes what came of a batch.
func (b *Book) wrote(w batch, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		for s, c := range w.counters {
			if b.counters[s] == c { // not forgotten meanwhile
				b.dirty[s] = c
			}
		}
		return
	}
	for id, rs := range w.recipients {
		for r := range rs {
			if _, ok := b.known[id][r]; ok {
				delete(b.known[id], r)
				b.pending--
			}
		}
		if len(b.known[id]) == 0 {
			delete(b.known, id)
		}
	}
}

// trim forgets counters that are written and not in use, if there are many.
func (b *Book) trim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s, c := range b.counters {
		if len(b.counters) <= maxCounters {
			return
		}
		if _, dirty := b.dirty[s]; c.pins == 0 && !dirty {
			delete(b.counters, s)
		}
	}
}
