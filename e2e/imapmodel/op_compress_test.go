package imapmodel

import (
	"bytes"
	"compress/flate"
	"io"
)

// compress is COMPRESS (RFC 4978): what comes behind the tagged OK, in either direction, is one DEFLATE stream.
func (h *history) compress(s *session) {
	word := "DEFLATE"
	if h.r.IntN(8) == 0 {
		word = "GZIP"
	}
	c, packed := &command{text: "COMPRESS " + word}, s.packed
	c.check = func(r *reply) {
		switch {
		case word == "GZIP" && r.ok(), word == "DEFLATE" && packed && r.tagged.code != "COMPRESSIONACTIVE", word == "DEFLATE" && packed == r.ok():
			s.fail("%q was answered %q, compressed: %v", c.text, r.tagged.raw, packed)
		}
	}
	c.ended = func(r *reply) {
		if c.still = r.ok(); c.still {
			s.pack()
		}
	}
	h.run(s, c)
}

// pack makes the client compress. What it read too far is compressed already.
func (s *session) pack() {
	rest := bytes.Clone(s.buf[s.at:])
	s.buf, s.at = nil, 0
	s.in = flate.NewReader(io.MultiReader(bytes.NewReader(rest), s.conn))
	out, err := flate.NewWriter(s.conn, []int{1, 6, 9, flate.HuffmanOnly, flate.NoCompression}[s.h.r.IntN(5)])
	check(err)
	s.out, s.packed = &flushed{out, s.h.r.IntN(3)}, true
}

// flushed flushes each write, which comes in pieces.
type flushed struct {
	*flate.Writer
	cuts int
}

func (f *flushed) Write(p []byte) (int, error) {
	for k := range f.cuts {
		if at := len(p) / (k + 2); at > 0 {
			_, _ = f.Writer.Write(p[:at])
			if err := f.Flush(); err != nil {
				return 0, err
			}
			p = p[at:]
		}
	}
	_, _ = f.Writer.Write(p)
	return len(p), f.Flush()
}

// unauthenticate is UNAUTHENTICATE (RFC 8437), and another login on the same connection, maybe of the other account.
func (h *history) unauthenticate(s *session) {
	packed := s.packed
	c := &command{text: "UNAUTHENTICATE", silent: true, still: packed}
	c.apply = func(*reply) {
		if !packed {
			s.begin()
		}
	}
	c.check = func(r *reply) {
		switch {
		case packed && r.tagged.word != "BAD", !packed && (!r.ok() || r.tagged.code != "CAPABILITY"):
			s.fail("%q was answered %q, compressed: %v", c.text, r.tagged.raw, packed)
		}
	}
	h.run(s, c)
	if packed {
		return
	}
	if h.r.IntN(2) == 0 { // nothing of the one before is left
		for _, text := range []string{"SELECT INBOX", "STATUS INBOX (MESSAGES)", "FETCH 1 FLAGS", "UID STORE 1:* FLAGS (\\Seen)", "NOOP"} {
			c := &command{text: text}
			c.check = func(r *reply) {
				if len(r.lines) > 0 || r.ok() != (text == "NOOP") {
					s.fail("%q before a login was answered %q and %d lines", text, r.tagged.raw, len(r.lines))
				}
			}
			h.run(s, c)
		}
	}
	if h.guests && h.r.IntN(2) == 0 {
		s.account = 1 - s.account
		s.caches = make(map[*box]*cache)
	}
	h.logIn(s)
}
