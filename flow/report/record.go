package report

import (
	"context"
	"log/slog"
	"time"

	"barid/mail"
	"barid/mail/event"
)

// sent tells log, metrics and events: under the id of the message it is about, and under its own.
func (n *notice) sent(ctx context.Context, msg *written, to target) {
	kind := event.Delivered
	if len(to.accounts) == 0 {
		kind = event.Queued
	}
	why := "report-" + n.action.String()
	ev := n.event(kind, why)
	ev.Accounts = to.accounts
	n.r.record(ev)
	if kind == event.Delivered { // the queue tells of the others
		own := ev
		own.ID, own.To, own.Rcpts, own.Size = msg.id, []string{n.e.From.Mailbox.String()}, 1, msg.msg.Size
		own.Accounts = append([]mail.AccountID(nil), to.accounts...)
		n.r.record(own)
	}
	n.r.d.Metrics.made(n.action.String(), kind == event.Queued)
	n.r.d.Log.LogAttrs(ctx, slog.LevelInfo, "report made", slog.String("id", n.e.Message.ID), slog.String("report", msg.id),
		slog.String("kind", n.action.String()), slog.String("to", n.e.From.Mailbox.String()), slog.Int("rcpts", len(n.rcpts)), slog.Int64("size", msg.msg.Size))
}

// dropped tells log, metrics and events that nobody is told.
func (n *notice) dropped(ctx context.Context, why string) {
	n.r.record(n.event(event.Discarded, why))
	n.r.d.Metrics.drop(why)
	n.r.d.Log.LogAttrs(ctx, slog.LevelInfo, "report not made", slog.String("id", n.e.Message.ID), slog.String("kind", n.action.String()),
		slog.String("reason", why), slog.String("from", n.e.From.String()))
}

// event gives what happened to the message that the report is about.
func (n *notice) event(kind event.Kind, why string) event.Event {
	ev := event.Event{
		Time: n.now.Truncate(time.Microsecond), Kind: kind, ID: n.e.Message.ID, Login: n.e.Account, Stage: "report", Reason: why,
		Rcpts: len(n.rcpts),
	}
	for _, i := range n.rcpts[:min(len(n.rcpts), event.MaxTo)] {
		ev.To = append(ev.To, n.e.Rcpts[i].To.Mailbox.String())
	}
	return ev
}

func (r *Reporter) record(e event.Event) {
	if r.d.Events != nil {
		r.d.Events.Record(e)
	}
}
