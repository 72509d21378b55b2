package imap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

const (
	appendBytes = 64 << 10         // read and written at once
	appendPause = 5 * time.Minute  // a client may pause between two pieces of a message
	appendTime  = 60 * time.Minute // for a whole message
)

// cmdAppend is APPEND, RFC 3501 §6.3.11, with APPENDUID of RFC 4315 §3. What can be refused is refused
// before a client that waits sends the message.
func cmdAppend(s *session, c *call) error {
	name := c.Name()
	var m mailbox.AppendMessage
	c.SP()
	if c.NextIs('(') {
		m.Flags, m.Keywords = splitFlags(c.Flags())
		c.SP()
	}
	if c.NextIs('"') {
		m.Date = c.DateTime()
		c.SP()
	}
	if err := c.End(); err != nil {
		return err
	}
	if c.body == nil {
		return badf("expected a literal")
	}
	if err := s.admit(name, c.body.Size); err != nil {
		return err
	}
	d, err := s.appendMessage(name, &m, c.body)
	c.body = nil
	if err != nil {
		return tryCreate(err)
	}
	b := strconv.AppendUint([]byte("APPENDUID "), uint64(d.UIDValidity), 10)
	c.code = string(strconv.AppendUint(append(b, ' '), uint64(d.UID), 10))
	return nil
}

// admit refuses early: no such mailbox, nothing to append, no room.
func (s *session) admit(name string, size int64) error {
	if size == 0 {
		return no("CANNOT", "an empty message can not be appended")
	}
	if _, err := s.account.Status(s.ctx, name); err != nil {
		return tryCreate(err)
	}
	u, err := s.account.Usage(s.ctx)
	if err != nil {
		return err
	}
	if q := u.Quota; q.Bytes > 0 && u.Bytes+size > q.Bytes || q.Messages > 0 && u.Messages >= q.Messages {
		return mailbox.ErrOverQuota
	}
	return nil
}

// appendMessage takes the literal into the blob store and links it into the mailbox. Whatever happens the
// literal and the command's line are read to their end, unless the connection breaks.
func (s *session) appendMessage(name string, m *mailbox.AppendMessage, body *imap.Literal) (mailbox.Delivered, error) {
	none := mailbox.Delivered{}
	if err := body.Accept(); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, appendTime)
	defer cancel()
	w, err := s.srv.Blobs.Create(ctx)
	if err != nil {
		return none, errors.Join(err, body.Refuse())
	}
	defer w.Close()
	scan := mime.NewScanner(mime.DefaultLimits())
	err = s.receive(body, io.MultiWriter(scan, w))
	if isConnection(err) {
		return none, err
	}
	rest, endErr := body.End()
	switch {
	case err != nil:
		return none, err
	case endErr != nil:
		return none, endErr
	case len(rest) > 0:
		return none, badf("unexpected text behind the message")
	}
	m.Message = mailbox.Message{Size: w.Size(), Parsed: scan.Finish(), Received: time.Now(), Session: s.id}
	note := mail.Note{Accounts: []mail.AccountID{s.account.ID()}, Mailbox: name, Received: m.Received}
	if m.Blob, err = w.Commit(nil, note.Append(nil)); err != nil {
		return none, err
	}
	ds, err := s.account.Append(ctx, name, []mailbox.AppendMessage{*m})
	if err != nil {
		return none, err
	}
	return ds[0], nil
}

// receive copies the message piece by piece. After a refusal or a failure of the store the rest is still
// read, by End.
func (s *session) receive(body *imap.Literal, to io.Writer) error {
	buf := s.srv.buffers.Get()
	defer s.srv.buffers.Put(buf)
	piece := buf[:appendBytes]
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(appendPause))
		n, err := body.Read(piece)
		if bytes.IndexByte(piece[:n], 0) >= 0 {
			return badf("NUL is not allowed in a message")
		}
		if _, werr := to.Write(piece[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
