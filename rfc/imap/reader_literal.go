package imap

import (
	"bufio"
	"bytes"
	"io"
)

// literal takes a literal of a command into buf.
func (r *Reader) literal(n uint64, sync bool) error {
	if n > uint64(r.limits.CommandBytes-len(r.buf)) {
		return r.refuse(n, sync)
	}
	if sync {
		if err := r.more(); err != nil {
			return err
		}
	}
	at := len(r.buf)
	r.buf = append(r.buf, make([]byte, n)...)
	if _, err := io.ReadFull(r.br, r.buf[at:]); err != nil {
		return eof(err, true)
	}
	return nil
}

// refuse answers a literal that is over the limit: before the client sends it if it waits for us.
func (r *Reader) refuse(n uint64, sync bool) error {
	tag := r.tag()
	switch {
	case sync && r.limits.MessageBytes > 0:
		return &SyntaxError{Tag: tag, Why: "literal is too long"}
	case sync, n > uint64(r.limits.SkipBytes):
		return &FatalError{Tag: tag, Why: "literal is too long"}
	}
	if _, err := r.br.Discard(int(n)); err != nil {
		return eof(err, true)
	}
	return r.skip(tag, "literal is too long", nil, bufio.ErrBufferFull)
}

// refuseUnasked answers a literal that should have waited to be asked for; if it is a message, with TOOBIG (RFC 7888 §5).
func (r *Reader) refuseUnasked(n uint64) error {
	code := ""
	if r.isMessage(bytes.LastIndexByte(r.buf, '{')) {
		code = "TOOBIG"
	}
	err := r.refuse(n, false)
	switch err := err.(type) {
	case *SyntaxError:
		err.Code = code
	case *FatalError:
		err.Code = code
	}
	return err
}

// isMessage reports whether the literal that is opened at open, where buf ends, is a message or a part of one:
// in APPEND (RFC 3502, RFC 4469) and REPLACE (RFC 8508) all are but the mailbox name and URLs.
func (r *Reader) isMessage(open int) bool {
	if r.inside == "" {
		name := r.nameAt()
		if r.limits.MessageBytes == 0 || name < 0 || open == name {
			return false
		}
	}
	const url = "URL "
	b := r.buf[:open]
	if n := len(b) - len(url); n > 0 && equalFold(b[n:], url) {
		return b[n-1] != ' ' && b[n-1] != '('
	}
	return true
}

// nameAt is where the mailbox name of an APPEND or REPLACE stands in buf; -1 in every other command.
func (r *Reader) nameAt() int {
	at := len(r.tag()) + 1
	if at == 1 {
		return -1
	}
	at += skipFold(r.buf[at:], "UID ")
	if n := skipFold(r.buf[at:], "APPEND "); n > 0 {
		return at + n
	}
	n := skipFold(r.buf[at:], "REPLACE ")
	space := bytes.IndexByte(r.buf[at+n:], ' ')
	if n == 0 || space < 0 {
		return -1
	}
	return at + n + space + 1
}

// skipFold is the length of prefix if b begins with it, else 0.
func skipFold(b []byte, prefix string) int {
	if len(b) < len(prefix) || !equalFold(b[:len(prefix)], prefix) {
		return 0
	}
	return len(prefix)
}

// message notes that a message of n bytes is next in the stream, and gives what came before it.
func (r *Reader) message(open int, n uint64, sync bool) ([]byte, error) {
	if n > uint64(r.limits.MessageBytes) {
		return nil, r.tooBig(n, sync)
	}
	binary := open > 0 && r.buf[open-1] == '~'
	if binary {
		open--
	}
	r.body = &Literal{Size: int64(n), Binary: binary, left: int64(n), sync: sync, r: r}
	return r.buf[:open], nil
}

func (r *Reader) tooBig(n uint64, sync bool) error {
	e := &TooBigError{Tag: r.tag(), Size: n, Max: r.limits.MessageBytes, Skipped: sync}
	if !sync && n <= uint64(r.limits.SkipBytes) {
		if _, err := r.br.Discard(int(n)); err != nil {
			return eof(err, true)
		}
		err := r.skip(e.Tag, "", nil, bufio.ErrBufferFull)
		if _, read := err.(*SyntaxError); !read {
			return err
		}
		e.Skipped = true
	}
	return e
}

// trailingLiteral reads "{n}" or "{n+}" before the CRLF that b ends in. A number that does not fit is a
// literal of the largest size, so that it is refused.
func trailingLiteral(b []byte) (n uint64, sync, ok bool) {
	end := len(b) - 3
	if end < 1 || b[end] != '}' || b[end+1] != '\r' {
		return 0, false, false
	}
	sync = true
	if b[end-1] == '+' {
		sync = false
		end--
	}
	at := end
	for at > 0 && b[at-1] >= '0' && b[at-1] <= '9' {
		at--
	}
	if at == end || at == 0 || b[at-1] != '{' {
		return 0, false, false
	}
	for _, c := range b[at:end] {
		if n > (1<<63)/10 {
			return 1 << 63, sync, true
		}
		n = n*10 + uint64(c-'0')
	}
	return n, sync, true
}
