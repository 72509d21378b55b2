package mail

import (
	"encoding/binary"
	"errors"
	"time"
)

// Note is what is kept beside the bytes of a body, so that salvage can tell whose it was when all rows are
// lost. The zero value is: nobody's.
type Note struct {
	Accounts []AccountID // the first MaxNoteAccounts owners
	Mailbox  string      // UTF-8 name it was put into; "" INBOX; cut at 255 bytes
	ID       string      // of the transaction that brought it, "" for APPEND; cut at 255 bytes
	Received time.Time   // to the second
}

// MaxNoteAccounts keeps a note within what a store takes.
const MaxNoteAccounts = 64

// errNote is a note that can not be read.
var errNote = errors.New("mail: not a note")

// Append adds the encoded note to b: format byte 1, seconds, mailbox, id, accounts.
func (n Note) Append(b []byte) []byte {
	b = append(b, 1)
	b = binary.AppendVarint(b, n.Received.Unix())
	for _, s := range []string{n.Mailbox, n.ID} {
		s = s[:min(len(s), 255)]
		b = append(append(b, byte(len(s))), s...)
	}
	for _, a := range n.Accounts[:min(len(n.Accounts), MaxNoteAccounts)] {
		b = binary.AppendUvarint(b, uint64(a))
	}
	return b
}

// DecodeNote reads what Append wrote.
func DecodeNote(b []byte) (Note, error) {
	var n Note
	if len(b) < 3 || b[0] != 1 {
		return n, errNote
	}
	sec, k := binary.Varint(b[1:])
	if k <= 0 {
		return n, errNote
	}
	n.Received, b = time.Unix(sec, 0).UTC(), b[1+k:]
	for _, s := range []*string{&n.Mailbox, &n.ID} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return n, errNote
		}
		*s, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	for len(b) > 0 {
		a, k := binary.Uvarint(b)
		if k <= 0 || len(n.Accounts) == MaxNoteAccounts {
			return n, errNote
		}
		n.Accounts, b = append(n.Accounts, AccountID(a)), b[k:]
	}
	return n, nil
}
