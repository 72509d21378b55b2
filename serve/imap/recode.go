package imap

import (
	"errors"
	"io"

	"barid/base/kv"
	"barid/rfc/mime"
)

// IMAP clients without BINARY can not be sent NUL (RFC 3501 §4.3.1), so a message that came with it is stored with
// the parts that hold it in base64, which RFC 3516 §4.4 allows: nothing is lost.

// errUnknownCTE: NUL where no transfer encoding can hide it.
var errUnknownCTE = no("UNKNOWN-CTE", "NUL can not be stored there")

// recode writes the message that w holds anew. It gives the writer of that and what is in it.
func (in *incoming) recode(w kv.BlobWriter, parsed *mime.Message) (kv.BlobWriter, *mime.Message, error) {
	id, err := w.Commit(nil, nil)
	if err != nil {
		return nil, nil, err
	}
	src, err := in.s.srv.Blobs.Open(in.ctx, id)
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	out, err := in.s.srv.Blobs.Create(in.ctx)
	if err != nil {
		return nil, nil, err
	}
	in.open = append(in.open, out)
	in.scan.Reset()
	if err := mime.Recode(io.MultiWriter(in.scan, out), src, parsed); errors.Is(err, mime.ErrNUL) {
		return nil, nil, errUnknownCTE
	} else if err != nil {
		return nil, nil, err
	}
	if parsed = in.scan.Finish(); parsed.HasNUL {
		return nil, nil, errUnknownCTE
	}
	return out, parsed, nil
}
