package remote

import (
	"context"
	"errors"
	"io"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/mime"
)

// conversion is what a message must be made into for a server that takes less than the sender used.
type conversion struct {
	header   bool // the header section without UTF-8 (RFC 6532), for a server without SMTPUTF8
	sevenBit bool // no octets over 127 at all, for a server without 8BITMIME (RFC 6152 §3)
	lines    bool // no lines over 998 octets in bodies, which servers may refuse (RFC 5321 §4.5.3.1.6)
}

// wide tells whether headers and what stands between parts may stay as they are.
func (c conversion) wide() bool { return !c.header && !c.sevenBit }

// cannot is a message that can not be converted.
type cannot struct {
	enhanced string // the code behind "5."
	why      string
}

func (e *cannot) Error() string { return e.why }

// converter writes a message in another form. Leaf parts that need it are encoded again in quoted-printable or
// base64, their headers and those around them say so; what needs no change stays as it is, octet for octet.
// A DKIM signature does not outlive this; RFC 6376 §5.3 tells signers to send what needs no conversion.
type converter struct {
	src  io.ReaderAt
	want conversion
	msg  *mime.Message // nil when only the root's header is converted
	twin func(addr.Mailbox) (string, bool)

	w     io.Writer
	broke bool // a long line was broken
	buf   [copyBlock]byte
}

const (
	copyBlock   = 16 << 10 // octets read at once
	maxHeader   = 1 << 20  // octets of a header section that is converted
	maxListed   = 10_000   // addresses of a field
	maxFieldPar = 1000     // parameters of a field
)

// conversions keeps what was found out for each kind of conversion in one attempt.
type conversions map[conversion]*converted

type converted struct {
	c    *converter
	size int64
	err  error
}

// converted gives the form of a conversion, or why there is none. It is done twice: once for the size and to
// see whether it can be done, before the server hears of the message, and once on the way out.
func (a *attempt) converted(ctx context.Context, s *session, f *form, want conversion) (body string, t *trouble) {
	done := a.conversions[want]
	if done == nil {
		done = a.convert(ctx, want)
		if a.conversions == nil {
			a.conversions = conversions{}
		}
		a.conversions[want] = done
	}
	var no *cannot
	switch {
	case errors.As(done.err, &no):
		return "", ours(queue.Failed, spool.StageMail, "5."+no.enhanced, "the message can not be made fit for this server: "+no.why).
			from(s.remote).orNext()
	case done.err != nil:
		return "", a.unreadable(done.err)
	}
	f.converted, f.size, f.write = true, done.size, done.c.run
	if !want.sevenBit && a.e.Has8bit && s.caps.has(eightBit) {
		body = "8BITMIME"
	}
	return body, nil
}

func (a *attempt) convert(ctx context.Context, want conversion) *converted {
	c := &converter{src: a.letter.section(), want: want, twin: func(m addr.Mailbox) (string, bool) { return a.d.twin(ctx, m) }}
	scanner := mime.NewScanner(mime.DefaultLimits())
	if err := a.letter.writeTo(scanner); err != nil {
		return &converted{err: err}
	}
	c.msg = scanner.Finish()
	var n counter
	err := c.run(&n)
	return &converted{c: c, size: int64(n), err: err}
}

// counter counts octets.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// run writes the converted message to w.
func (c *converter) run(w io.Writer) error {
	c.w, c.broke = w, false
	root := c.msg.Root
	if c.want.wide() && isSigned(c.msg.Header) {
		return &cannot{"6.3", "it is signed"}
	}
	if !c.want.sevenBit && !c.want.lines {
		if err := c.header(root, "", true); err != nil {
			return err
		}
		return c.copy(root.BodyOff, c.msg.Size)
	}
	if c.msg.Truncated {
		return &cannot{"6.3", "its structure is too big to be looked through"}
	}
	if err := c.part(root, true); err != nil {
		return err
	}
	if c.want.lines && !c.broke {
		return &cannot{"6.3", "its long lines can not be broken"}
	}
	return c.gap(root.End, c.msg.Size)
}

// part writes one part and those in it.
func (c *converter) part(p *mime.Part, root bool) error {
	switch {
	case p.IsMultipart() && p.Subtype == "SIGNED":
		return c.signed(p, root)
	case p.IsMultipart(), p.IsMessage() && p.Subtype == "RFC822":
		return c.container(p, root)
	}
	return c.leaf(p, root)
}

