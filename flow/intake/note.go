package intake

import (
	"time"

	"barid/mail"
)

// note is what is kept beside the body, so that it can be given back to its owners when all rows are lost.
func (tx *Tx) note(now time.Time) mail.Note {
	n := mail.Note{Received: now, ID: tx.id}
	for _, r := range tx.rcpts {
		n.Accounts = append(n.Accounts, r.route.Accounts...)
		if len(n.Accounts) >= mail.MaxNoteAccounts {
			break
		}
	}
	return n
}
