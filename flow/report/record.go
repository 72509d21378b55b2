package report

import (
	"context"
	"log/slog"
	"time"

	"barid/mail"
	"barid/mail/event"
	"barid/mail/spool"
)

// sent tells log, metrics and events: under the id of the message it is about, and under its own.
func (n *notice) sent(ctx context.Context, msg *written, to target, entries []*spool.Entry) {
	kind := event.Delivered
	if len(to.accounts) == 0 {
		kind = event.Queued
	}
	ev := n.event(kind, "report-"+n.action.String())
	ev.Accounts, ev.Other = to.accounts, msg.id
	n.r.record(ev)
	n.own(ev, msg, entries)
	n.r.d.Metrics.made(n.action.String(), kind == event.Queued)
	n.r.d.Log.LogAttrs(ctx, slog.LevelInfo, "report made", slog.String("id", n.e.Message.ID), slog.String("report", msg.id),
		slog.String("kind", n.action.String()), slog.String("to", n.e.From.Mailbox.String()), slog.Int("rcpts", len(n.rcpts)), slog.Int64("size", msg.msg.Size))
}

// own records what became of the report itself: in mailboxes, or in the queue, which tells the rest.
func (n *notice) own(ev event.Event, msg *written, entries []*spool.Entry) {
	ev.ID, ev.Other, ev.Size = msg.id, n.e.Message.ID, msg.msg.Size
	ev.Facts = &event.Facts{MessageID: msg.id + "@" + n.r.d.Settings.Host}
	if ev.Kind == event.Delivered {
		local := ev
		local.To, local.Rcpts = []string{n.e.From.Mailbox.String()}, 1
		local.Accounts = append([]mail.AccountID(nil), ev.Accounts...)
		for _, d := range msg.delivered {
			local.Places = append(local.Places, event.Place{Account: d.Account, Mailbox: uint32(d.Mailbox), UID: uint32(d.UID)})
		}
		n.r.record(local)
	}
	ev.Kind, ev.Accounts = event.Queued, nil
	for _, e := range entries {
		ev.To, ev.Rcpts = []string{e.Rcpts[0].To.Mailbox.String()}, len(e.Rcpts)
		ev.Hop = &event.Hop{Entry: e.Name().String(), Destination: e.Queue()}
		n.r.record(ev)
	}
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
