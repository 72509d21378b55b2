package imap

import "bytes"

// NextIs reports whether a command called name has come already, with all that belongs to it, so that Next
// gives it without waiting. The name is in upper case; that of a UID command is two words: "UID STORE". Nothing is
// taken from the stream. A command with a literal is never seen whole, and one that Next refuses is not seen at all.
func (r *Reader) NextIs(name string) bool {
	b, _ := r.br.Peek(r.br.Buffered())
	end := bytes.IndexByte(b, '\n')
	if end < 1 || b[end-1] != '\r' || r.body != nil {
		return false
	}
	line := b[:end-1]
	if _, _, literal := trailingLiteral(b[:end+1]); literal || tagOf(line) == "" || bytes.IndexByte(line, 0) >= 0 {
		return false
	}
	_, rest, _ := bytes.Cut(line, []byte{' '})
	return len(rest) > len(name) && rest[len(name)] == ' ' && bytes.EqualFold(rest[:len(name)], []byte(name))
}
