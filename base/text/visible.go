package text

import (
	"bytes"
	"io"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxTokenBytes bounds one tag or piece of text of HTML, bytes. What follows a longer one is not seen.
const maxTokenBytes = 1 << 20

// Visible gives what a reader sees of the UTF-8 HTML in r: the text with its entities decoded, descriptions of
// pictures and links, a line end for each block, one space for white space, but for what is formatted already. Scripts, styles, comments and the title, which no mail program
// shows, are left out; inline tags vanish, so that a word they stand in stays one.
func Visible(r io.Reader) io.Reader {
	t := html.NewTokenizer(r)
	t.SetMaxBuf(maxTokenBytes)
	return &visible{t: t}
}

type visible struct {
	t    *html.Tokenizer
	out  []byte // not read yet
	buf  []byte
	skip atom.Atom // the element being left out
	pre  int       // elements that are open in which white space is shown as it is
	gap  bool      // what was put out last is white space
	err  error
}

func (v *visible) Read(p []byte) (int, error) {
	for len(v.out) == 0 {
		if v.err != nil {
			return 0, v.err
		}
		v.buf = v.buf[:0]
		v.token()
		v.out = v.buf
	}
	n := copy(p, v.out)
	v.out = v.out[n:]
	return n, nil
}

// token turns the next token into text.
func (v *visible) token() {
	switch v.t.Next() {
	case html.ErrorToken:
		if v.err = v.t.Err(); v.err == html.ErrBufferExceeded {
			v.err = io.EOF
		}
	case html.TextToken:
		if v.skip == 0 {
			v.say(v.t.Text())
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		v.tag(true)
	case html.EndTagToken:
		v.tag(false)
	}
}

// say puts text out, with its white space as it is shown.
func (v *visible) say(b []byte) {
	if v.pre > 0 {
		v.buf = append(v.buf, b...)
		v.gap = false
		return
	}
	for _, c := range b {
		switch c {
		case ' ', '\t', '\n', '\r', '\f':
			if !v.gap {
				v.buf = append(v.buf, ' ')
			}
			v.gap = true
		default:
			v.buf = append(v.buf, c)
			v.gap = false
		}
	}
}

// tag takes a tag.
func (v *visible) tag(start bool) {
	name, more := v.t.TagName()
	a := atom.Lookup(name)
	switch a {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Title:
		if start && v.skip == 0 {
			v.skip = a
		} else if !start && v.skip == a {
			v.skip = 0
		}
		return
	}
	if v.skip != 0 {
		return
	}
	switch a {
	case atom.Pre, atom.Textarea, atom.Listing, atom.Xmp:
		if start {
			v.pre++
		} else {
			v.pre = max(v.pre-1, 0)
		}
	}
	if !inline(a) {
		v.buf = append(v.buf, '\n')
		v.gap = true
	}
	for start && more {
		var key, value []byte
		key, value, more = v.t.TagAttr()
		if len(value) > 0 && (bytes.Equal(key, []byte("alt")) || bytes.Equal(key, []byte("title"))) {
			v.buf = append(append(append(v.buf, ' '), value...), ' ')
			v.gap = true
		}
	}
}

// inline tells whether an element is part of a line, so that text goes on over its tags.
func inline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.Abbr, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Cite, atom.Code, atom.Del, atom.Dfn, atom.Em,
		atom.Font, atom.I, atom.Img, atom.Ins, atom.Kbd, atom.Mark, atom.Q, atom.S, atom.Samp, atom.Small, atom.Span,
		atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Tt, atom.U, atom.Var, atom.Wbr:
		return true
	}
	return false
}
