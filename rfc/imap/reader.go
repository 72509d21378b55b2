package imap

import (
	"bufio"
	"bytes"
	"io"
)

// Reader cuts a stream into commands. It is for one goroutine.
type Reader struct {
	// Knows reports whether there is a command of that name, in upper case. Of one that is not known no literal is
	// asked for (RFC 3501 §7.5). nil: all are.
	Knows func(name string) bool

	br     *bufio.Reader
	narrow *bufio.Reader // what br reads from since Widen; nil: nothing
	limits Limits
	more   func() error // answers "+ " to a synchronising literal and flushes
	buf    []byte       // the command being read; kept between commands when small
	body   *Literal     // a message not read to its end yet
	inside string       // tag of the command that goes on behind a message, "" at the start of a command
}

const (
	keepBuffer = 4 << 10 // bytes of command buffer kept between commands
	maxTag     = 128     // bytes of a tag
	tailBytes  = 32      // enough to hold "{18446744073709551615+}" CRLF
)

// Command is one command line. Args is valid until the next call of Next.
type Command struct {
	Tag  string
	Name string   // upper-case; "UID FETCH" is Name UID
	Args []byte   // what follows Name and its space, literals in place as they came, without the last CRLF
	Body *Literal // of APPEND and REPLACE: the message that follows Args; what is behind it comes by Literal.End
}

// NewReader reads commands from br. more is called before a synchronising literal is read.
func NewReader(br *bufio.Reader, limits Limits, more func() error) *Reader {
	return &Reader{br: br, limits: limits, more: more}
}

// SetLimits changes the limits from the next command on.
func (r *Reader) SetLimits(l Limits) { r.limits = l }

// Limits are those in force.
func (r *Reader) Limits() *Limits { return &r.limits }

// Buffered is how many bytes have come that no command has used yet.
func (r *Reader) Buffered() int { return r.br.Buffered() }

// Reset drops everything that came so far and goes on with br: RFC 3501 §6.2.1, what came in the clear
// behind STARTTLS must not be taken as said under TLS.
func (r *Reader) Reset(br *bufio.Reader) {
	r.br, r.narrow, r.buf, r.body, r.inside = br, nil, nil, nil, ""
}

// Widen reads through the larger buffer of wide from now on: many messages come with a call for each buffer then, not with
// some for each of them.
func (r *Reader) Widen(wide *bufio.Reader) {
	wide.Reset(r.br)
	if r.br.Buffered() > 0 {
		_, _ = wide.Peek(1) // takes all of it, so that Buffered tells what there is
	}
	r.narrow, r.br = r.br, wide
}

// IsWide reports whether Widen was called, and Narrow did not undo it yet.
func (r *Reader) IsWide() bool { return r.narrow != nil }

// Narrow undoes Widen and gives the larger buffer back; nil if there is something in it still.
func (r *Reader) Narrow() *bufio.Reader {
	if r.narrow == nil || r.br.Buffered() > 0 {
		return nil
	}
	wide := r.br
	r.br, r.narrow = r.narrow, nil
	return wide
}

// Through makes what comes from now on pass f, which is given all that no command has used yet: COMPRESS of RFC 4978.
func (r *Reader) Through(f func(*bufio.Reader) *bufio.Reader) { r.br, r.narrow = f(r.br), nil }

// Next reads the next command. See the package comment for its errors.
func (r *Reader) Next() (Command, error) {
	if r.body != nil {
		return Command{}, &FatalError{Why: "message literal was not read"}
	}
	if cap(r.buf) > keepBuffer {
		r.buf = nil
	}
	r.buf, r.inside = r.buf[:0], ""
	b, err := r.stretch()
	if err != nil {
		return Command{}, err
	}
	c, err := r.split(b)
	if r.body == nil {
		return c, err
	}
	if err != nil {
		r.body = nil
		return c, &FatalError{Tag: c.Tag, Why: err.Error()}
	}
	r.inside = c.Tag
	c.Body = r.body
	return c, nil
}

// stretch reads on to the end of the command or to the next message, which is body then, and gives what it read.
func (r *Reader) stretch() ([]byte, error) {
	for {
		if err := r.line(); err != nil {
			return nil, err
		}
		n, sync, ok := trailingLiteral(r.buf)
		if !ok {
			return r.buf[:len(r.buf)-2], nil
		}
		if max := r.limits.UnaskedBytes; !sync && max > 0 && n > uint64(max) {
			return nil, r.refuseUnasked(n)
		}
		if open := bytes.LastIndexByte(r.buf, '{'); r.isMessage(open) {
			return r.message(open, n, sync)
		}
		if sync && !r.known() {
			return nil, &SyntaxError{Tag: r.tag(), Why: "unknown command"}
		}
		if err := r.literal(n, sync); err != nil {
			return nil, err
		}
	}
}

// known reports whether there is a command such as the one being read.
func (r *Reader) known() bool {
	if r.Knows == nil || r.inside != "" {
		return true
	}
	c, err := r.split(r.buf[:len(r.buf)-2])
	return err != nil || r.Knows(c.Name)
}

// Line reads one line outside of a command, e.g. a SASL response or DONE, of at most Limits.CommandBytes,
// and gives it without its CRLF; valid until the next call.
func (r *Reader) Line() ([]byte, error) {
	r.buf, r.inside = r.buf[:0], ""
	if err := r.line(); err != nil {
		return nil, err
	}
	return r.buf[:len(r.buf)-2], nil
}

