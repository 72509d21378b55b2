package imap

import (
	"context"
	"io"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/mime"
)

// transfer copies or moves messages of the selected mailbox to dst, with the flags that may be set there (RFC
// 4314 §4).
//
// Within one account it is one commit. Between two it is two, for the accounts have nothing in common: the copies are
// durable first, then exactly the messages that were copied go, whatever happened to others meanwhile.
// Invariant: at every moment each message is in at least one of the mailboxes (RFC 6851 §3.3, RFC 9051 §6.4.8), and
// \Deleted is never set. Should the end of the process or a fault of the store come between the two commits they are
// in both, and the client is not told OK. Nothing is taken back then: a commit whose answer was lost may have been made,
// and whoever took back the copies would lose the mail.
func (s *session) transfer(set mailbox.UIDSet, dst place, move bool) (mailbox.CopyResult, error) {
	if dst.account.ID() == s.sel.owner {
		r, err := s.sel.box.Transfer(s.ctx, set, dst.Name, settable(dst.rights), move)
		s.brought(r.Mailbox, dst.account, r.To)
		return r, err
	}
	r, err := s.copyAcross(set, dst)
	if err != nil || !move {
		return r, err
	}
	var copied mailbox.UIDSet
	for _, u := range r.From {
		copied = copied.Add(u)
	}
	if _, err := s.sel.box.Discard(s.ctx, copied); err != nil {
		s.log.Error("imap move to another account copied only", "user", s.user, "messages", len(r.From), "err", err)
		return r, errInBoth
	}
	return r, nil
}

// errInBoth tells that a MOVE got half way.
var errInBoth = no("UNAVAILABLE", "the messages were copied, but could not be removed here: they are in both mailboxes")

// across copies messages to a mailbox of another account, in one commit there. They count in its quota.
type across struct {
	s     *session
	ctx   context.Context
	batch *mailbox.Batch
	may   mailbox.Flags
	scan  *mime.Scanner
	open  []kv.BlobWriter
	from  []mailbox.UID
}

func (s *session) copyAcross(set mailbox.UIDSet, dst place) (r mailbox.CopyResult, err error) {
	a := &across{s: s, ctx: s.ctx, batch: dst.account.Batch(), may: settable(dst.rights), scan: mime.NewScanner(mime.DefaultLimits())}
	defer a.close()
	now := s.sel.box.View()
	for _, e := range now.In(set) {
		if err := a.add(e, now.Keywords(), dst); err != nil {
			return r, err
		}
		if err := s.working(len(a.from), int(set.Len())); err != nil {
			return r, err
		}
	}
	if len(a.from) == 0 {
		_, err := dst.account.Status(s.ctx, dst.Name)
		return r, err
	}
	ds, err := a.batch.Append(a.ctx, dst.Name)
	if err != nil {
		return r, err
	}
	r.From, r.UIDValidity, r.Mailbox = a.from, ds[0].UIDValidity, ds[0].Mailbox
	for _, d := range ds {
		r.To = append(r.To, d.UID)
	}
	return r, nil
}

// close ends the protection of the bodies, or gives up those that were not linked.
func (a *across) close() {
	for _, w := range a.open {
		_ = w.Close()
	}
}

// add copies the bytes of a message.
func (a *across) add(e mailbox.Entry, keywords []string, dst place) error {
	src, err := a.s.sel.box.Source(a.ctx, e)
	if err != nil {
		return err
	}
	body := src.Body
	defer body.Close()
	w, err := a.s.srv.Blobs.Create(a.ctx)
	if err != nil {
		return err
	}
	a.open = append(a.open, w)
	a.scan.Reset()
	buf := a.s.srv.buffers.Get()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(a.scan, w)}, struct{ io.Reader }{io.NewSectionReader(body, 0, body.Size())}, buf[:cap(buf)])
	a.s.srv.buffers.Put(buf)
	if err != nil {
		return err
	}
	m := mailbox.AppendMessage{
		Message: mailbox.Message{Size: w.Size(), Parsed: a.scan.Finish(), Received: time.Now(), Session: a.s.id, Source: src},
		Flags:   e.Flags & a.may & mailbox.SystemFlags, Date: time.Unix(e.Date, 0),
	}
	if mayKeywords(a.may) {
		for i, k := range keywords {
			if e.Flags&mailbox.Keyword(i) != 0 {
				m.Keywords = append(m.Keywords, k)
			}
		}
	}
	note := mail.Note{Accounts: []mail.AccountID{dst.account.ID()}, Mailbox: dst.Name, Received: m.Received}
	if m.Blob, err = w.Commit(nil, note.Append(nil)); err != nil {
		return err
	}
	a.from = append(a.from, e.UID)
	return a.batch.Add(m)
}
