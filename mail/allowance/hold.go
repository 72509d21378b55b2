package allowance

import (
	"context"
	"log/slog"
	"time"

	"barid/mail"
	"barid/rfc/addr"
)

// Hold is the place of one transaction in its grants. It is for one goroutine. Commit or Release must be called,
// whichever is first counts.
type Hold struct {
	b        *Book
	account  mail.AccountID // whose recipients are known
	grants   []Grant
	counters []*counter // of grants
	size     int64      // octets held
	seen     map[recipient]bool
	fresh    int64 // of seen, how many are new: places held
	begun    bool  // places are held
	over     bool
}

// Begin holds one message and size octets (0: not known yet) for an account in all of grants, or tells which
// limit that would pass.
func (b *Book) Begin(ctx context.Context, account mail.AccountID, grants []Grant, size int64) (*Hold, *Exceeded, error) {
	h := &Hold{b: b, account: account, grants: grants}
	for _, g := range grants {
		c, err := b.counter(ctx, g.Sender)
		if err != nil {
			h.Release()
			return nil, nil, err
		}
		h.counters = append(h.counters, c)
	}
	if x := h.begin(size); x != nil {
		h.Release()
		return nil, x, nil
	}
	return h, nil, nil
}

func (h *Hold) begin(size int64) *Exceeded {
	now := h.b.o.Now()
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	if x := h.room(now, Messages, 1); x != nil {
		return x
	}
	if x := h.room(now, Bytes, max(size, 1)); x != nil {
		return x
	}
	h.take(Messages, 1)
	h.take(Bytes, size)
	h.size, h.begun = size, true
	return nil
}

// Recipient holds a place for one more recipient, of which count were accepted so far.
func (h *Hold) Recipient(ctx context.Context, to addr.Mailbox, count int) (*Exceeded, error) {
	for _, g := range h.grants {
		if limit := g.Limits.Recipients; limit > 0 && int64(count) >= limit {
			return &Exceeded{Grant: g, What: Recipients}, nil
		}
	}
	r := recipientOf(h.account, to)
	if _, again := h.seen[r]; again {
		return nil, nil
	}
	known, err := h.b.knows(ctx, h.account, r)
	if err != nil {
		return nil, err
	}
	if !known {
		if x := h.newRecipient(); x != nil {
			return x, nil
		}
	}
	if h.seen == nil {
		h.seen = make(map[recipient]bool)
	}
	h.seen[r] = !known
	return nil, nil
}

func (h *Hold) newRecipient() *Exceeded {
	now := h.b.o.Now()
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	if x := h.room(now, NewRecipients, 1); x != nil {
		return x
	}
	h.take(NewRecipients, 1)
	h.fresh++
	return nil
}

// Size holds as many octets as the message was found to have.
func (h *Hold) Size(size int64) *Exceeded {
	now := h.b.o.Now()
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.take(Bytes, -h.size)
	if x := h.room(now, Bytes, size); x != nil {
		h.take(Bytes, h.size)
		return x
	}
	h.take(Bytes, size)
	h.size = size
	return nil
}

// Commit counts a message of size octets that was accepted for the recipients to.
func (h *Hold) Commit(to []addr.Mailbox, size int64) {
	if h == nil || h.over {
		return
	}
	now := h.b.o.Now()
	h.b.mu.Lock()
	h.giveBack()
	fresh := h.learn(to)
	var full []warning
	for i, c := range h.counters {
		full = h.count(full, i, Messages, now, 1)
		full = h.count(full, i, Bytes, now, size)
		full = h.count(full, i, NewRecipients, now, fresh)
		h.b.dirty[h.grants[i].Sender] = c
	}
	h.b.mu.Unlock()
	for _, w := range full {
		h.b.warn(w)
	}
}

// learn notes the recipients that are new, and counts them. One that another session wrote to meanwhile is not.
func (h *Hold) learn(to []addr.Mailbox) (fresh int64) {
	for _, m := range to {
		r := recipientOf(h.account, m)
		if isNew := h.seen[r]; !h.b.learn(h.account, r) && isNew {
			fresh++
		}
		delete(h.seen, r)
	}
	return fresh
}

// warning is a limit whose early warning became due.
type warning struct {
	grant Grant
	what  What
	used  int64
	reset time.Time
}

// count adds n to what grant i has used, and a warning to full if that made it due.
func (h *Hold) count(full []warning, i int, what What, now time.Time, n int64) []warning {
	w, g := h.counters[i].of(what), h.grants[i]
	w.advance(now)
	before := nearly(w.sum, g.Limits.Of(what))
	w.add(now, n)
	if before || !nearly(w.sum, g.Limits.Of(what)) {
		return full
	}
	_, reset := w.ends()
	return append(full, warning{grant: g, what: what, used: w.sum, reset: reset})
}

func (b *Book) warn(w warning) {
	b.o.Metrics.warned(w.what)
	b.o.Log.Warn("a sending limit is nearly reached", slog.String("scope", w.grant.Sender.Scope.String()),
		slog.String("name", w.grant.Name), slog.String("limit", w.what.String()), slog.Int64("used", w.used),
		slog.Int64("of", w.grant.Limits.Of(w.what)), slog.Time("resets", w.reset))
}

// Release gives the places back: the message was not accepted.
func (h *Hold) Release() {
	if h == nil || h.over {
		return
	}
	h.b.mu.Lock()
	defer h.b.mu.Unlock()
	h.giveBack()
}

// giveBack ends the hold. The caller holds mu.
func (h *Hold) giveBack() {
	if h.begun {
		h.take(Messages, -1)
		h.take(Bytes, -h.size)
		h.take(NewRecipients, -h.fresh)
	}
	for _, c := range h.counters {
		c.pins--
	}
	h.over = true
}

// room tells which grant has no room for n more. The caller holds mu.
func (h *Hold) room(now time.Time, what What, n int64) *Exceeded {
	for i, c := range h.counters {
		w, limit := c.of(what), h.grants[i].Limits.Of(what)
		w.advance(now)
		if !w.fits(n, limit) {
			return &Exceeded{Grant: h.grants[i], What: what, Until: w.until(now, n, limit)}
		}
	}
	return nil
}

// take takes n places in all grants, or gives them back. The caller holds mu.
func (h *Hold) take(what What, n int64) {
	for _, c := range h.counters {
		c.of(what).held += n
	}
}
