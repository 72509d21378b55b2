package intake

import (
	"slices"

	"barid/flow/report"
	"barid/mail/mailbox"
	"barid/rfc/addr"
)

// arrived hands on what may be a report about a message of ours: everything with the null reverse-path
// (RFC 3464 §2), and everything for a reverse-path that we gave out. It is read behind the answer, and changes
// nothing of what was accepted.
func (tx *Tx) arrived(msg *mailbox.Message) {
	bounced := slices.ContainsFunc(tx.rcpts, func(r rcpt) bool { return r.route.Bounce })
	if tx.in.d.Reports == nil || !tx.from.Null && !bounced || tx.accounts == 0 {
		return
	}
	to := make([]addr.Mailbox, len(tx.rcpts))
	for i, r := range tx.rcpts {
		to[i] = r.path.Mailbox
	}
	tx.in.d.Reports.Arrived(report.Arrival{ID: tx.id, From: tx.from, To: to, Blob: msg.Blob, Parsed: msg.Parsed})
}
