package imap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// Limits of the messages of one command.
const (
	incomingPause = 5 * time.Minute  // a client may pause between two pieces of a message
	incomingTime  = 60 * time.Minute // for a whole command
	groupCount    = 64               // messages that are made durable together
	groupBytes    = 512 << 10        // and their bytes
	windowCount   = 256              // messages whose bytes are not durable yet
	windowBytes   = 4 << 20          // and their bytes
)

// incoming takes the messages of an APPEND or REPLACE into the blob store. Nobody sees them before append.
type incoming struct {
	s       *session
	c       *call
	ctx     context.Context
	cancel  context.CancelFunc
	account *mailbox.Account
	name    string
	may     mailbox.Flags // flags that may be set there
	told    bool          // the session may read there, so it is told the UIDs (RFC 9051 §6.3.12)
	batch   *mailbox.Batch
	scan    *mime.Scanner
	gather  incomingGroup    // messages that are not being made durable yet
	groups  []*incomingGroup // those that are
	waiting int64            // bytes of all of them
	open    []kv.BlobWriter  // all of the command: they protect the bodies until the commit
	total   int64            // bytes of all messages
	copied  int64            // of these, bytes that URLs brought

	replaces *mailbox.Entry         // REPLACE: the message that goes
	single   *mailbox.AppendMessage // REPLACE: the one that comes, when its bytes are durable
}

// incomingGroup are messages that are made durable together: they share a sync of the disk.
type incomingGroup struct {
	first int // place of the first in the batch
	ws    []kv.BlobWriter
	notes [][]byte
	bytes int64
	ids   []kv.BlobID
	done  chan error
}

// incoming begins a command that brings messages for the mailbox called name.
func (s *session) incoming(c *call, name string) (*incoming, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	at, err := s.writable(name)
	if err != nil {
		return nil, err
	}
	in := &incoming{s: s, c: c, name: at.Name, account: at.account, may: settable(at.rights), scan: mime.NewScanner(mime.DefaultLimits())}
	in.told = at.rights&mailbox.RightRead != 0
	in.batch = in.account.Batch()
	in.ctx, in.cancel = context.WithTimeout(s.ctx, incomingTime)
	return in, nil
}

// close gives up what was not appended.
func (in *incoming) close() {
	for _, g := range in.groups {
		<-g.done // it uses its writers
	}
	for _, w := range in.open {
		_ = w.Close() // after the commit it only ends a protection; before it there is nothing to lose
	}
	in.cancel()
}

// next takes one message: SP [flags SP] [date SP] data. It stops behind it, maybe at the end of the command.
func (in *incoming) next() error {
	if limit := in.s.saveLimit(); limit > 0 && in.count() >= limit { // all or none (RFC 9738 §3.1)
		return overLimit(limit, 0)
	}
	m, err := in.readOptions()
	if err != nil {
		return err
	}
	w, err := in.s.srv.Blobs.Create(in.ctx)
	if err != nil {
		return err
	}
	in.open = append(in.open, w)
	in.scan.Reset()
	if err := in.data(&tee{in.scan, w}); err != nil {
		return err
	}
	parsed := in.scan.Finish()
	if parsed.HasNUL {
		if w, parsed, err = in.recode(w, parsed); err != nil {
			return err
		}
	}
	if in.total += w.Size(); w.Size() == 0 {
		return errEmpty
	}
	return in.keep(w, parsed, m)
}

// errEmpty: RFC 3502 §6.3.11 lets a client cancel so, and RFC 3501 knows no empty messages.
var errEmpty = no("CANNOT", "an empty message can not be appended")

// readOptions reads what stands before the data of a message.
func (in *incoming) readOptions() (m mailbox.AppendMessage, err error) {
	c := in.c
	c.SP()
	if c.NextIs('(') {
		m.Flags, m.Keywords = splitFlags(c.Flags())
		limitFlags(in.may, &m.Flags, &m.Keywords)
		c.SP()
	}
	if c.NextIs('"') {
		m.Date = c.DateTime()
		c.SP()
	}
	return m, c.Err()
}

// data copies the bytes of a message to w.
func (in *incoming) data(w io.Writer) error {
	c := in.c
	if c.body != nil && !c.More() {
		if err := in.admit(c.body.Size); err != nil {
			return err
		}
		return in.literal(w, c.body.Binary)
	}
	switch word := c.Word(); {
	case c.Err() != nil:
		return badf("expected a literal")
	case word == "UTF8":
		return in.utf8(w, 0)
	case word == "CATENATE":
		return in.catenate(w)
	}
	return badf("expected a literal")
}

// utf8 reads "(" literal8 ")", a message, or a part of one behind size bytes, with UTF-8 in its header. RFC 6855 §4 has it;
// RFC 9755 §4 takes such messages as they are. Those who did not enable UTF8=ACCEPT bring them, too, and are not refused:
// see docs/adr/0015.
func (in *incoming) utf8(w io.Writer, size int64) error {
	c := in.c
	if !in.s.has(extUTF8) {
		return badf("UTF8 is for after ENABLE UTF8=ACCEPT")
	}
	c.SP().Open()
	if err := c.atLiteral(); err != nil {
		return err
	}
	if c.body.Size == 0 && size == 0 {
		return errEmpty
	}
	if err := in.room(size + c.body.Size); err != nil {
		return err
	}
	if err := in.literal(w, c.body.Binary); err != nil {
		return err
	}
	c.Close()
	return c.Err()
}

