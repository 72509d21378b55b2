package imap

import "io"

// Literal is a message, or a part of one, in an APPEND or REPLACE: Accept it, take all that Next gives and End it, or Refuse it,
// before the next command.
type Literal struct {
	Size   int64 // bytes announced
	Binary bool  // a literal8, which may hold NUL (RFC 3516 §4.4)
	left   int64
	sync   bool // the client waits for Accept
	r      *Reader
}

// Next gives the message bytes that have come, at least one, or waits for some; valid until anything else is read. io.EOF
// after Size of them, io.ErrUnexpectedEOF if the connection ends first.
func (l *Literal) Next() ([]byte, error) {
	if l.left == 0 {
		return nil, io.EOF
	}
	br := l.r.br
	if _, err := br.Peek(1); err != nil {
		return nil, eof(err, true)
	}
	b, err := br.Peek(int(min(int64(br.Buffered()), l.left)))
	if err != nil {
		return nil, err
	}
	l.left -= int64(len(b))
	_, err = br.Discard(len(b))
	return b, err
}

// Left is how many bytes were not read yet.
func (l *Literal) Left() int64 { return l.left }

// Accept asks for the bytes if the client waits to be asked.
func (l *Literal) Accept() error {
	if !l.sync {
		return nil
	}
	l.sync = false
	return l.r.more()
}

// Refuse drops the message and what follows it in the command: a client that waits is never asked for it.
func (l *Literal) Refuse() error {
	for !l.sync {
		_, next, err := l.End()
		switch err := err.(type) {
		case *SyntaxError:
			return nil
		case *TooBigError:
			if err.Skipped {
				return nil
			}
			return err
		}
		if err != nil || next == nil {
			return err
		}
		l = next
	}
	l.r.body = nil
	return nil
}

// End reads the rest of the message, and the command on to its end or to its next message. It gives what it read
// of the command, valid until the next read, and that message.
func (l *Literal) End() (rest []byte, next *Literal, err error) {
	for l.left > 0 {
		n, err := l.r.br.Discard(int(min(l.left, 1<<30)))
		l.left -= int64(n)
		if err != nil {
			return nil, nil, eof(err, true)
		}
	}
	l.r.body, l.r.buf = nil, l.r.buf[:0]
	rest, err = l.r.stretch()
	return rest, l.r.body, err
}
