package intake

import (
	"context"
	"strconv"
	"time"

	"barid/mail/spool"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

// wishes are what a sender asked of the delivery, as far as it is granted.
type wishes struct {
	release  time.Time // nothing is delivered before (RFC 4865); zero: at once
	by       time.Time // RFC 2852; zero: whenever
	priority int8      // RFC 6710
}

// wish grants what MAIL asks for, or tells why not. A priority that somebody may not have is not a reason to
// refuse: it is lowered, and the answer to MAIL says so (RFC 6710 §4.1).
func (tx *Tx) wish(ctx context.Context) error {
	p := &tx.params
	if p.HoldFor == 0 && p.HoldUntil.IsZero() && p.By.Mode == 0 && p.Priority == 0 {
		return nil
	}
	if tx.in.d.Queue == nil {
		return cannotQueue()
	}
	tx.wishes.priority = min(p.Priority, tx.in.mayHave(ctx, tx))
	if err := tx.hold(); err != nil || p.By.Mode == 0 {
		return err
	}
	tx.wishes.by = tx.begun.Add(p.By.In)
	if p.By.Mode == smtp.ByReturn && tx.wishes.release.After(tx.wishes.by) {
		return heldTooLong("BY: that time is over before the message may be sent")
	}
	return nil
}

// hold finds the time before which nothing is delivered.
func (tx *Tx) hold() error {
	p, longest := &tx.params, tx.in.d.Settings.MaxHold
	switch {
	case p.HoldFor > 0:
		tx.wishes.release = tx.begun.Add(p.HoldFor)
	case p.HoldUntil.IsZero():
		return nil
	case !p.HoldUntil.After(tx.begun):
		return heldTooLong("HOLDUNTIL: that time is over, here it is " + tx.begun.UTC().Format(time.RFC3339))
	default:
		tx.wishes.release = p.HoldUntil
	}
	if tx.wishes.release.After(tx.begun.Add(longest)) {
		return heldTooLong("messages are held for " + strconv.FormatInt(int64(longest/time.Second), 10) + " seconds at most")
	}
	return nil
}

// mayHave is the highest priority that the sender of tx may ask for. The field MT-Priority of the message means
// nothing to us: everybody can write it.
func (in *Intake) mayHave(ctx context.Context, tx *Tx) int8 {
	if !tx.c.Known() {
		return 0
	}
	if in.d.MaxPriority != nil {
		return in.d.MaxPriority(ctx, tx.c)
	}
	return in.d.Settings.MaxPriority
}

// Priority is the one that the message has. It is less than what was asked for if the sender may not have that.
func (tx *Tx) Priority() int8 { return tx.wishes.priority }

// held tells whether the message is to be delivered later.
func (tx *Tx) held() bool { return !tx.wishes.release.IsZero() }

// grant notes the wishes in what the queue's entries share. The time that a message is held does not count
// against the time it is tried for.
func (tx *Tx) grant(m *spool.Message) {
	m.Priority, m.RequireTLS = tx.wishes.priority, tx.params.RequireTLS
	m.TLSOptional = tx.clearIsFine && !m.RequireTLS // RFC 8689 §5: REQUIRETLS wins
	m.NotBefore, m.Release = tx.wishes.release, tx.asked()
	from := m.Arrived
	if tx.held() {
		from = tx.wishes.release
	}
	m.Expires = from.Add(tx.in.d.Settings.Expire)
	if p := &tx.params.By; p.Mode != 0 {
		m.DeliverBy, m.ByMode, m.ByTrace = tx.wishes.by, p.Mode, p.Trace
	}
}

// asked gives the FUTURERELEASE parameter as reports repeat it (RFC 4865 §5).
func (tx *Tx) asked() string {
	switch p := &tx.params; {
	case p.HoldFor > 0:
		return "for;" + strconv.FormatInt(int64(p.HoldFor/time.Second), 10)
	case !p.HoldUntil.IsZero():
		return "until;" + p.HoldUntil.UTC().Format(time.RFC3339)
	}
	return ""
}

// heldTooLong refuses times that can not be kept (RFC 4865 §4).
func heldTooLong(text string) error {
	return status.Perm(5, 4, text).WithReply(501).Because("hold-time")
}

func cannotQueue() error {
	return status.Perm(5, 4, "this server does not carry mail on, so it can not do that").WithReply(555).Because("no-queue")
}
