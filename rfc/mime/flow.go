package mime

import (
	"io"
	"strings"
)

// Text gives the text of a part as UTF-8, where r gives its body [BodyOff,End) as it is in the message. Lines that were broken
// for transport are whole again: of format=flowed (RFC 3676 §4.2), of calendars and contacts (RFC 5545 §3.1, RFC 6350 §3.2),
// which may be broken inside of a character.
func (p *Part) Text(r io.Reader) io.Reader {
	r = Decode(r, p.Encoding)
	if p.hasContentLines() {
		r = newDecoder(r, &contentLines{})
	}
	r = CharsetReader(p.Param("charset"), r)
	if p.Subtype == "PLAIN" && strings.EqualFold(p.Param("format"), "flowed") {
		r = newDecoder(r, &flowed{delSpace: strings.EqualFold(p.Param("delsp"), "yes")})
	}
	return r
}

func (p *Part) hasContentLines() bool {
	switch p.Subtype {
	case "CALENDAR", "VCARD", "X-VCARD", "DIRECTORY", "X-VCALENDAR":
		return p.Type == "TEXT"
	}
	return false
}

// contentLines joins folded lines: a line end with a space or tab behind it vanishes.
type contentLines struct{ held []byte } // a line end, or the beginning of one

func (d *contentLines) decode(dst, src []byte, end bool) ([]byte, int) {
	for _, c := range src {
		switch {
		case c == '\r' && len(d.held) == 0, c == '\n' && (len(d.held) == 0 || d.held[len(d.held)-1] == '\r'):
			d.held = append(d.held, c)
			continue
		case (c == ' ' || c == '\t') && len(d.held) > 0 && d.held[len(d.held)-1] == '\n':
			d.held = d.held[:0]
			continue
		}
		dst = append(dst, d.held...)
		if d.held = d.held[:0]; c == '\r' || c == '\n' {
			d.held = append(d.held, c)
			continue
		}
		dst = append(dst, c)
	}
	if end {
		dst = append(dst, d.held...)
		d.held = d.held[:0]
	}
	return dst, len(src)
}

// flowed joins the lines of format=flowed: those that end with a space go on in the next one that is quoted as deeply
// (RFC 3676 §4.2 to §4.5).
type flowed struct {
	delSpace bool
	inLine   bool // behind the quote marks of a line
	joins    bool // the line before goes on
	quoted   int  // quote marks of this line
	before   int  // and of the line before
	space    bool // not put out yet
	cr       bool // not put out yet
	sign     int  // how much of "-- " the line is; -1: it is none
}

func (d *flowed) decode(dst, src []byte, end bool) ([]byte, int) {
	for _, c := range src {
		if !d.inLine {
			if c == '>' {
				d.quoted++
				continue
			}
			dst = d.begin(dst)
			if c == ' ' { // stuffed (RFC 3676 §4.4)
				continue
			}
		}
		dst = d.next(dst, c)
	}
	if end && d.space {
		dst, d.space = append(dst, ' '), false
	}
	return dst, len(src)
}

// begin ends the quote marks of a line.
func (d *flowed) begin(dst []byte) []byte {
	d.inLine, d.sign = true, 0
	if d.joins && d.quoted == d.before {
		return dst
	}
	if d.joins {
		dst = append(dst, '\n')
	}
	for range d.quoted {
		dst = append(dst, '>')
	}
	if d.quoted > 0 {
		dst = append(dst, ' ')
	}
	return dst
}

// next takes an octet behind the quote marks.
func (d *flowed) next(dst []byte, c byte) []byte {
	switch c {
	case '\r':
		d.cr = true
		return dst
	case '\n':
		return d.endLine(dst)
	}
	if d.cr {
		dst, d.cr = d.let(dst, '\r'), false
	}
	return d.let(dst, c)
}

// let puts an octet out, a space when it is known that it does not end the line.
func (d *flowed) let(dst []byte, c byte) []byte {
	const sign = "-- "
	if d.sign >= 0 && d.sign < len(sign) && c == sign[d.sign] {
		d.sign++
	} else {
		d.sign = -1
	}
	if d.space {
		dst = append(dst, ' ')
	}
	if d.space = c == ' '; d.space {
		return dst
	}
	return append(dst, c)
}

func (d *flowed) endLine(dst []byte) []byte {
	const whole = len("-- ")
	d.joins = d.space && d.sign != whole
	if d.space && !(d.joins && d.delSpace) {
		dst = append(dst, ' ')
	}
	if !d.joins {
		dst = append(dst, '\n')
	}
	d.before, d.quoted, d.inLine, d.space, d.cr = d.quoted, 0, false, false, false
	return dst
}
