package pop3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"barid/base/kv"
	"barid/rfc/pop3"
)

// verbRetr sends a message (RFC 1939 §5).
func verbRetr(ctx context.Context, s *session, args []string) error {
	if len(args) != 1 {
		return errArguments
	}
	i, err := s.message(args[0])
	if err != nil {
		return err
	}
	if err := s.send(ctx, i, nil); err != nil {
		return err
	}
	s.drop.fetched.set(i)
	return nil
}

// send sends a message, or as much of it as cut wants. Its first piece is read before +OK, so that a body which
// can not be read is an -ERR and nothing worse.
func (s *session) send(ctx context.Context, i int, cut *pop3.Top) error {
	e := s.drop.at(i)
	body, err := s.drop.box.Body(ctx, e)
	if err != nil {
		return err
	}
	defer body.Close()
	buf := s.srv.buffers.Get().(*[bufferBytes]byte)
	defer s.srv.buffers.Put(buf)
	piece, err := readPiece(body, buf[:], 0)
	if err != nil {
		return err
	}
	s.out.text("+OK ")
	if cut == nil {
		s.out.number(e.Size)
		s.out.text(" " + s.said("octets") + "\r\n")
	} else {
		s.out.text(s.said("top of message follows") + "\r\n")
	}
	if err := s.pour(ctx, body, buf[:], piece, cut); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil
}

// pour sends piece and what follows it.
func (s *session) pour(ctx context.Context, body kv.BlobReader, buf, piece []byte, cut *pop3.Top) error {
	var stuffer pop3.Stuffer
	var off int64
	for done := false; len(piece) > 0 && !done; {
		off += int64(len(piece))
		if cut != nil {
			var n int
			n, done = cut.Take(piece)
			piece = piece[:n]
		}
		if err := stuffer.Stuff(piece, s.out.piece); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if done || off == body.Size() {
			break
		}
		var err error
		if piece, err = readPiece(body, buf, off); err != nil {
			return err
		}
	}
	return s.out.piece(stuffer.End())
}

// readPiece reads as much as fits, and less only at the end.
func readPiece(body kv.BlobReader, buf []byte, off int64) ([]byte, error) {
	want := min(int64(len(buf)), body.Size()-off)
	n, err := body.ReadAt(buf[:want], off)
	if int64(n) == want || errors.Is(err, io.EOF) && off+int64(n) == body.Size() {
		return buf[:n], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}
