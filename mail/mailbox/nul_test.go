package mailbox

import (
	"io"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

// TestNULIsKeptInBase64: mailboxes get parts with NUL encoded; the rest of the message, its trace fields and what others are
// sent stay as they came.
func TestNULIsKeptInBase64(t *testing.T) {
	w := newWorld(t, Options{})
	const trace = "Received: from here\r\n"
	const raw = trace + "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b"
	b, err := w.mem.Create(ctx)
	must(t, err)
	defer b.Close()
	_, err = io.WriteString(b, raw)
	must(t, err)
	id, err := b.Commit(nil, nil)
	must(t, err)
	m := &Message{Blob: id, Prefix: int64(len(trace)), Size: int64(len(raw)), Parsed: mime.Scan([]byte(raw), mime.DefaultLimits())}
	_, err = w.Deliver(ctx, m, []Destination{{Account: 1}, {Account: 2}})
	must(t, err)
	for _, account := range []mail.AccountID{1, 2} {
		box := w.open(account, Inbox)
		e := box.View().At(box.View().Len() - 1)
		must(t, box.Cold(ctx, box.View(), UIDSet{{e.UID, e.UID}}, func(_ int, _ Entry, c *Cold) error {
			got := w.bytes(c.Blob)
			want := trace + "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n"
			if got != want || c.Size != int64(len(want)) || c.Prefix != int64(len(trace)) || int64(e.Size) != c.Size || mime.BinaryHasNUL(c.Tree) {
				t.Errorf("account %d: %q, size %d, prefix %d", account, got, c.Size, c.Prefix)
			}
			return nil
		}))
		w.check(account)
	}
	if got := w.bytes(id); got != raw {
		t.Errorf("the received bytes are %q", got)
	}
}

// bytes gives a body.
func (w *world) bytes(id kv.BlobID) string {
	w.t.Helper()
	r, err := w.mem.Open(ctx, id)
	must(w.t, err)
	defer r.Close()
	var b strings.Builder
	_, err = io.Copy(&b, io.NewSectionReader(r, 0, r.Size()))
	must(w.t, err)
	return b.String()
}
