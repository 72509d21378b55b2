package imap

// EnvelopeKeys is what is looked up in an ENVELOPE for ordering and threading messages. The slices lie in
// the envelope or, where backslashes were taken out, beside it; nil is NIL.
type EnvelopeKeys struct {
	Date, Subject, InReplyTo, MessageID []byte
	From, To, Cc                        FirstAddress
}

// FirstAddress is the first address of a list.
type FirstAddress struct {
	Name, Mailbox, Host []byte
	More                bool // there is one: an empty list has none
}

// ReadEnvelope takes an ENVELOPE in wire form apart, as AppendEnvelope wrote it; ok is false for any other.
func ReadEnvelope(b []byte) (k EnvelopeKeys, ok bool) {
	r := envelopeReader{b: b}
	r.want('(')
	k.Date = r.text()
	k.Subject = r.next().text()
	k.From = r.next().first()
	r.next().first() // sender
	r.next().first() // reply-to
	k.To = r.next().first()
	k.Cc = r.next().first()
	r.next().first() // bcc
	k.InReplyTo = r.next().text()
	k.MessageID = r.next().text()
	r.want(')')
	return k, !r.bad && r.i == len(b)
}

type envelopeReader struct {
	b   []byte
	i   int
	bad bool
}

func (r *envelopeReader) peek() byte {
	if r.bad || r.i >= len(r.b) {
		return 0
	}
	return r.b[r.i]
}

func (r *envelopeReader) want(c byte) {
	if r.peek() != c {
		r.bad = true
		return
	}
	r.i++
}

// next skips the space between two members.
func (r *envelopeReader) next() *envelopeReader { r.want(' '); return r }

// text reads a quoted string, a literal or NIL.
func (r *envelopeReader) text() []byte {
	switch r.peek() {
	case '"':
		return r.quoted()
	case '{':
		return r.literal()
	case 'N':
		if r.i+3 <= len(r.b) && string(r.b[r.i:r.i+3]) == "NIL" {
			r.i += 3
			return nil
		}
	}
	r.bad = true
	return nil
}

func (r *envelopeReader) quoted() []byte {
	at := r.i + 1
	var clean []byte // set when a backslash was met
	for i := at; i < len(r.b); i++ {
		switch r.b[i] {
		case '"':
			r.i = i + 1
			if clean != nil {
				return append(clean, r.b[at:i]...)
			}
			return r.b[at:i:i]
		case '\\':
			clean = append(clean, r.b[at:i]...)
			at = i + 1
			i++
		}
	}
	r.bad = true
	return nil
}

func (r *envelopeReader) literal() []byte {
	n := 0
	for r.i++; isDigit(r.peek()) && n < len(r.b); r.i++ {
		n = n*10 + int(r.b[r.i]-'0')
	}
	r.want('}')
	r.want('\r')
	r.want('\n')
	if r.bad || n > len(r.b)-r.i {
		r.bad = true
		return nil
	}
	s := r.b[r.i : r.i+n : r.i+n]
	r.i += n
	return s
}

// first reads an address list and gives its first address.
func (r *envelopeReader) first() (a FirstAddress) {
	if r.peek() != '(' {
		if r.text() != nil {
			r.bad = true
		}
		return a
	}
	r.i++
	for n := 0; r.peek() == '('; n++ {
		x := r.address()
		if n == 0 {
			a = x
			a.More = true
		}
	}
	r.want(')')
	return a
}

func (r *envelopeReader) address() (a FirstAddress) {
	r.want('(')
	a.Name = r.text()
	r.next().text() // route
	a.Mailbox = r.next().text()
	a.Host = r.next().text()
	r.want(')')
	return a
}
