package intake

import (
	"context"
	"log/slog"

	"barid/mail"
	"barid/mail/event"
	"barid/rfc/addr"
)

// refusal is a stage that ended badly.
type refusal struct {
	c     *mail.Client
	tx    *Tx // nil before MAIL
	stage string
	to    addr.Path // at RCPT
	err   error
	size  int64
}

// refused tells the log, the metrics and the event record of a refusal.
func (in *Intake) refused(ctx context.Context, r refusal) {
	e := answer(r.err, r.c.Session)
	level := slog.LevelInfo
	if isFailure(e) {
		level = slog.LevelError
	}
	ev := event.Event{
		Time: in.d.Now(), Kind: event.Deferred, Session: r.c.Session, Role: r.c.Role, Login: r.c.Login,
		Remote: r.c.Remote.Addr(), Size: r.size, Stage: r.stage, Code: e.Code(), Enhanced: e.Enhanced(), Reason: e.Reason,
	}
	if ev.Code >= 500 {
		ev.Kind = event.Refused
	}
	if r.tx != nil {
		ev.ID, ev.From, ev.Facts = r.tx.id, sender(r.tx.from), r.tx.facts(nil)
		r.tx.recipientsOf(&ev)
	} else {
		ev.Facts = clientFacts(r.c, false)
	}
	if !r.to.IsZero() {
		ev.To, ev.Rcpts = []string{r.to.Mailbox.String()}, 1
	}
	if r.stage == "data" {
		in.d.Metrics.outcome(r.c.Role, ev.Kind.String())
	}
	in.record(ev)
	in.d.Log.LogAttrs(ctx, level, "message "+ev.Kind.String(), append(attrs(&ev),
		slog.String("stage", ev.Stage), slog.Int("code", ev.Code), slog.String("enhanced", ev.Enhanced),
		slog.String("reason", ev.Reason), slog.Any("error", r.err))...)
}

// accepted tells the log, the metrics and the event record of a message that was taken.
func (in *Intake) accepted(ctx context.Context, tx *Tx, a accepted) {
	ev := event.Event{
		Time: in.d.Now(), Kind: event.Delivered, Session: tx.c.Session, ID: tx.id, Role: tx.c.Role, Login: tx.c.Login,
		Remote: tx.c.Remote.Addr(), From: sender(tx.from), Size: a.size, Code: 250, Enhanced: "2.0.0", Timing: a.timing,
	}
	if tx.remote > 0 || tx.held() {
		ev.Kind = event.Accepted // some of it is still to be carried on: the queue tells the rest
	}
	tx.recipientsOf(&ev)
	ev.Accounts = make([]mail.AccountID, 0, len(a.delivered))
	for _, d := range a.delivered {
		ev.Accounts = append(ev.Accounts, d.Account)
	}
	ev.Facts, ev.Places = tx.facts(a.msg), placesOf(a.delivered)
	in.d.Metrics.accepted(tx.c.Role, a.size, a.timing)
	in.d.Log.LogAttrs(ctx, slog.LevelInfo, "message "+ev.Kind.String(), append(attrs(&ev),
		slog.Int("mailboxes", len(a.delivered)), slog.Int("elsewhere", tx.remote), slog.Int("refused", a.failed),
		slog.Duration("receive", a.timing.Receive), slog.Duration("check", a.timing.Check),
		slog.Duration("store", a.timing.Store), slog.Duration("deliver", a.timing.Deliver))...)
	in.record(ev)
	tx.queued(ev.Time)
}

// attrs are what every line about a transaction says. Nothing of the message itself is among them.
func attrs(e *event.Event) []slog.Attr {
	as := make([]slog.Attr, 0, 16)
	as = append(as, slog.String("session", e.Session), slog.String("id", e.ID), slog.String("role", e.Role.String()),
		slog.Any("remote", e.Remote), slog.String("from", e.From), slog.Int("rcpts", e.Rcpts), slog.Int64("size", e.Size))
	if len(e.To) > 0 {
		as = append(as, slog.String("to", e.To[0]))
	}
	if e.Login != 0 {
		as = append(as, slog.Uint64("login", uint64(e.Login)))
	}
	return as
}

// recipientsOf notes the forward-paths in ev, the first event.MaxTo of them.
func (tx *Tx) recipientsOf(ev *event.Event) {
	ev.Rcpts = len(tx.rcpts)
	n := min(len(tx.rcpts), event.MaxTo)
	ev.To = make([]string, n)
	for i := range n {
		ev.To[i] = tx.rcpts[i].path.Mailbox.String()
	}
}

// sender is the reverse-path as logs and events say it: "" for the null one.
func sender(p addr.Path) string {
	if p.Null {
		return ""
	}
	return p.Mailbox.String()
}

func (in *Intake) record(e event.Event) {
	if in.d.Events != nil {
		in.d.Events.Record(e)
	}
}