// container writes the header, the parts, and what stands between them.
func (c *converter) container(p *mime.Part, root bool) error {
	if err := c.header(p, c.relabelled(p.Encoding), root); err != nil {
		return err
	}
	at := p.BodyOff
	for _, child := range p.Children {
		if err := c.gap(at, child.HeaderOff); err != nil {
			return err
		}
		if err := c.part(child, false); err != nil {
			return err
		}
		at = child.End
	}
	return c.gap(at, p.End)
}

// relabelled is the encoding of a part whose content turned out, or was made, seven bits wide; "" leaves it.
func (c *converter) relabelled(encoding string) string {
	if !c.want.sevenBit {
		return ""
	}
	if encoding == "8BIT" || encoding == "BINARY" {
		return "7bit"
	}
	return ""
}

// signed writes a multipart/signed, in which nothing may be changed (RFC 1847 §2.1).
func (c *converter) signed(p *mime.Part, root bool) error {
	st, err := c.look(p.BodyOff, p.End)
	if err != nil {
		return err
	}
	if c.want.sevenBit && st.dirty() {
		return &cannot{"6.3", "it is signed, and what is signed is not made of seven-bit text"}
	}
	if err := c.header(p, c.relabelled(p.Encoding), root); err != nil {
		return err
	}
	return c.copy(p.BodyOff, p.End)
}

// leaf writes a part that has no others in it.
func (c *converter) leaf(p *mime.Part, root bool) error {
	st, err := c.look(p.BodyOff, p.End)
	if err != nil {
		return err
	}
	if !(c.want.sevenBit && st.dirty() || c.want.lines && st.long && p.Type != "MESSAGE") {
		if err := c.header(p, c.relabelled(p.Encoding), root); err != nil {
			return err
		}
		return c.copy(p.BodyOff, p.End)
	}
	c.broke = c.broke || st.long
	encoding, err := encodingFor(p, st)
	if err != nil {
		return err
	}
	if err := c.header(p, encoding, root); err != nil {
		return err
	}
	return c.encode(p, encoding, root)
}

// encodingFor chooses how a leaf is encoded: text that people may want to read in quoted-printable.
func encodingFor(p *mime.Part, st stats) (string, error) {
	if p.Type == "MESSAGE" && (p.Subtype == "PARTIAL" || p.Subtype == "EXTERNAL-BODY") {
		return "", &cannot{"6.3", "it holds a part that must not be encoded (RFC 2046 §5.2)"}
	}
	switch p.Encoding {
	case "7BIT", "8BIT", "BINARY":
		if p.Type == "TEXT" && !st.binary && st.high*6 < st.total {
			return "quoted-printable", nil
		}
	case "BASE64", "QUOTED-PRINTABLE": // with octets that can not be in it: it is read as well as it can be
	default:
		return "", &cannot{"6.3", "it holds a part in an unknown encoding"}
	}
	return "base64", nil
}

// stats are what a stretch of octets is made of.
type stats struct {
	total, high int64
	binary      bool // bare CR, bare LF or NUL
	long        bool // a line over 998 octets
}

func (s *stats) dirty() bool { return s.high > 0 || s.binary }

// look reads a stretch.
func (c *converter) look(off, end int64) (stats, error) {
	var s stats
	cr, line := false, 0
	err := c.each(off, end, func(p []byte) error {
		s.total += int64(len(p))
		for _, b := range p {
			if line++; b == '\n' {
				line = 0
			} else if line > mime.MaxLine-2 && b != '\r' {
				s.long = true
			}
			if b >= 0x80 {
				s.high++
			}
			if b == 0 || cr != (b == '\n') { // CR without LF behind it, LF without CR before it
				s.binary = true
			}
			cr = b == '\r'
		}
		return nil
	})
	s.binary = s.binary || cr
	return s, err
}

// each reads a stretch in blocks.
func (c *converter) each(off, end int64, f func(p []byte) error) error {
	for off < end {
		p := c.buf[:min(int64(len(c.buf)), end-off)]
		if err := readFull(c.src, p, off); err != nil {
			return &storeError{err}
		}
		if err := f(p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

// copy writes a stretch as it is.
func (c *converter) copy(off, end int64) error {
	return c.each(off, end, func(p []byte) error {
		_, err := c.w.Write(p)
		return err
	})
}
