package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/mime"
)

// Directory tells where an address leads. *account.Directory is one.
type Directory interface {
	Resolve(ctx context.Context, a addr.Mailbox) (account.Target, error)
}

// QueuedDeps are what NewQueued needs. Route, Submitted, Log and Now may be nil.
type QueuedDeps struct {
	Directory Directory
	Store     Store
	Blobs     kv.Blobs
	Elsewhere queue.Deliverer // for recipients that are not ours

	Route     func(from addr.Path, domain string) string // names the smarthost route for mail to a domain; nil: by MX
	Submitted func(...*spool.Entry)                      // wakes the queue for what a delivery put into it
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Queued delivers what the queue brings: to our own mailboxes what was held for later (RFC 4865) and what is for a
// domain that came to us meanwhile, everything else by way of Elsewhere. An address is looked up when its time has
// come: an alias means then what it means then. The mailboxes, the entries for members of aliases who are
// elsewhere and the queue's own note are one commit: no crash doubles the message or loses it.
type Queued struct{ d QueuedDeps }

var _ queue.Deliverer = (*Queued)(nil)

// NewQueued gives the deliverer of the queue.
func NewQueued(d QueuedDeps) *Queued {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Queued{d: d}
}

// Deliver implements queue.Deliverer.
func (q *Queued) Deliver(ctx context.Context, e *spool.Entry) []queue.Outcome {
	v := visit{q: q, e: e, now: q.d.Now()}
	_, noted := relay.Hinted(e.Route) // else an operator gave it a way of its own
	if e.Route != "" && !noted || !v.lookUp(ctx) {
		return q.d.Elsewhere.Deliver(ctx, e)
	}
	v.deliver(ctx)
	return v.out
}

// visit is one attempt.
type visit struct {
	q    *Queued
	e    *spool.Entry
	now  time.Time
	here []recipient // who can be delivered to
	out  []queue.Outcome
}

// recipient is one of e.Rcpts and where it leads.
type recipient struct {
	index  int
	target account.Target
}

func (r *recipient) several() bool {
	return r.target.Kind == account.ToAlias && len(r.target.Accounts)+len(r.target.Forward) > 1
}

// lookUp finds where the recipients lead now. False: they are not ours.
func (v *visit) lookUp(ctx context.Context) bool {
	for n, i := range v.e.WaitingRcpts() {
		t, err := v.q.d.Directory.Resolve(ctx, v.e.Rcpts[i].To.Mailbox)
		switch {
		case err != nil:
			v.fail(i, err)
		case t.Kind == account.NotHosted && n == 0:
			return false
		case t.Kind == account.NotHosted:
			v.settle(i, queue.Deferred, 451, "4.3.0", "the domain is being changed")
		case len(t.Accounts)+len(t.Forward) == 0:
			v.settle(i, queue.Failed, 550, "5.1.1", "no such mailbox here")
		default:
			v.here = append(v.here, recipient{i, t})
		}
	}
	return true
}

// settle notes what became of a recipient, in the words of a server.
func (v *visit) settle(i int, k queue.Kind, code int, enhanced, text string) {
	v.out = append(v.out, queue.Outcome{Rcpt: i, Kind: k, Answer: v.answer(code, enhanced, text)})
}

func (v *visit) answer(code int, enhanced, text string) spool.Answer {
	return spool.Answer{Time: v.now, Code: code, Enhanced: enhanced, Text: text, Stage: spool.StageLocal}
}

// fail defers a recipient for trouble of our own.
func (v *visit) fail(i int, err error) {
	if errors.Is(err, errChanged) {
		v.settle(i, queue.Deferred, 451, "4.3.0", "the entry was changed while it was tried")
		return
	}
	v.q.d.Log.Error("a queued message was not delivered here", slog.String("id", v.e.Message.ID),
		slog.String("entry", v.e.Name().String()), slog.Any("error", err))
	v.settle(i, queue.Deferred, 451, "4.3.0", "local error, it is tried again")
}

// deliver brings the message to all who have room for it, in one commit.
func (v *visit) deliver(ctx context.Context) {
	if len(v.here) == 0 {
		return
	}
	msg, err := v.message(ctx)
	for err == nil && len(v.here) > 0 {
		es := v.forwards()
		_, err = v.q.d.Store.DeliverAlso(ctx, msg, destinations(v.recipients()), v.also(es)...)
		var over *mailbox.OverQuota
		switch {
		case err == nil:
			v.delivered(es)
			return
		case errors.As(err, &over) && v.leaveOut(over.Accounts):
			err = nil
		}
	}
	for _, r := range v.here {
		v.fail(r.index, err)
	}
}

// message reads the stored bytes again for their structure.
func (v *visit) message(ctx context.Context) (*mailbox.Message, error) {
	r, err := v.q.d.Blobs.Open(ctx, v.e.Blob)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	scan := mime.NewScanner(mime.DefaultLimits())
	if _, err := io.Copy(scan, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return nil, err
	}
	return &mailbox.Message{
		Blob: v.e.Blob, Size: v.e.Size, Parsed: scan.Finish(), Received: v.now, Session: v.e.Message.ID,
	}, nil
}

// leaveOut defers the recipients that lead to full mailboxes; false: there is none, so that the loop ends.
func (v *visit) leaveOut(full []mail.AccountID) bool {
	before := len(v.here)
	v.here = slices.DeleteFunc(v.here, func(r recipient) bool {
		hit := slices.ContainsFunc(r.target.Accounts, func(id mail.AccountID) bool { return slices.Contains(full, id) })
		if hit {
			v.settle(r.index, queue.Deferred, 452, "4.2.2", "the mailbox is full")
		}
		return hit
	})
	return len(v.here) < before
}

func (v *visit) recipients() []Recipient {
	var to []Recipient
	for _, r := range v.here {
		for _, id := range r.target.Accounts {
			to = append(to, Recipient{Account: id, Address: v.e.Rcpts[r.index].To.Mailbox, Detail: r.target.Detail})
		}
	}
	return to
}

// delivered notes the outcome of the commit, and wakes the queue for what it put there.
func (v *visit) delivered(es []*spool.Entry) {
	for i := range v.here {
		v.out = append(v.out, queue.Outcome{Rcpt: v.here[i].index, Kind: queue.Delivered, Answer: v.taken(&v.here[i])})
	}
	if v.q.d.Submitted != nil && len(es) > 0 {
		v.q.d.Submitted(es...)
	}
}

func (v *visit) taken(r *recipient) spool.Answer {
	if r.several() {
		return v.answer(250, "2.1.5", "delivered to an alias of several")
	}
	return v.answer(250, "2.1.5", "delivered")
}
