package local

import (
	"errors"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// errChanged is an entry that an operator changed while it was being delivered. Nothing of it is done then.
var errChanged = errors.New("deliver/local: the entry was changed meanwhile")

// also is what the commit writes beside the mailboxes: entries for members of aliases, and the note of what is
// settled by it. Each partition is named once.
func (v *visit) also(es []*spool.Entry) []mailbox.Also {
	also := []mailbox.Also{{Part: v.e.Shard.Part(), Do: v.note}}
	for _, e := range es {
		also = with(also, spool.ShardOf(e.Destination, e.Route).Part(), func(t kv.Txn) error { return spool.Enqueue(t, e) })
	}
	return also
}

// with adds a write; two of one partition become one.
func with(also []mailbox.Also, p kv.Part, do func(kv.Txn) error) []mailbox.Also {
	for i := range also {
		if also[i].Part != p {
			continue
		}
		first := also[i].Do
		also[i].Do = func(t kv.Txn) error {
			if err := first(t); err != nil {
				return err
			}
			return do(t)
		}
		return also
	}
	return append(also, mailbox.Also{Part: p, Do: do})
}

// note settles the recipients in the queue's entry. The queue works its shards alone, so the lease that is there is
// its own; what it notes itself afterwards finds these recipients settled.
func (v *visit) note(t kv.Txn) error {
	e, err := spool.Load(t, v.e.Shard, v.e.ID)
	if err != nil {
		return err
	}
	m, err := spool.ReadMeta(t)
	if err != nil {
		return err
	}
	for i := range v.here {
		r := &v.here[i]
		if e == nil || r.index >= len(e.Rcpts) || e.Rcpts[r.index].State != spool.Waiting {
			return errChanged
		}
		state := spool.Delivered
		if r.several() {
			state = spool.Expanded
		}
		e.Finish(r.index, state, v.taken(r), 0)
	}
	return spool.Update(t, m.Lease, e)
}

// forwards are the entries for members of aliases who are elsewhere. They have the alias as their original
// recipient (RFC 3461 §4.2); of an alias of several the sender hears that it became several, not that each
// member was reached.
func (v *visit) forwards() []*spool.Entry {
	by := map[string]*spool.Entry{}
	seen := map[addr.Mailbox]bool{}
	var es []*spool.Entry
	for i := range v.here {
		for _, to := range v.here[i].target.Forward {
			if seen[to] {
				continue
			}
			seen[to] = true
			e := by[to.Domain]
			if e == nil || len(e.Rcpts) == spool.MaxRcpts {
				e = &spool.Entry{Message: v.e.Message, Destination: to.Domain, Next: v.now}
				if v.q.d.Route != nil {
					e.Route = v.q.d.Route(v.e.From, to.Domain)
				}
				by[to.Domain] = e
				es = append(es, e)
			}
			e.Rcpts = append(e.Rcpts, v.member(&v.here[i], to))
		}
	}
	return es
}

func (v *visit) member(r *recipient, to addr.Mailbox) spool.Rcpt {
	alias := &v.e.Rcpts[r.index]
	m := spool.Rcpt{To: addr.Path{Mailbox: to}, ORcpt: alias.ORcpt, Notify: alias.Notify}
	if m.ORcpt == "" {
		m.ORcpt = "rfc822;" + alias.To.Mailbox.String()
	}
	if r.several() && m.Notify&smtp.NotifySuccess != 0 {
		if m.Notify &^= smtp.NotifySuccess; m.Notify == 0 {
			m.Notify = smtp.NotifyNever
		}
	}
	return m
}