// made is how many bytes of the message there are so far.
func (in *incoming) made() int64 { return in.open[len(in.open)-1].Size() }

// count is how many messages there are so far.
func (in *incoming) count() int { return in.batch.Len() }

// admit refuses early: no such mailbox, nothing to append, no room.
func (in *incoming) admit(size int64) error {
	if size == 0 {
		return errEmpty
	}
	if in.total == 0 {
		if _, err := in.account.Status(in.ctx, in.name); err != nil {
			return tryCreate(err)
		}
	}
	u, err := in.account.Usage(in.ctx)
	if err != nil {
		return err
	}
	if in.replaces != nil {
		u.Bytes, u.Messages = u.Bytes-in.replaces.Size, u.Messages-1
	}
	count := u.Messages + int64(in.count())
	if q := u.Quota; q.Bytes > 0 && u.Bytes+in.total+size > q.Bytes || q.Messages > 0 && count >= q.Messages {
		return mailbox.ErrOverQuota
	}
	return nil
}

// tee writes a message to those who look at it and who keep it.
type tee struct {
	scan *mime.Scanner
	w    kv.BlobWriter
}

// Write implements io.Writer.
func (t *tee) Write(p []byte) (int, error) {
	_, _ = t.scan.Write(p) // it never fails
	return t.w.Write(p)
}

// literal copies the literal that is next to w, and reads on behind it.
func (in *incoming) literal(w io.Writer, binary bool) error {
	if err := in.c.body.Accept(); err != nil {
		return err
	}
	if err := in.s.receive(in.c.body, w, binary); err != nil {
		return err
	}
	return in.c.resume()
}

// allowPause gives the client incomingPause for what is read next, to the second: moving the deadline costs more than
// reading a short message.
func (s *session) allowPause() {
	if until := time.Now().Add(incomingPause); until.Sub(s.until).Abs() > time.Second {
		s.allow(until)
	}
}

// receive copies a literal piece by piece.
func (s *session) receive(body *imap.Literal, to io.Writer, binary bool) error {
	s.widen()
	for {
		s.allowPause()
		piece, err := body.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !binary && bytes.IndexByte(piece, 0) >= 0 {
			return badf("NUL is not allowed in a message")
		}
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
}

// keep adds a message. While more messages follow, groups of them are made durable beside reading those.
func (in *incoming) keep(w kv.BlobWriter, parsed *mime.Message, m mailbox.AppendMessage) (err error) {
	m.Message = mailbox.Message{Size: w.Size(), Parsed: parsed, Received: time.Now(), Session: in.s.id}
	note := mail.Note{Accounts: []mail.AccountID{in.account.ID()}, Mailbox: in.name, Received: m.Received}.Append(nil)
	if in.replaces != nil {
		m.Blob, err = w.Commit(nil, note)
		in.single = &m
		return err
	}
	g := &in.gather
	if len(g.ws) == 0 {
		g.first = in.batch.Len()
	}
	if err := in.batch.Add(m); err != nil {
		return err
	}
	g.ws, g.notes, g.bytes = append(g.ws, w), append(g.notes, note), g.bytes+m.Size
	in.waiting += m.Size
	switch {
	case len(in.groups)*groupCount+len(g.ws) >= windowCount, in.waiting >= windowBytes:
		return in.settle()
	case len(g.ws) >= groupCount || g.bytes >= groupBytes:
		in.begin()
	}
	return nil
}

// begin makes the messages that were gathered durable while others are read.
func (in *incoming) begin() {
	g := in.gather
	g.done = make(chan error, 1)
	in.gather = incomingGroup{}
	in.groups = append(in.groups, &g)
	go func() { g.done <- g.commit(in.s.srv.Blobs) }()
}

func (g *incomingGroup) commit(b kv.Blobs) (err error) {
	g.ids, err = kv.CommitAll(b, g.ws, g.notes)
	return err
}

// settle waits until all bytes so far are durable.
func (in *incoming) settle() error {
	last := in.gather
	err := last.commit(in.s.srv.Blobs)
	for _, g := range in.groups {
		err = errors.Join(err, <-g.done)
	}
	if err == nil {
		for _, g := range append(in.groups, &last) {
			for i, id := range g.ids {
				in.batch.Stored(g.first+i, id)
			}
		}
	}
	in.gather, in.groups, in.waiting = incomingGroup{}, nil, 0
	return err
}

// append puts all messages into the mailbox, in one commit.
func (in *incoming) append() ([]mailbox.Delivered, error) {
	if err := in.settle(); err != nil {
		return nil, err
	}
	return in.batch.Append(in.ctx, in.name)
}

// atLiteral demands that a message's literal is next.
func (c *call) atLiteral() error {
	switch {
	case c.Err() != nil:
		return c.Err()
	case c.body == nil || c.More():
		return badf("expected a literal")
	}
	return nil
}

// resume reads on behind a literal.
func (c *call) resume() error {
	rest, next, err := c.body.End()
	c.body = next
	if err != nil {
		c.body = nil
		return err
	}
	c.Parser = c.Follow(rest)
	return nil
}
