package intake

import (
	"cmp"
	"context"
	"slices"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// outbound are the spool's entries of one message: one for each destination.
type outbound struct {
	common  spool.Message
	entries []*spool.Entry
	by      map[string]*spool.Entry // the last one for a destination
	seen    map[addr.Mailbox]bool
}

// outbound makes the entries of the recipients that are elsewhere, of those who get the message later, and of those
// whose delivery is to be reported; without those of recipients that also lead to a full mailbox: LMTP answers
// such a one with a refusal, so it comes again with all its addresses.
func (tx *Tx) outbound(ctx context.Context, msg *mailbox.Message, full map[mail.AccountID]bool) outbound {
	if tx.remote == 0 && !tx.held() && !tx.tellsOfSuccess() {
		return outbound{}
	}
	out := outbound{common: tx.spooled(msg), by: map[string]*spool.Entry{}, seen: map[addr.Mailbox]bool{}}
	if tx.c.Login != 0 && tx.in.d.Locale != nil {
		out.common.Locale = tx.in.d.Locale(ctx, tx.c.Login)
	}
	out.common.VERP = tx.c.Login != 0 && !tx.from.Null && tx.in.d.VERP != nil && tx.in.d.VERP(ctx, tx.c)
	for _, r := range tx.rcpts {
		switch {
		case len(full) > 0 && leadsTo(r.route.Accounts, full):
		case tx.held() && len(r.route.Accounts) > 0:
			out.add(tx.homeOf(r), "", tx.home(r)) // an alias is expanded when its time has come
		default:
			tx.spread(&out, r)
		}
	}
	for _, e := range out.entries {
		e.Several = len(out.entries) > 1
	}
	return out
}

// spread adds what of a recipient is not settled by the delivery into mailboxes.
func (tx *Tx) spread(out *outbound, r rcpt) {
	several := r.route.Alias && len(r.route.Accounts)+len(r.route.Remote) > 1
	success := tx.tellsOf(r)
	for _, to := range r.route.Remote {
		s := spoolRcpt(r, to)
		if several && success { // the sender hears that it became several, not what becomes of each
			s.Notify = withoutSuccess(s.Notify)
		}
		out.add(to.Domain, tx.in.routeTo(tx.from, to.Domain), s)
	}
	if !success || len(r.route.Accounts) == 0 && !several {
		return
	}
	s := tx.home(r)
	s.Last = spool.Answer{Time: out.common.Arrived, Code: 250, Enhanced: "2.1.5", Text: "delivered", Stage: spool.StageLocal}
	if s.State = spool.Delivered; several {
		s.State, s.Last.Text = spool.Expanded, "delivered to an alias of several"
	}
	out.add(tx.homeOf(r), "", s)
}

func (in *Intake) routeTo(from addr.Path, domain string) string {
	if in.d.Route == nil {
		return ""
	}
	return in.d.Route(from, domain)
}

// add puts a recipient into the entry for its destination. The same address is taken once.
func (out *outbound) add(destination, route string, r spool.Rcpt) {
	if out.seen[r.To.Mailbox] {
		return
	}
	out.seen[r.To.Mailbox] = true
	e := out.by[destination]
	if e == nil || len(e.Rcpts) == spool.MaxRcpts {
		e = &spool.Entry{Message: out.common, Destination: destination, Route: route, Next: out.common.Arrived}
		if !e.NotBefore.IsZero() {
			e.Next = e.NotBefore
		}
		out.by[destination] = e
		out.entries = append(out.entries, e)
	}
	e.Rcpts = append(e.Rcpts, r)
}

// tellsOfSuccess tells whether somebody is to hear that something was delivered here.
func (tx *Tx) tellsOfSuccess() bool { return slices.ContainsFunc(tx.rcpts, tx.tellsOf) }

// tellsOf tells it for one recipient: the sender asked for it (RFC 3461 §4.1), is one we know, and there is a
// queue to report.
func (tx *Tx) tellsOf(r rcpt) bool {
	return r.params.Notify&smtp.NotifySuccess != 0 && tx.c.Known() && !tx.from.Null && tx.in.d.Queue != nil
}

// withoutSuccess takes SUCCESS out of a NOTIFY. If nothing is left of it, nothing is to be told.
func withoutSuccess(n smtp.Notify) smtp.Notify {
	if n &^= smtp.NotifySuccess; n == 0 {
		return smtp.NotifyNever
	}
	return n
}

// home is a recipient of ours in the spool, under the address the sender wrote. The postmaster at our own address
// is the bare one.
func (tx *Tx) home(r rcpt) spool.Rcpt {
	m := r.path.Mailbox
	if _, literal := m.Literal(); literal {
		m = addr.Mailbox{Local: m.Local}
	}
	return spool.Rcpt{To: addr.Path{Mailbox: m}, ORcpt: r.params.ORcpt, Notify: r.params.Notify}
}

// homeOf is the destination of a recipient of ours.
func (tx *Tx) homeOf(r rcpt) string {
	if _, literal := r.path.Literal(); literal || r.path.Domain == "" {
		return tx.in.names[0]
	}
	return r.path.Domain
}

// spoolRcpt is one recipient elsewhere. A member of an alias has the alias as its original recipient, so that a
// report names what the sender wrote (RFC 3461 §4.2).
func spoolRcpt(r rcpt, to addr.Mailbox) spool.Rcpt {
	s := spool.Rcpt{To: addr.Path{Mailbox: to}, ORcpt: r.params.ORcpt, Notify: r.params.Notify}
	if s.ORcpt == "" && r.route.Alias {
		s.ORcpt = "rfc822;" + r.path.Mailbox.String()
	}
	return s
}

// spooled is what all entries of the transaction share.
func (tx *Tx) spooled(msg *mailbox.Message) spool.Message {
	m := spool.Message{
		ID: tx.id, Blob: msg.Blob, Size: msg.Size, From: tx.from, EnvID: tx.params.EnvID, Ret: tx.params.Ret,
		Body: tx.params.Body, UTF8: tx.params.UTF8, Account: tx.c.Login, Local: tx.c.Role == mail.RoleLocal, Arrived: msg.Received,
		Has8bit: msg.Parsed.Has8bit, HasLong: msg.Parsed.HasLong, Binary: tx.params.Body == smtp.BodyBinaryMIME, Hops: tx.hops,
	}
	tx.grant(&m)
	m.HeaderLen = int64(len(msg.Parsed.Header))
	if msg.Parsed.Root != nil {
		m.HeaderLen = msg.Parsed.Root.BodyOff
	}
	m.HasUTF8Header = slices.ContainsFunc(msg.Parsed.Header, func(b byte) bool { return b > 127 })
	return m
}

// also gives the rows that the commit of the message writes in the spool: one write for each shard.
func (out outbound) also() []mailbox.Also {
	if len(out.entries) == 0 {
		return nil
	}
	by := slices.Clone(out.entries)
	shard := func(e *spool.Entry) spool.Shard { return spool.ShardOf(e.Destination, e.Route) }
	slices.SortStableFunc(by, func(a, b *spool.Entry) int { return cmp.Compare(shard(a), shard(b)) })
	var also []mailbox.Also
	for lo := 0; lo < len(by); {
		hi := lo + 1
		for hi < len(by) && shard(by[hi]) == shard(by[lo]) {
			hi++
		}
		group := by[lo:hi]
		also = append(also, mailbox.Also{Part: shard(by[lo]).Part(), Do: func(t kv.Txn) error { return spool.EnqueueAll(t, group...) }})
		lo = hi
	}
	return also
}
