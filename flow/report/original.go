package report

import (
	"context"
	"errors"
	"io"

	"barid/base/kv"
	"barid/mail/spool"
	"barid/rfc/dsn"
	"barid/rfc/header"
)

// maxHeaderRead is how much of an original's header section is read for its subject, bytes.
const maxHeaderRead = 64 << 10

// original is the stored message that a report is about.
type original struct {
	body   kv.BlobReader
	header []byte
}

// facts are what a report repeats of an original.
type facts struct {
	subject   string // decoded, safe, cut
	messageID string // without <>
}

// open opens the original of e. One that is damaged or gone is nil without an error: its sender must be told
// all the same.
func (r *Reporter) open(ctx context.Context, e *spool.Entry) (*original, error) {
	b, err := r.d.Blobs.Open(ctx, e.Blob)
	if err == nil {
		o := &original{body: b}
		if err = o.readHeader(e.HeaderLen); err == nil {
			return o, nil
		}
		_ = b.Close()
	}
	if errors.Is(err, kv.ErrCorrupt) || errors.Is(err, kv.ErrNotFound) {
		r.d.Log.ErrorContext(ctx, "original of a report can not be read", "id", e.Message.ID, "error", err)
		return nil, nil
	}
	return nil, err
}

func (o *original) readHeader(length int64) error {
	if length <= 0 || length > maxHeaderRead {
		length = maxHeaderRead
	}
	b := make([]byte, min(length, o.body.Size()))
	n, err := o.body.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	o.header = b[:n]
	return nil
}

func (o *original) close() {
	if o != nil {
		_ = o.body.Close()
	}
}

// facts reads the header section; o may be nil.
func (o *original) facts() facts {
	if o == nil {
		return facts{}
	}
	h := o.header[:header.BodyOffset(o.header)]
	f := facts{subject: dsn.Clean(header.DecodeWords(header.Get(h, "Subject")), maxSubject)}
	if id, ok := header.First(h, "Message-ID"); ok {
		if ids := header.MessageIDs(id.Value, 1); len(ids) > 0 {
			f.messageID = dsn.Clean(ids[0], maxSubject)
		}
	}
	return f
}
