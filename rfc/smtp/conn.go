package smtp

import (
	"errors"
	"io"
)

// ErrInjection is a command that holds CR, LF or NUL: it would be more than one command.
var ErrInjection = errors.New("smtp: CR, LF or NUL in a command")

// ErrLeftover is a server that said more than was asked before TLS began (RFC 3207 §6).
var ErrLeftover = errors.New("smtp: unexpected reply in clear before TLS")

// clientBuffer is the size of the buffers of a Conn in octets.
const clientBuffer = 16 << 10

// A Conn is the client's side of a dialogue. It keeps no state of the protocol; deadlines are the
// business of the connection below. Commands are written when a reply is awaited, so several Sends
// before the first ReadReply are one pipelined group (RFC 2920). After any error it is of no more use.
type Conn struct {
	// Trace, when set, sees each line as it is sent ('C') or received ('S'), without CRLF. Lines of the
	// message itself are not shown. The slice is valid during the call.
	Trace func(side byte, line []byte)

	rw  io.ReadWriter
	r   *Reader
	out []byte
}

// NewConn speaks over rw.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{rw: rw, r: NewReader(rw, make([]byte, clientBuffer)), out: make([]byte, 0, clientBuffer)}
}

// Reset goes on over another connection, usually TLS over the old one. A server that already sent
// something that would be taken for an answer inside TLS is ErrLeftover.
func (c *Conn) Reset(rw io.ReadWriter) error {
	if c.r.Buffered() > 0 {
		return ErrLeftover
	}
	c.rw, c.r = rw, NewReader(rw, c.r.buf)
	return nil
}

// Send queues one command line, given without CRLF.
func (c *Conn) Send(line string) error {
	if err := checkLine([]byte(line)); err != nil {
		return ErrInjection
	}
	if c.Trace != nil {
		c.Trace('C', []byte(line))
	}
	return c.write(append([]byte(line), '\r', '\n'))
}

// write queues octets and sends them when the buffer is full.
func (c *Conn) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), cap(c.out)-len(c.out))
		c.out = append(c.out, p[:n]...)
		p = p[n:]
		if len(c.out) == cap(c.out) {
			if err := c.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush sends what is queued.
func (c *Conn) Flush() error {
	_, err := c.rw.Write(c.out)
	c.out = c.out[:0]
	return err
}

// ReadReply sends what is queued and reads the next reply; the first one is the greeting.
func (c *Conn) ReadReply() (Reply, error) {
	if len(c.out) > 0 {
		if err := c.Flush(); err != nil {
			return Reply{}, err
		}
	}
	reply, err := ReadReply(c.r)
	if c.Trace != nil && reply.Code != 0 {
		b := reply.Append(nil)
		for i, line := 0, 0; i+1 < len(b); i++ {
			if b[i] == '\r' {
				c.Trace('S', b[line:i])
				line = i + 2
			}
		}
	}
	return reply, err
}

// Cmd sends one command and reads its reply.
func (c *Conn) Cmd(line string) (Reply, error) {
	if err := c.Send(line); err != nil {
		return Reply{}, err
	}
	return c.ReadReply()
}

// Data queues a message after a 354, dot-stuffed, with the CRLF it may lack and the final dot; it
// returns the octets read. ErrBareCR, ErrBareLF or ErrNUL: the message must not go out, and the caller
// has to break the connection, because the server waits for the rest.
func (c *Conn) Data(message io.Reader) (int64, error) {
	var (
		check Checker
		size  int64
		bol   = true
		buf   = make([]byte, clientBuffer)
	)
	for {
		n, err := message.Read(buf)
		size += int64(n)
		if bad := check.Check(buf[:n]); bad != nil {
			return size, bad
		}
		if werr := c.stuff(buf[:n], &bol); werr != nil {
			return size, werr
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return size, err
		}
	}
	if err := check.End(); err != nil {
		return size, err
	}
	end := ".\r\n"
	if !bol {
		end = "\r\n.\r\n"
	}
	return size, c.write([]byte(end))
}

// stuff doubles the dots at the beginning of lines (RFC 5321 §4.5.2).
func (c *Conn) stuff(p []byte, bol *bool) error {
	start := 0
	for i, b := range p {
		if b == '.' && *bol {
			if err := c.write(p[start:i]); err != nil {
				return err
			}
			if err := c.write([]byte{'.'}); err != nil {
				return err
			}
			start = i
		}
		*bol = b == '\n'
	}
	return c.write(p[start:])
}
