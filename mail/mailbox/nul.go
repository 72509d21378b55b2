package mailbox

import (
	"context"
	"errors"
	"io"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
)

// withoutNUL gives m with the parts that hold NUL, as BINARYMIME brings them, in base64: whoever reads by IMAP must be shown
// them so, with a structure that says so (RFC 3516 §6), and sizes are those of what is shown. It gives m itself where no
// encoding can hide the NUL. The caller closes the writer, which may be nil, after the commit.
func (s *Store) withoutNUL(ctx context.Context, m *Message, to []Destination) (*Message, kv.BlobWriter, error) {
	src, err := s.blobs.Open(ctx, m.Blob)
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	w, err := s.blobs.Create(ctx)
	if err != nil {
		return nil, nil, err
	}
	scan := mime.NewScanner(mime.DefaultLimits())
	err = mime.Recode(io.MultiWriter(scan, w), src, m.Parsed)
	parsed := scan.Finish()
	if errors.Is(err, mime.ErrNUL) || err == nil && (parsed.HasNUL || w.Size() > MaxMessageBytes) {
		return m, w, nil
	}
	if err != nil {
		return nil, w, err
	}
	out := *m
	out.Parsed, out.Size = parsed, w.Size()
	out.Blob, err = w.Commit(nil, noteOf(m, to).Append(nil))
	return &out, w, err
}

// noteOf is what salvage needs to know of a delivery.
func noteOf(m *Message, to []Destination) mail.Note {
	n := mail.Note{ID: m.Session, Received: m.Received}
	for _, d := range to {
		n.Accounts = append(n.Accounts, d.Account)
	}
	return n
}
