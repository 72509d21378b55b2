package remote

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// content sends the message and reads what becomes of it.
func (x *transaction) content(ctx context.Context) *trouble {
	if !x.piped && !x.f.bdat {
		reply, err := x.s.wire.ask(x.a.d.set.Timeouts.DataInit, "DATA")
		if err != nil {
			return x.lost(ctx, spool.StageData, err)
		}
		if reply.Code != 354 {
			return x.refuse(reply)
		}
	}
	x.s.wire.within(x.a.d.set.Timeouts.DataInit)
	if r, err := x.s.wire.inStep(); err != nil {
		return x.lost(ctx, spool.StageData, err)
	} else if r.Code != 0 {
		return x.refuse(r)
	}
	if err := x.send(ctx); err != nil {
		return x.unsent(ctx, err)
	}
	x.s.wire.within(x.a.d.set.Timeouts.DataEnd)
	reply, err := x.s.wire.reply()
	if err != nil {
		return x.unanswered(ctx, err)
	}
	x.s.open = x.f.bdat && reply.Code/100 != 2
	if reply.Code/100 != 2 {
		if x.mayShorten(reply) {
			return nil
		}
		return x.refuse(reply)
	}
	x.deliver(reply)
	return nil
}

// mayShorten tells whether a refusal is about lines over 998 octets (RFC 5321 §4.5.3.1.6), which most servers take:
// then the message is sent once more without them. Until a server wants that nothing is changed.
func (x *transaction) mayShorten(r smtp.Reply) bool {
	a := x.a
	if !a.e.HasLong || a.letter.binary || a.longLines != nil || r.Code/100 != 5 || !aboutLines(words(r.Lines)) {
		return false
	}
	a.longLines, x.taken = refused(spool.StageData, x.s.remote, r), nil
	return true
}

// aboutLines tells whether a server's words are about long lines: "maximum allowed line length is 998 octets".
func aboutLines(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "line") && (strings.Contains(text, "long") || strings.Contains(text, "length") || strings.Contains(text, "998"))
}

// send writes the message: in one chunk (RFC 3030), or after DATA.
func (x *transaction) send(ctx context.Context) error {
	block := buffers.Get().(*[writeBuffer]byte)
	defer buffers.Put(block)
	o := outlet{s: x.s, ctx: ctx, a: x.a, buf: block[:0], stuffed: !x.f.bdat, strict: x.a.letter.small == nil || x.f.converted}
	o.check.HeaderOnly = x.f.binary
	if x.f.bdat {
		o.buf = append(strconv.AppendInt(append(o.buf, "BDAT "...), x.f.size, 10), " LAST\r\n"...)
	}
	if err := x.f.write(&o); err != nil {
		return err
	}
	if o.wrote != x.f.size {
		return &storeError{errors.New("the message changed its size on the way")}
	}
	return o.finish()
}

// unsent is a message of which the server has not got the end: it can not have taken it.
func (x *transaction) unsent(ctx context.Context, err error) *trouble {
	x.s.broken = true
	var store *storeError
	var wait *notReady
	switch {
	case errors.As(err, &store):
		return x.a.unreadable(store.err)
	case errors.As(err, &wait):
		return ours(queue.Deferred, spool.StageLocal, "4.3.2", "stopped before the end of the message").because(wait.err)
	case errors.Is(err, smtp.ErrBareCR), errors.Is(err, smtp.ErrBareLF), errors.Is(err, smtp.ErrNUL):
		return illegal(err)
	}
	if t := x.early(); t != nil {
		return t
	}
	return broken(ctx, spool.StageData, x.s.remote, err)
}

// earlyIn is how long we wait for what a server said before it closed.
const earlyIn = time.Second

// early reads what a server said when it closed in the middle of the message.
func (x *transaction) early() *trouble {
	x.s.wire.within(earlyIn)
	reply, err := smtp.ReadReply(x.s.wire.in)
	if err != nil || reply.Code < 400 {
		return nil
	}
	return refused(spool.StageData, x.s.remote, reply)
}

// unanswered is a message that was sent whole and not answered for: the server may have taken it. No other host
// is tried, so that there are not two of it for sure.
func (x *transaction) unanswered(ctx context.Context, err error) *trouble {
	x.s.broken = true
	t := broken(ctx, spool.StageData, x.s.remote, err)
	t.answer.Enhanced, t.next = "4.4.2", false
	t.answer.Text += ", after the end of the message: it may have been taken, and may arrive twice"
	return t
}

// deliver settles those who are served.
func (x *transaction) deliver(r smtp.Reply) {
	a := x.a
	x.s.carried++
	answer := answerOf(spool.StageData, x.s.remote, r)
	answer.Time = a.d.now()
	if r.Enhanced == "" {
		answer.Enhanced = "2.0.0"
	}
	for _, place := range x.taken {
		o := &a.out[place]
		o.Kind, o.Answer, o.TLS, o.Passed = queue.Relayed, answer, x.s.tls, x.s.caps.duties()
		a.close(place)
	}
	a.relayed, a.direct = x.s.level, a.direct || x.s.key.mode == direct
	a.d.Metrics.sent(x.s.level, x.f.size)
}
