package intake

import (
	"strings"
	"time"

	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
)

// facts are what the events of a transaction tell of the session, and of the message if there is one.
func (tx *Tx) facts(msg *mailbox.Message) *event.Facts {
	f := clientFacts(tx.c, tx.params.UTF8)
	f.EnvID, f.MessageID = tx.params.EnvID, tx.messageID
	if msg != nil && msg.Parsed != nil && msg.Parsed.Root != nil && msg.Parsed.Root.Envelope != nil {
		f.MessageID = bareID(msg.Parsed.Root.Envelope.MessageID)
	}
	for i := range tx.found {
		x := &tx.found[i]
		s := x.Check + "=" + string(x.Result)
		if x.Reason != "" {
			s += " (" + x.Reason + ")"
		}
		f.Findings = append(f.Findings, s)
	}
	return f
}

func clientFacts(c *mail.Client, utf8 bool) *event.Facts {
	return &event.Facts{
		Started: c.Started, Helo: c.Helo, TLS: c.TLS, User: c.User, Application: c.ApplicationName, Protocol: c.Protocol(utf8),
	}
}

// bareID gives what is between < and > of a Message-ID field.
func bareID(v string) string {
	_, v, ok := strings.Cut(v, "<")
	id, _, end := strings.Cut(v, ">")
	if !ok || !end {
		return ""
	}
	return strings.TrimSpace(id)
}

// placesOf names the mailboxes of a commit, the first event.MaxTo of them.
func placesOf(ds []mailbox.Delivered) []event.Place {
	ps := make([]event.Place, 0, min(len(ds), event.MaxTo))
	for _, d := range ds[:cap(ps)] {
		ps = append(ps, event.Place{Account: d.Account, Mailbox: uint32(d.Mailbox), UID: uint32(d.UID)})
	}
	return ps
}

// queued records the entries that the message has in the queue, and then tells the queue of them: what it makes of
// them stands behind in the record.
func (tx *Tx) queued(now time.Time) {
	for _, e := range tx.entries {
		waiting := e.WaitingRcpts() // the others have the message, and wait for the report of that only
		if len(waiting) == 0 {
			continue
		}
		ev := event.Event{
			Time: now, Kind: event.Queued, ID: tx.id, Login: tx.c.Login, From: sender(tx.from), Rcpts: len(waiting), Size: e.Size,
			Hop: &event.Hop{Entry: e.Name().String(), Destination: e.Queue(), Next: tx.wishes.release},
		}
		if tx.held() {
			ev.Stage = "hold" // for the time that the sender chose
		}
		for _, i := range waiting[:min(len(waiting), event.MaxTo)] {
			ev.To = append(ev.To, e.Rcpts[i].To.Mailbox.String())
		}
		tx.in.record(ev)
	}
	if len(tx.entries) > 0 {
		tx.in.d.Queue.Submitted(tx.entries...)
	}
}
