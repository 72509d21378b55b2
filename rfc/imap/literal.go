package imap

import "io"

// Literal is APPEND's message: Accept it, Read it and End it, or Refuse it, before the next command.
type Literal struct {
	Size int64 // bytes announced
	left int64
	sync bool // the client waits for Accept
	r    *Reader
}

// Read reads message bytes; io.EOF after Size of them, io.ErrUnexpectedEOF if the connection ends first.
func (l *Literal) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.br.Read(p)
	l.left -= int64(n)
	if err == io.EOF && l.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
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

// Refuse drops the message: a client that waits is never asked for it.
func (l *Literal) Refuse() error {
	if l.sync {
		l.r.body = nil
		return nil
	}
	_, err := l.End()
	if _, ok := err.(*SyntaxError); ok {
		return nil
	}
	return err
}

// End reads the rest of the message and the rest of the command's line, and gives that.
func (l *Literal) End() ([]byte, error) {
	for l.left > 0 {
		n, err := l.r.br.Discard(int(min(l.left, 1<<30)))
		l.left -= int64(n)
		if err != nil {
			return nil, eof(err, true)
		}
	}
	l.r.body = nil
	return l.r.Line()
}