// line appends one line with its CRLF to buf. A line that does not fit is dropped to its end.
func (r *Reader) line() error {
	for start := len(r.buf); ; {
		part, err := r.br.ReadSlice('\n')
		if len(r.buf)+len(part) > r.limits.CommandBytes {
			return r.overlong(part, err)
		}
		r.buf = append(r.buf, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return eof(err, len(r.buf) > 0)
		}
		return r.check(start)
	}
}

func eof(err error, inside bool) error {
	if err == io.EOF && inside {
		return io.ErrUnexpectedEOF
	}
	return err
}

// check refuses a line that does not end in CRLF or holds NUL.
func (r *Reader) check(start int) error {
	n := len(r.buf)
	switch {
	case n < 2 || r.buf[n-2] != '\r':
		return &SyntaxError{Tag: r.tag(), Why: "a line ends with CRLF"}
	case bytes.IndexByte(r.buf[start:], 0) >= 0:
		return r.skip(r.tag(), "NUL is not allowed", r.buf[len(r.buf)-min(len(r.buf), tailBytes):], nil)
	}
	return nil
}

// overlong drops the rest of a command that is over the limit, following literals that come unasked.
func (r *Reader) overlong(part []byte, err error) error {
	tag := r.tag()
	if tag == "" {
		tag = tagOf(part)
	}
	return r.skip(tag, "command is too long", part, err)
}

// skip drops the rest of a command, of which part came last and err with it.
func (r *Reader) skip(tag, why string, part []byte, err error) error {
	var tail []byte
	for left := r.limits.SkipBytes; ; {
		left -= int64(len(part))
		if left < 0 {
			return &FatalError{Tag: tag, Why: "command is far too long"}
		}
		tail = keepTail(tail, part)
		if err == nil {
			n, sync, ok := trailingLiteral(tail)
			if !ok || sync {
				return &SyntaxError{Tag: tag, Why: why}
			}
			if n > uint64(left) {
				return &FatalError{Tag: tag, Why: "literal is too long"}
			}
			left -= int64(n)
			if _, err := r.br.Discard(int(n)); err != nil {
				return eof(err, true)
			}
			tail = tail[:0]
		} else if err != bufio.ErrBufferFull {
			return eof(err, true)
		}
		part, err = r.br.ReadSlice('\n')
	}
}

func keepTail(tail, part []byte) []byte {
	tail = append(tail, part...)
	if n := len(tail); n > tailBytes {
		tail = append(tail[:0], tail[n-tailBytes:]...)
	}
	return tail
}

// split cuts tag and name off.
func (r *Reader) split(b []byte) (Command, error) {
	tag := r.tag()
	if tag == "" {
		return Command{}, &SyntaxError{Why: "a command begins with a tag"}
	}
	rest := b[len(tag)+1:]
	name, args, _ := bytes.Cut(rest, []byte{' '})
	if len(name) == 0 || len(name) > 32 {
		return Command{}, &SyntaxError{Tag: tag, Why: "a command name follows the tag"}
	}
	return Command{Tag: tag, Name: upper(name), Args: args}, nil
}

// tag gives the tag of the command being read, or "".
func (r *Reader) tag() string {
	if r.inside != "" {
		return r.inside
	}
	return tagOf(r.buf)
}

func tagOf(b []byte) string {
	for i, c := range b {
		switch {
		case c == ' ' && i > 0:
			return string(b[:i])
		case i >= maxTag, c == '+', !isAStringChar(c):
			return ""
		}
	}
	return ""
}

// NextName gives the name of the command whose first line has come already, in upper case, "" if there is
// none: "UID FETCH" is UID here, too. Nothing is taken from the stream.
func (r *Reader) NextName() string {
	b, _ := r.br.Peek(r.br.Buffered())
	end := bytes.IndexByte(b, '\n')
	if end < 0 || r.body != nil {
		return ""
	}
	_, rest, _ := bytes.Cut(bytes.TrimRight(b[:end], "\r"), []byte{' '})
	name, _, _ := bytes.Cut(rest, []byte{' '})
	if len(name) > 32 {
		return ""
	}
	return upper(name)
}

// Wait blocks until the client sent something. Next meets an error again, for what it reads from must not forget one.
func (r *Reader) Wait() error {
	_, err := r.br.Peek(1)
	return err
}

// Whole reports whether a command without literals, or a line, has come whole: to take it needs no waiting.
func (r *Reader) Whole() bool {
	b, _ := r.br.Peek(r.br.Buffered())
	end := bytes.IndexByte(b, '\n')
	return end >= 0 && (end < 2 || b[end-2] != '}')
}

// Detach gives up the buffers between two commands, while nothing is in them, and returns the one that was read from. Reset
// must be called before anything else is.
func (r *Reader) Detach() *bufio.Reader {
	r.Narrow()
	br := r.br
	r.br, r.buf = nil, nil
	return br
}

// IsDetached reports whether Detach was called, and Reset was not yet.
func (r *Reader) IsDetached() bool { return r.br == nil }

// Pending reports whether a whole line has come already, so that answers may wait to be sent with its.
func (r *Reader) Pending() bool {
	b, _ := r.br.Peek(r.br.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}
