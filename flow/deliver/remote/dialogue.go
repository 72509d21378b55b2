package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// speak gives the message to a server for all who are open, in as many transactions as the server wants. nil:
// nobody is open any more, or the session has carried enough.
func (a *attempt) speak(ctx context.Context, s *session) (t *trouble) {
	release := s.wire.use(ctx)
	defer func() {
		if !release() {
			s.broken = true
		}
	}()
	f, t := a.formFor(ctx, s)
	if t != nil {
		return t
	}
	for len(a.open) > 0 && !s.spent(&a.d.set) {
		if a.longLines != nil && !f.short {
			if f, t = a.formFor(ctx, s); t != nil {
				return t
			}
		}
		if t := a.transact(ctx, s, f); t != nil {
			return t
		}
	}
	return nil
}

// transaction is one MAIL with what follows it.
type transaction struct {
	a     *attempt
	s     *session
	f     *form
	from  string
	batch []int // places in a.out
	taken []int // whose RCPT was accepted
	piped bool  // commands are sent as one group (RFC 2920)
	timed bool  // the time for the group's recipients runs
}

// transact has one transaction. Recipients who got an answer of their own are settled; trouble is for all who
// are open still.
func (a *attempt) transact(ctx context.Context, s *session, f *form) *trouble {
	x := transaction{a: a, s: s, f: f, batch: a.batch(s), piped: s.caps.has(pipelining)}
	x.from, x.batch = a.reversePath(ctx, s, f, x.batch)
	begin := time.Now()
	t := x.envelope(ctx)
	a.timing.Dialogue += time.Since(begin)
	if t != nil || len(x.taken) == 0 {
		return t
	}
	begin = time.Now()
	t = x.content(ctx)
	a.timing.Data += time.Since(begin)
	return t
}

// batch gives the recipients of the next transaction: as many as we and the server want (RFC 9422 §5.2, §5.3).
func (a *attempt) batch(s *session) []int {
	n := min(a.d.set.MaxRcpts, len(a.open))
	for _, limit := range []int{s.caps.maxRcpts, s.rcpts, a.e.Batch} {
		if limit > 0 {
			n = min(n, limit)
		}
	}
	out := append([]int(nil), a.open[:n]...)
	if s.caps.maxRcptDomains == 0 {
		return out
	}
	domains := map[string]bool{}
	for i, place := range out {
		domains[a.rcpt(place).To.Domain] = true
		if len(domains) > s.caps.maxRcptDomains {
			return out[:i]
		}
	}
	return out
}

// rcpt gives the recipient of a place in out.
func (a *attempt) rcpt(place int) *spool.Rcpt { return &a.e.Rcpts[a.out[place].Rcpt] }

// envelope says MAIL and RCPT, and DATA with them where the server takes groups of commands.
func (x *transaction) envelope(ctx context.Context) *trouble {
	x.s.messages++
	if x.piped {
		if err := x.sayAll(); err != nil {
			return x.unsayable(err)
		}
	}
	if x.s.open {
		if t := x.hear(ctx, spool.StageMail, x.sayReset, x.onReset); t != nil {
			return t
		}
	}
	var refusal *trouble
	if t := x.hear(ctx, spool.StageMail, x.sayMail, func(r smtp.Reply) { refusal = x.onMail(r) }); t != nil {
		return t
	}
	if refusal != nil && !x.piped {
		return refusal
	}
	for _, place := range x.batch {
		say := func() error { return x.sayRcpt(place) }
		on := func(r smtp.Reply) {
			if refusal == nil {
				x.onRcpt(place, r)
			}
		}
		if t := x.hear(ctx, spool.StageRcpt, say, on); t != nil {
			return t
		}
	}
	if x.piped && !x.f.bdat {
		if t := x.closeGroup(ctx, refusal); t != nil {
			return t
		}
	}
	return refusal
}

// sayAll queues the whole group.
func (x *transaction) sayAll() error {
	if x.s.open {
		if err := x.sayReset(); err != nil {
			return err
		}
	}
	if err := x.sayMail(); err != nil {
		return err
	}
	for _, place := range x.batch {
		if err := x.sayRcpt(place); err != nil {
			return err
		}
	}
	if x.f.bdat {
		return nil
	}
	return x.s.wire.line("DATA")
}

func (x *transaction) sayReset() error { return x.s.wire.line("RSET") }
func (x *transaction) sayMail() error  { return x.s.wire.line("MAIL FROM:", x.from, x.f.mail) }

// sayRcpt queues RCPT with what the server can do for the sender's wish of reports.
func (x *transaction) sayRcpt(place int) error {
	r := x.a.rcpt(place)
	path := r.To.String()
	if twin, ok := x.f.twins[place]; ok {
		path = "<" + twin + ">"
	}
	notify, orcpt := "", ""
	if x.s.caps.has(dsn) {
		if r.Notify != 0 {
			notify = " NOTIFY=" + r.Notify.String()
		}
		if r.ORcpt != "" {
			orcpt = " ORCPT=" + wireORcpt(r.ORcpt)
		}
	}
	return x.s.wire.line("RCPT TO:", path, notify, orcpt)
}

