package intake

import (
	"encoding/json"
	"strconv"
	"time"

	"barid/mail"
)

// Note is what is kept beside a body so that it can be given back to its owners when all rows are lost
// (storage.md, salvage).
type Note struct {
	Received int64            `json:"t"`           // Unix seconds
	ID       string           `json:"id"`          // of the transaction
	Accounts []mail.AccountID `json:"a,omitempty"` // whose message it is, the first maxNoted
}

// maxNoted is how many accounts a note names; a note has at most 1 KiB (kv.BlobWriter).
const maxNoted = 40

// ParseNote reads a note; ok is false if the bytes are none of intake's.
func ParseNote(b []byte) (n Note, ok bool) {
	err := json.Unmarshal(b, &n)
	return n, err == nil && n.ID != ""
}

// appendNote adds the note of a transaction to b, as JSON that a person can read in a damaged segment too.
func (tx *Tx) appendNote(b []byte, now time.Time) []byte {
	b = append(b, `{"t":`...)
	b = strconv.AppendInt(b, now.Unix(), 10)
	b = append(b, `,"id":`...)
	b = strconv.AppendQuote(b, tx.id)
	b = append(b, `,"a":[`...)
	n := 0
	for _, r := range tx.rcpts {
		for _, id := range r.route.Accounts {
			if n == maxNoted {
				break
			}
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(id), 10)
		}
	}
	return append(b, "]}"...)
}
