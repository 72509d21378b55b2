package intake

import (
	"context"
	"io"
	"time"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
)

// Data takes the whole message from body, up to its io.EOF, and ends the transaction. Only a nil error earns
// a 250; for LMTP, Receipt.PerRcpt then tells about each recipient. An error of body, such as
// io.ErrUnexpectedEOF, is given back as it is; every other error is a *status.Error. When Data refuses on its
// own before the end of body, it reads on to the end first, so that a session may go on.
func (tx *Tx) Data(ctx context.Context, body io.Reader) (Receipt, error) {
	if tx.done {
		return Receipt{}, badSequence()
	}
	defer tx.Abort()
	if len(tx.rcpts) == 0 {
		return Receipt{}, noRecipients()
	}
	in := tx.in
	m := in.work.Get().(*incoming)
	defer m.release(in)
	r, done, err := tx.accept(ctx, m, &source{r: body})
	if err != nil {
		in.refused(ctx, refusal{c: tx.c, tx: tx, stage: "data", err: err, size: m.got})
		return Receipt{}, err
	}
	tx.counted(m.got)
	in.accepted(ctx, tx, done)
	tx.arrived(done.msg)
	for i, err := range r.PerRcpt {
		if err != nil {
			in.refused(ctx, refusal{c: tx.c, tx: tx, stage: "deliver", to: tx.rcpts[i].path, err: err, size: m.got})
		}
	}
	return r, nil
}

// accepted are the facts of a message that was taken, for the log and the events.
type accepted struct {
	msg       *mailbox.Message
	size      int64
	delivered []mailbox.Delivered
	timing    event.Timing
	failed    int // LMTP: recipients that were refused
}

// accept is the way of a message from the first byte to the commit.
func (tx *Tx) accept(ctx context.Context, m *incoming, body *source) (Receipt, accepted, error) {
	var done accepted
	w, err := tx.in.d.Blobs.Create(ctx)
	if err != nil {
		body.drain(tx.in.d.Settings.MaxMessage)
		return Receipt{}, done, answer(err, tx.id)
	}
	defer func() { _ = w.Close() }() // after the commit that links the body, or to drop it
	m.w, m.limit = w, tx.in.d.Settings.MaxMessage
	t := tx.trace()
	if err := tx.receive(m, &t, body); err != nil {
		return Receipt{}, done, tx.explain(body, err)
	}
	clock := stopwatch{now: tx.in.d.Now, last: tx.begun}
	done.timing.Receive = clock.lap()
	if err := tx.judge(ctx, m); err != nil {
		return Receipt{}, done, err
	}
	t.found = tx.found
	done.timing.Check = clock.lap()
	msg, err := m.store(&t, tx.note(t.now))
	if err != nil {
		return Receipt{}, done, answer(err, tx.id)
	}
	done.timing.Store = clock.lap()
	per, delivered, err := tx.deliver(ctx, msg)
	if err != nil {
		return Receipt{}, done, answer(err, tx.id)
	}
	done.timing.Deliver, done.size, done.delivered, done.msg = clock.lap(), msg.Size, delivered, msg
	done.failed = refusals(per)
	return Receipt{ID: tx.id, Delivered: len(delivered), PerRcpt: per}, done, nil
}

// stopwatch measures stages.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

func (s *stopwatch) lap() time.Duration {
	now := s.now()
	d := now.Sub(s.last)
	s.last = now
	return d
}

// trace gathers what the trace fields tell.
func (tx *Tx) trace() trace {
	t := trace{
		host: tx.in.d.Settings.Host, id: tx.id, client: tx.c, from: tx.from.String(),
		utf8: tx.params.UTF8, now: tx.in.d.Now().UTC(),
	}
	if !tx.from.Null {
		t.mailbox = tx.from.Mailbox.String()
	}
	if len(tx.rcpts) == 1 {
		t.to = tx.rcpts[0].path.String()
	}
	return t
}

// receive reads the whole message: what is to be stored goes to the parser and to the body store at once.
func (tx *Tx) receive(m *incoming, t *trace, body io.Reader) error {
	s := &tx.in.d.Settings
	section, rest, eof, err := m.readHeader(body, s.MaxHeader)
	if err != nil {
		return err
	}
	r := reader{names: tx.in.names, maxFields: s.MaxFields, submitted: tx.c.Known()}
	if err := r.read(&m.head, section); err != nil {
		return err
	}
	if err := m.head.refuse(s); err != nil {
		return err
	}
	tx.learn(&m.head)
	m.fields = m.fields[:0]
	if r.submitted {
		m.fields = t.complete(m.fields, &m.head)
	}
	if section == nil && len(rest) > 0 {
		m.fields = append(m.fields, "\r\n"...) // the message begins with its body
	}
	if err := m.pass(m.fields); err != nil {
		return err
	}
	for _, k := range m.head.kept {
		if err := m.pass(section[k.lo:k.hi]); err != nil {
			return err
		}
	}
	return m.take(body, rest, eof)
}

// learn keeps what the header section says that outlives it.
func (tx *Tx) learn(h *head) {
	tx.hops, tx.clearIsFine, tx.messageID = h.hops, h.clearIsFine, h.id
	if tx.c.Known() && !h.messageID {
		tx.messageID = tx.id + "@" + tx.in.d.Settings.Host // the one that complete adds
	}
}

// judge runs the checks of end of data.
func (tx *Tx) judge(ctx context.Context, m *incoming) error {
	return tx.check(ctx, &policy.Tx{Stage: policy.Data, Size: m.got, Header: m.head.section})
}

// store makes the body durable behind its trace fields.
func (m *incoming) store(t *trace, note mail.Note) (*mailbox.Message, error) {
	m.prefix = t.append(m.prefix[:0])
	parsed := m.parsed(m.prefix)
	size := int64(len(m.prefix)) + m.w.Size()
	blob, err := m.w.Commit(m.prefix, note.Append(nil))
	if err != nil {
		return nil, err
	}
	return &mailbox.Message{
		Blob: blob, Prefix: int64(len(m.prefix)), Size: size, Parsed: parsed, Received: t.now, Session: t.id,
	}, nil
}