// hear reads the reply to a command, which it says first where commands go one by one. A server that closes, or
// says that it will, ends the transaction.
func (x *transaction) hear(ctx context.Context, stage string, say func() error, on func(smtp.Reply)) *trouble {
	if !x.piped {
		if err := say(); err != nil {
			return x.unsayable(err)
		}
	}
	times := &x.a.d.set.Timeouts
	switch {
	case stage == spool.StageMail:
		x.s.wire.within(times.Mail)
	case !x.piped || !x.timed:
		x.s.wire.within(times.Rcpt)
		x.timed = true
	}
	reply, err := x.s.wire.reply()
	if err != nil {
		return x.lost(ctx, stage, err)
	}
	x.s.fresh = false
	if reply.Code == 421 {
		x.s.broken = true
		return x.orWorn(stage, refused(stage, x.s.remote, reply))
	}
	if c := reply.Code / 100; c != 2 && c != 4 && c != 5 { // who knows what it answers next
		x.s.broken = true
	}
	on(reply)
	return nil
}

// lost is a connection that broke before the message was said.
func (x *transaction) lost(ctx context.Context, stage string, err error) *trouble {
	x.s.broken = true
	t := broken(ctx, stage, x.s.remote, err)
	t.stale = x.s.reused && x.s.fresh && isGone(err) && ctx.Err() == nil
	return t
}

// isGone tells whether an error means that the other side is no more there.
func isGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// unsayable is an envelope that can not be put on a line. Nothing of the group was sent.
func (x *transaction) unsayable(err error) *trouble {
	x.s.broken = true
	return ours(queue.Failed, spool.StageLocal, "5.1.3", "an address of the envelope holds what no command may hold").because(err)
}

func (x *transaction) onReset(r smtp.Reply) { x.s.open = false }

// onMail notes whether a transaction is open.
func (x *transaction) onMail(r smtp.Reply) *trouble {
	if r.Code/100 == 2 {
		x.s.open = true
		return nil
	}
	return x.orWorn(spool.StageMail, refused(spool.StageMail, x.s.remote, r))
}

// orWorn takes a temporary refusal of MAIL over a connection that has carried messages for the end of what the server
// takes over one ("421 too many messages in this connection"): a new one may do, at once. If it is about more than the
// connection, the new one is told so with its first message.
func (x *transaction) orWorn(stage string, t *trouble) *trouble {
	if stage == spool.StageMail && t.kind == queue.Deferred && x.s.carried > 0 {
		x.s.broken = true
		t.stale, t.busy = true, false
	}
	return t
}

// onRcpt takes the answer for one recipient.
func (x *transaction) onRcpt(place int, r smtp.Reply) {
	switch {
	case r.Code/100 == 2:
		x.taken = append(x.taken, place)
	case x.isTooMany(r): // the rest go in the next transaction (RFC 5321 §4.5.3.1.10)
		x.s.rcpts = len(x.taken)
	default:
		x.a.settle([]int{place}, refused(spool.StageRcpt, x.s.remote, r))
		x.a.close(place)
	}
}

func (x *transaction) isTooMany(r smtp.Reply) bool {
	return (r.Code == 452 || r.Code == 552) && (r.Enhanced == "" || r.Enhanced == "4.5.3" || r.Enhanced == "5.5.3") && len(x.taken) > 0
}

// closeGroup reads the answer to the DATA that ended a group. A server that wants the message though nobody is
// to have it gets none: a dot alone (RFC 2920 §3.1).
func (x *transaction) closeGroup(ctx context.Context, refusal *trouble) *trouble {
	x.s.wire.within(x.a.d.set.Timeouts.DataInit)
	reply, err := x.s.wire.reply()
	switch {
	case err != nil:
		return x.lost(ctx, spool.StageData, err)
	case reply.Code == 354 && (refusal != nil || len(x.taken) == 0):
		x.s.open = false
		if reply, err = x.s.wire.ask(x.a.d.set.Timeouts.DataEnd, "."); err != nil {
			return x.lost(ctx, spool.StageData, err)
		}
		if reply.Code/100 == 2 { // an empty message went to nobody, or so we must hope
			x.a.d.Log.Warn("a server took an empty message for nobody", "remote", x.s.remote, "tx", x.a.e.ID)
		}
	case reply.Code == 354:
	case reply.Code == 421:
		x.s.broken = true
		return refused(spool.StageData, x.s.remote, reply)
	case len(x.taken) > 0:
		return x.refuse(reply)
	}
	return nil
}

// refuse gives the taken recipients a refusal of the message. One about the server leaves them open for the next.
func (x *transaction) refuse(r smtp.Reply) *trouble {
	t := refused(spool.StageData, x.s.remote, r)
	if t.next || r.Code == 421 {
		x.s.broken = x.s.broken || r.Code == 421
		return t
	}
	x.settleTaken(t)
	return nil
}

func (x *transaction) settleTaken(t *trouble) {
	x.a.settle(x.taken, t)
	for _, place := range x.taken {
		x.a.close(place)
	}
	x.taken = nil
}
