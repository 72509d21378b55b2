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
type outbound struct{ entries []*spool.Entry }

// outbound makes the entries of the recipients that are elsewhere, without those of recipients that also lead to
// a full mailbox: LMTP answers such a one with a refusal, so it comes again with all its addresses.
func (tx *Tx) outbound(ctx context.Context, msg *mailbox.Message, full map[mail.AccountID]bool) outbound {
	if tx.remote == 0 {
		return outbound{}
	}
	common := tx.spooled(msg)
	if tx.c.Login != 0 && tx.in.d.Locale != nil {
		common.Locale = tx.in.d.Locale(ctx, tx.c.Login)
	}
	by := map[string]*spool.Entry{}
	var out outbound
	seen := map[addr.Mailbox]bool{}
	for _, r := range tx.rcpts {
		if len(full) > 0 && leadsTo(r.route.Accounts, full) {
			continue
		}
		for _, to := range r.route.Remote {
			if seen[to] {
				continue
			}
			seen[to] = true
			e := by[to.Domain]
			if e == nil || len(e.Rcpts) == spool.MaxRcpts {
				e = &spool.Entry{Message: common, Destination: to.Domain, Next: common.NotBefore}
				by[to.Domain] = e
				out.entries = append(out.entries, e)
			}
			e.Rcpts = append(e.Rcpts, spoolRcpt(r, to))
		}
	}
	return out
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
	s := &tx.in.d.Settings
	m := spool.Message{
		ID: tx.id, Blob: msg.Blob, Size: msg.Size, From: tx.from, EnvID: tx.params.EnvID, Ret: tx.params.Ret,
		Body: tx.params.Body, UTF8: tx.params.UTF8,
		Account: tx.c.Login, Arrived: msg.Received, NotBefore: msg.Received, Expires: msg.Received.Add(s.Expire),
		Has8bit: msg.Parsed.Has8bit, Binary: tx.params.Body == smtp.BodyBinaryMIME, Hops: tx.hops,
	}
	m.HeaderLen = int64(len(msg.Parsed.Header))
	if msg.Parsed.Root != nil {
		m.HeaderLen = msg.Parsed.Root.BodyOff
	}
	m.HasUTF8Header = slices.ContainsFunc(msg.Parsed.Header, func(b byte) bool { return b > 127 })
	return m
}

// also gives the rows that the commit of the message writes in the spool: one write for each shard.
func (o outbound) also() []mailbox.Also {
	if len(o.entries) == 0 {
		return nil
	}
	by := slices.Clone(o.entries)
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
