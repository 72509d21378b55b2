package report

import (
	"context"
	"errors"
	"io"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/mime"
	"barid/rfc/smtp"
)

// target is where a report goes.
type target struct {
	accounts []mail.AccountID
	remote   []addr.Mailbox
}

func (t *target) none() bool { return len(t.accounts)+len(t.remote) == 0 }

// whereTo finds where the sender's address leads.
func (r *Reporter) whereTo(ctx context.Context, m addr.Mailbox) (target, error) {
	t, err := r.d.Directory.Resolve(ctx, m)
	if err != nil {
		return target{}, err
	}
	if t.Kind == account.NotHosted {
		return target{remote: []addr.Mailbox{m}}, nil
	}
	return target{accounts: t.Accounts, remote: t.Forward}, nil
}

// written is a report that is stored, but not delivered yet.
type written struct {
	id   string
	msg  mailbox.Message
	form dsn.Form
	head int64 // octets of its header section

	delivered []mailbox.Delivered // by the commit
}

// send writes the report and delivers it, with the queue's note if there is a mark, in one commit.
func (n *notice) send(ctx context.Context, to target, mark *queue.Mark) error {
	w, err := n.r.d.Blobs.Create(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // after the commit that links the body, or to drop it
	msg, err := n.write(ctx, w, to)
	if err != nil {
		return err
	}
	entries := n.entries(msg, to.remote)
	if err := n.commit(ctx, msg, to, entries, mark); err != nil {
		return n.excuse(ctx, err, mark)
	}
	n.sent(ctx, msg, to, entries)
	if n.r.d.Submitted != nil && len(entries) > 0 {
		n.r.d.Submitted(entries...)
	}
	return nil
}

// write stores the body of the report.
func (n *notice) write(ctx context.Context, w kv.BlobWriter, to target) (*written, error) {
	orig, err := n.r.open(ctx, n.e)
	if err != nil {
		return nil, err
	}
	defer orig.close()
	out := &written{id: n.id()}
	prefix := n.trace(out.id, to)
	scan := mime.NewScanner(mime.DefaultLimits())
	_, _ = scan.Write(prefix) // never fails
	if out.form, err = n.message(orig).Write(io.MultiWriter(w, scan)); err != nil {
		return nil, err
	}
	note := mail.Note{Accounts: to.accounts, ID: out.id, Received: n.now}
	size := int64(len(prefix)) + w.Size()
	blob, err := w.Commit(prefix, note.Append(nil))
	if err != nil {
		return nil, err
	}
	parsed := scan.Finish()
	out.head = parsed.Root.BodyOff
	out.msg = mailbox.Message{
		Blob: blob, Prefix: int64(len(prefix)), Size: size, Parsed: parsed, Received: n.now, Session: out.id,
	}
	return out, nil
}

// trace gives the fields that stand before the report: Received, so that a loop of reports would be seen, and,
// where it ends in a mailbox, the null Return-Path (RFC 5321 §4.4).
func (n *notice) trace(id string, to target) []byte {
	var b []byte
	if len(to.remote) == 0 {
		b = append(b, "Return-Path: <>\r\n"...)
	}
	b = append(b, "Received: by "+n.r.d.Settings.Host+" id "+id+";\r\n\t"...)
	b = n.now.AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 -0700")
	return append(b, "\r\n"...)
}

// entries gives the rows of the queue for senders elsewhere.
func (n *notice) entries(msg *written, to []addr.Mailbox) []*spool.Entry {
	var es []*spool.Entry
	for _, m := range to {
		e := &spool.Entry{
			Message: spool.Message{
				ID: msg.id, Blob: msg.msg.Blob, Size: msg.msg.Size, HeaderLen: msg.head, From: addr.Path{Null: true},
				Has8bit: msg.form.Has8bit, UTF8: msg.form.UTF8, HasUTF8Header: m.NeedsUTF8(), Hops: 1,
				Arrived: n.now, Expires: n.now.Add(n.r.d.Settings.Expire), RequireTLS: n.e.RequireTLS, // RFC 8689 §5
			},
			Destination: m.Domain, Next: n.now,
			Rcpts: []spool.Rcpt{{To: addr.Path{Mailbox: m}, Notify: smtp.NotifyNever}}, // RFC 3461 §6.1
		}
		if msg.form.Has8bit {
			e.Body = smtp.Body8BitMIME
		}
		if n.r.d.Route != nil {
			e.Route = n.r.d.Route(m)
		}
		es = append(es, e)
	}
	return es
}

// commit delivers: mailboxes, queue and the mark in one transaction if the store can, otherwise the mark behind
// the others, so that a crash between makes the report twice and never loses it.
func (n *notice) commit(ctx context.Context, msg *written, to target, es []*spool.Entry, mark *queue.Mark) error {
	dest := make([]mailbox.Destination, len(to.accounts))
	parts := make([]kv.Part, 0, len(dest)+len(es)+1)
	for i, a := range to.accounts {
		dest[i] = mailbox.Destination{Account: a}
		parts = append(parts, a.Part())
	}
	also := grouped(es)
	for i := range also {
		parts = append(parts, also[i].Part)
	}
	joined := false
	if mark != nil {
		marks := append([]queue.Mark{*mark}, mark.With...)
		for _, m := range marks {
			parts = append(parts, m.Part)
		}
		if joined = n.r.d.Together == nil || n.r.d.Together(parts); joined {
			for _, m := range marks {
				also = join(also, mailbox.Also{Part: m.Part, Do: m.Do})
			}
		}
	}
	delivered, err := n.r.d.Store.DeliverAlso(ctx, &msg.msg, dest, also...)
	msg.delivered = delivered
	if err == nil && mark != nil && !joined {
		err = mark.Alone(ctx)
	}
	return err
}

// grouped gives one write for each shard.
func grouped(es []*spool.Entry) []mailbox.Also {
	var also []mailbox.Also
	for _, e := range es {
		part := spool.ShardOf(e.Destination, e.Route).Part()
		also = join(also, mailbox.Also{Part: part, Do: func(t kv.Txn) error { return spool.Enqueue(t, e) }})
	}
	return also
}

// join adds a write; two of one partition become one.
func join(also []mailbox.Also, a mailbox.Also) []mailbox.Also {
	for i := range also {
		if also[i].Part != a.Part {
			continue
		}
		first := also[i].Do
		also[i].Do = func(t kv.Txn) error {
			if err := first(t); err != nil {
				return err
			}
			return a.Do(t)
		}
		return also
	}
	return append(also, a)
}

// excuse decides about a report that could not be delivered: one that only gives good news or asks for patience
// is let go when the sender's mailbox is full. A failure is worth waiting for room.
func (n *notice) excuse(ctx context.Context, err error, mark *queue.Mark) error {
	if !errors.Is(err, mailbox.ErrOverQuota) || n.action == dsn.Failed {
		return err
	}
	n.dropped(ctx, reasonOverQuota)
	if mark != nil {
		return mark.Alone(ctx)
	}
	return nil
}
