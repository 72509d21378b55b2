package intake

import (
	"barid/flow/report"
	"barid/mail/mailbox"
	"barid/rfc/addr"
)

// arrived hands on what may be a report about a message of ours: everything with the null reverse-path
// (RFC 3464 §2). It is read behind the answer, and changes nothing of what was accepted.
func (tx *Tx) arrived(msg *mailbox.Message) {
	if tx.in.d.Reports == nil || !tx.from.Null || tx.accounts == 0 {
		return
	}
	to := make([]addr.Mailbox, len(tx.rcpts))
	for i, r := range tx.rcpts {
		to[i] = r.path.Mailbox
	}
	tx.in.d.Reports.Arrived(report.Arrival{ID: tx.id, To: to, Blob: msg.Blob, Parsed: msg.Parsed})
}
