// Package link opens the messages that IMAP URLs name, and signs URLs for others.
//
// What: Open finds the bytes of a URL in a mailbox; Sign and the Opener are URLAUTH: a key of each mailbox signs a URL
// for somebody, who may fetch what it names without being allowed into the mailbox.
//
// Life: serve/imap for CATENATE, GENURLAUTH and URLFETCH; serve/smtp for BURL.
//
// Promises:
//   - Invariant: without the owner's login nothing is opened but with a token that the mailbox's key made, and only by
//     whom the URL names. Every other failure looks the same: ErrUnknown.
//
// Limits: imap.ParseURL's; MaxHeader. Failure: ErrUnknown; every other error is of the store and temporary.
//
// Standards: RFC 4467, RFC 4468, RFC 4469 §3, RFC 5092.
package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// MaxHeader is how much of a header section is searched for fields, bytes.
const MaxHeader = 1 << 20

// ErrUnknown is a URL that names nothing that may be had. ErrNoPart is one, too: the message is there and may be had, but has
// no such part.
var (
	ErrUnknown = errors.New("link: the URL names nothing that may be had")
	ErrNoPart  = fmt.Errorf("link: no such part: %w", ErrUnknown)
)

// Part is what a URL names. Close must be called.
type Part struct {
	body kv.BlobReader // nil: bytes holds all
	off  int64
	n    int64
	held []byte
}

// Size is its length in bytes.
func (p *Part) Size() int64 { return p.n }

// Reader reads it from the start.
func (p *Part) Reader() io.Reader {
	if p.body == nil {
		return bytes.NewReader(p.held)
	}
	return io.NewSectionReader(p.body, p.off, p.n)
}

// Close lets go of it.
func (p *Part) Close() error {
	if p.body == nil {
		return nil
	}
	return p.body.Close()
}

// Open opens what u names in the mailbox called name of an account. Whether that is the mailbox of u is the caller's
// to know.
func Open(ctx context.Context, a *mailbox.Account, name string, u *imap.URL) (*Part, error) {
	box, err := a.Open(ctx, name)
	if err != nil {
		return nil, unknown(err)
	}
	defer box.Close()
	return open(ctx, box, u)
}

func open(ctx context.Context, box *mailbox.Mailbox, u *imap.URL) (*Part, error) {
	view := box.View()
	if u.UIDValidity != 0 && u.UIDValidity != view.UIDValidity() {
		return nil, ErrUnknown
	}
	var out *Part
	uid := mailbox.UID(u.UID)
	err := box.Cold(ctx, view, mailbox.UIDSet{{Lo: uid, Hi: uid}}, func(_ int, e mailbox.Entry, c *mailbox.Cold) error {
		if c == nil {
			return nil
		}
		body, err := box.Body(ctx, e)
		if err != nil {
			return unknown(err)
		}
		out, err = cut(body, c, u)
		if err != nil || out.body == nil {
			_ = body.Close() // nothing was written through it
		}
		return err
	})
	if err == nil && out == nil {
		err = ErrUnknown
	}
	return out, err
}

// cut finds the section and the part of it.
func cut(body kv.BlobReader, c *mailbox.Cold, u *imap.URL) (*Part, error) {
	tree, err := mime.DecodeMessage(c.Tree)
	if err != nil {
		return nil, errors.Join(err, kv.ErrCorrupt)
	}
	lo, hi, ok := u.Section.Range(tree, c.HeaderBytes, c.Size)
	if !ok {
		return nil, ErrNoPart
	}
	hi = min(hi, body.Size())
	lo = min(lo, hi)
	p := &Part{body: body, off: lo, n: hi - lo}
	if len(u.Section.Fields) > 0 {
		section := make([]byte, min(p.n, MaxHeader))
		if n, err := body.ReadAt(section, lo); n < len(section) {
			return nil, err
		}
		p.held = u.Section.AppendFields(nil, section, u.Section.Blank(section, tree, c.HeaderBytes, c.Size))
		p.body, p.n = nil, int64(len(p.held))
	}
	if u.Partial {
		p.off, p.n = p.off+min(u.Offset, p.n), max(0, p.n-u.Offset)
		if u.Count > 0 {
			p.n = min(p.n, u.Count)
		}
		if p.body == nil {
			p.held = p.held[p.off-lo:][:p.n]
		}
	}
	return p, nil
}

// unknown hides from a stranger why there is nothing.
func unknown(err error) error {
	for _, e := range []error{mailbox.ErrNoMailbox, mailbox.ErrNoSelect, mailbox.ErrName, mailbox.ErrGone, mailbox.ErrRemoved, kv.ErrNotFound} {
		if errors.Is(err, e) {
			return ErrUnknown
		}
	}
	return err
}
