package imap

import (
	"container/list"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// Limits of previews.
const (
	previewChars = 200       // of a preview (RFC 8970 §3.2)
	previewLook  = 256 << 10 // bytes of a part that are looked at
	previewParts = 8         // parts that are tried
	previewCache = 16 << 20  // bytes of previews kept, of all accounts
	lazyPreviews = 32        // previews that one FETCH makes for LAZY
)

// preview is the beginning of a message's text. It does not change as long as the message is there.
type preview struct{ text string }

// previewKey names a message of an account; its number is never used again.
type previewKey struct {
	owner mail.AccountID
	msg   mailbox.MsgNo
}

// previews keeps those that were made, the ones used last. It is safe for all goroutines.
type previews struct {
	mu    sync.Mutex
	by    map[previewKey]*list.Element // of *keptPreview
	order *list.List                   // the ones used last in front
	bytes int
}

type keptPreview struct {
	key previewKey
	p   *preview
}

// previewOverhead is what a preview takes beside its text, bytes.
const previewOverhead = 160

func newPreviews() *previews {
	return &previews{by: make(map[previewKey]*list.Element), order: list.New()}
}

func (c *previews) get(k previewKey) *preview {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*keptPreview).p
}

func (c *previews) put(k previewKey, p *preview) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[k] != nil {
		return
	}
	c.by[k] = c.order.PushFront(&keptPreview{k, p})
	for c.bytes += len(p.text) + previewOverhead; c.bytes > previewCache; {
		last := c.order.Remove(c.order.Back()).(*keptPreview)
		delete(c.by, last.key)
		c.bytes -= len(last.p.text) + previewOverhead
	}
}

// lookUpPreview finds the preview of a message if it was made before.
func (f *fetch) lookUpPreview(r *row) {
	for _, it := range f.items {
		if it.Item == imap.ItemPreview {
			r.preview = f.s.srv.previews.get(previewKey{f.s.sel.owner, r.e.Msg})
			return
		}
	}
}

// makesPreview reports whether a preview that is not there is made now: under LAZY only some (RFC 8970 §3.1).
func (f *fetch) makesPreview(it imap.FetchItem) bool { return !it.Lazy || f.lazy > 0 }

// writePreview writes PREVIEW: NIL if the client would rather not wait.
func (f *fetch) writePreview(it imap.FetchItem, r *row, body kv.BlobReader) {
	out := f.s.out
	out.S("PREVIEW ")
	if r.preview == nil {
		if body == nil || !f.makesPreview(it) {
			out.S("NIL")
			return
		}
		if it.Lazy {
			f.lazy--
		}
		s, err := previewOf(r.tree, body)
		if err != nil {
			f.damaged(err)
			out.Str("") // NIL is for LAZY only (RFC 8970 §3.2)
			return
		}
		r.preview = &preview{s}
		f.s.srv.previews.put(previewKey{f.s.sel.owner, r.e.Msg}, r.preview)
	}
	out.Str(r.preview.text)
}

// previewOf makes a preview: of the first part with text that a reader would be shown, plain before HTML; "" if there
// is none.
func previewOf(m *mime.Message, body kv.BlobReader) (string, error) {
	var plain, html []*mime.Part
	m.Walk(func(_ []int, p *mime.Part) bool {
		switch {
		case len(p.Children) > 0 || p.Disposition == "attachment" || p.FileName() != "":
		case p.Type == "" || p.Type == "TEXT" && p.Subtype == "PLAIN":
			plain = append(plain, p)
		case p.Type == "TEXT" && p.Subtype == "HTML":
			html = append(html, p)
		}
		return len(plain)+len(html) < previewParts
	})
	for _, p := range append(plain, html...) {
		s, err := previewPart(p, body)
		if s != "" || err != nil {
			return s, err
		}
	}
	return "", nil
}

func previewPart(p *mime.Part, body kv.BlobReader) (string, error) {
	end := min(p.End, body.Size())
	src := &faultReader{r: io.NewSectionReader(body, p.BodyOff, min(end-p.BodyOff, previewLook))}
	r := p.Text(src)
	var w previewText
	if p.Subtype == "HTML" {
		r = text.Visible(r)
	} else {
		w.quotes = true
	}
	_, _ = io.Copy(&w, r) // the only errors are the reader's, below, and that there is enough
	return w.String(), src.err
}

// faultReader notes an error of the store.
type faultReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// previewText takes UTF-8 and keeps what a preview shows: words with one space between them, without lines that quote
// another message, and without characters that nobody sees or that would turn what stands around the preview.
type previewText struct {
	quotes  bool // lines that begin with ">" are left out
	rest    []byte
	out     []rune
	space   bool // before the next word
	skip    bool // inside a quoted line
	midLine bool
}

// Write implements io.Writer; io.ErrShortWrite: there is enough.
func (w *previewText) Write(p []byte) (int, error) {
	b := append(w.rest, p...)
	cut := wholeRunes(b)
	for _, c := range string(b[:cut]) {
		w.add(c)
	}
	w.rest = append(w.rest[:0], b[cut:]...)
	if len(w.out) > previewChars+1 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// wholeRunes is how much of b holds no rune that is cut at its end.
func wholeRunes(b []byte) int {
	for k := 1; k <= min(len(b), utf8.UTFMax-1); k++ {
		if c := b[len(b)-k]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-k:]) {
				return len(b) - k
			}
			break
		}
	}
	return len(b)
}

func (w *previewText) add(c rune) {
	switch {
	case c == '\n':
		w.skip, w.midLine = false, false
		w.space = true
		return
	case w.quotes && !w.midLine && c == '>':
		w.skip = true
	}
	w.midLine = w.midLine || !unicode.IsSpace(c)
	joiner := c == 0x200c || c == 0x200d // they belong into words only
	switch {
	case w.skip:
	case unicode.IsSpace(c):
		w.space = true
	case joiner && (w.space || len(w.out) == 0), hidden(c):
	default:
		if n := len(w.out); w.space && n > 0 {
			w.out = append(w.out, ' ')
		}
		w.space = false
		w.out = append(w.out, c)
	}
}

// hidden reports characters that have no place in a preview: controls, directions, fillers of invisible lines.
func hidden(c rune) bool {
	switch {
	case unicode.IsControl(c), c == unicode.ReplacementChar, c == 0xad, c == 0x34f, c == 0x200b, c == 0x2060, c == 0xfeff:
		return true
	}
	return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

// String gives the preview, cut between words or at least between characters as they are seen.
func (w *previewText) String() string {
	out := w.out
	if len(out) > previewChars {
		n := previewChars
		for n > 0 && (unicode.IsMark(out[n]) || out[n] == 0x200c || out[n] == 0x200d) {
			n--
		}
		for k := n; k > n-30 && k > 0; k-- {
			if out[k] == ' ' {
				n = k
				break
			}
		}
		out = out[:n]
	}
	return strings.TrimSpace(string(out))
}
