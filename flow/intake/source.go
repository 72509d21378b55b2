package intake

import (
	"errors"
	"io"
)

// source remembers the error that the reader of the body gave.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// drain reads on to the end of the body, at most limit bytes, so that the session stays in step.
func (s *source) drain(limit int64) {
	if s.err == nil {
		_, _ = io.CopyN(io.Discard, s, limit)
	}
}

// explain tells errors of the body's reader, which are given back as they are, from refusals and from errors
// of ours, before which the rest of the body is read.
func (tx *Tx) explain(body *source, err error) error {
	if body.err != nil && body.err != io.EOF && errors.Is(err, body.err) {
		return body.err
	}
	body.drain(tx.in.d.Settings.MaxMessage)
	return answer(err, tx.id)
}
