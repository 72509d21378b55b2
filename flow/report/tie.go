package report

import (
	"context"
	"io"
	"slices"
	"strings"

	"barid/mail"
	"barid/mail/event"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/header"
	"barid/rfc/mime"
)

// Events finds what happened to messages. *event.Log is one.
type Events interface {
	Find(ctx context.Context, q event.Query) ([]event.Event, error)
}

// Index finds transactions by what their senders called them: for messages that carry no id of ours.
type Index interface {
	// ByEnvelope gives the transactions with this ENVID, newest first.
	ByEnvelope(ctx context.Context, envid string) ([]string, error)
	// ByMessageID gives the transactions of the message with this Message-ID (without <>), newest first.
	ByMessageID(ctx context.Context, id string) ([]string, error)
}

// Addresses tells what a reverse-path that we gave out says; ok is false for everything else. *bounce.Book is one.
type Addresses interface {
	Read(ctx context.Context, m addr.Mailbox) (t dsn.Token, ok bool, err error)
}

// Matcher ties incoming reports to the messages they are about. It is safe for many goroutines.
type Matcher struct {
	Events    Events
	Index     Index     // nil: only by ids of ours
	Names     []string  // our host names, lower case: whose Received fields and Message-IDs are ours
	Addresses Addresses // nil: reverse-paths are those of the senders
	Metrics   *Metrics  // nil: none
}

// Incoming is a message that arrived.
type Incoming struct {
	From   addr.Path      // its reverse-path
	To     []addr.Mailbox // its forward-paths
	Body   io.ReaderAt
	Parsed *mime.Message // offsets relative to Body
}

// Result is what an incoming report is about.
type Result struct {
	ID     string         // of our transaction
	By     string         // how it was found: "verp", "envid", "received", "message-id"
	Login  mail.AccountID // who had sent it; 0: not known
	Sender string         // its reverse-path
	Rcpts  []Told
	Bounce dsn.Bounce // all that the report says
}

// Told is what a report says of one recipient.
type Told struct {
	To    string // forward-path that we sent to; "" if the report names none of them
	Final string // address as the other host calls it: a mailbox that ours is forwarded to
	Class dsn.Class
	dsn.Recipient
}

// Limits of the search for ids in a returned header section.
const (
	maxCandidates = 8    // transactions that are looked up for one report
	maxAnswered   = 2    // Message-IDs in its In-Reply-To
	maxFields     = 2000 // fields of a returned header section
)

// Tie finds which of our messages in is about. ok is false if in is no report, or about none of ours: a
// transaction counts only if the report came to its reverse-path, or to a VERP address of it, so that
// nobody can have an address suppressed by making a report up. Some hosts send reports with a reverse-path of
// their own: those count at a VERP address only. It changes nothing.
func (m *Matcher) Tie(ctx context.Context, in Incoming) (r Result, ok bool, err error) {
	cs, err := m.tokens(ctx, in.To)
	if err != nil || !in.From.Null && len(cs) == 0 {
		return Result{}, false, err
	}
	b, ok, err := dsn.Parse(in.Body, in.Parsed)
	if err != nil || !ok {
		return Result{}, false, err
	}
	if in.From.Null {
		m.candidates(&cs, &b)
	}
	if m.Index != nil && in.From.Null {
		if err := cs.look(ctx, m.Index, &b, answered(in.Parsed)); err != nil {
			return Result{}, false, err
		}
	}
	for _, c := range cs {
		es, err := m.Events.Find(ctx, event.Query{ID: c.id})
		if err != nil {
			return Result{}, false, err
		}
		if s := sentOf(es); s.known && (c.by == byVERP || s.from(in.To)) {
			r := Result{ID: c.id, By: c.by, Login: s.login, Sender: s.sender, Bounce: b, Rcpts: s.told(b.Recipients, c.rcpt)}
			m.count(r.Rcpts)
			return r, true, nil
		}
	}
	return Result{}, false, nil
}

func (m *Matcher) count(ts []Told) {
	for i := range ts {
		if ts[i].Class != 0 {
			m.Metrics.bounce(ts[i].Class.String())
		}
	}
}

// The ways to find a transaction, the surest first.
const (
	byVERP      = "verp"
	byEnvID     = "envid"
	byReceived  = "received"
	byMessageID = "message-id"
)

// candidate is a transaction that a report may be about.
type candidate struct {
	id, by string
	rcpt   string // dsn.RcptTag of the recipient, "" not known
}

// candidates are transactions, the surest first, each once.
type candidates []candidate

// add takes the ones that are new, at most maxCandidates in all.
func (cs *candidates) add(by, rcpt string, ids ...string) {
	for _, id := range ids {
		known := slices.ContainsFunc(*cs, func(c candidate) bool { return c.id == id })
		if id != "" && !known && len(*cs) < maxCandidates {
			*cs = append(*cs, candidate{id, by, rcpt})
		}
	}
}

// tokens gives the transactions that the addresses say a report came for.
func (m *Matcher) tokens(ctx context.Context, to []addr.Mailbox) (cs candidates, err error) {
	for i := 0; i < len(to) && m.Addresses != nil; i++ {
		t, ok, err := m.Addresses.Read(ctx, to[i])
		if err != nil {
			return nil, err
		}
		if ok {
			cs.add(byVERP, t.Rcpt, t.ID)
		}
	}
	return cs, nil
}

// candidates adds the transactions that something in the report names.
func (m *Matcher) candidates(cs *candidates, b *dsn.Bounce) {
	cs.add(byEnvID, "", ownID(b.EnvelopeID))
	cs.add(byReceived, "", m.receivedIDs(b.Returned.Header)...)
	cs.add(byMessageID, "", m.madeID(b.Returned.MessageID))
}

// answered gives the Message-IDs that the report itself says it answers (RFC 5322 §3.6.4). Exchange returns nothing else
// of the message.
func answered(m *mime.Message) []string {
	return header.MessageIDs([]byte(header.Get(m.Header, "In-Reply-To")), maxAnswered)
}

// look adds the transactions that the index knows by the sender's own names.
func (cs *candidates) look(ctx context.Context, x Index, b *dsn.Bounce, answered []string) error {
	if b.EnvelopeID != "" {
		ids, err := x.ByEnvelope(ctx, b.EnvelopeID)
		if err != nil {
			return err
		}
		cs.add(byEnvID, "", ids...)
	}
	names := answered
	if b.Returned.MessageID != "" {
		names = append([]string{b.Returned.MessageID}, answered...)
	}
	for _, id := range names {
		ids, err := x.ByMessageID(ctx, id)
		if err != nil {
			return err
		}
		cs.add(byMessageID, "", ids...)
	}
	return nil
}

// ownID gives s if it looks like an id of ours: "01jd4xk8t0003f7q2m.1".
func ownID(s string) string {
	const least, most = 18, 64
	if len(s) < least || len(s) > most {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' {
			return ""
		}
	}
	return s
}

// madeID gives the id in a Message-ID that we made for a message without one: "<id@our-host>".
func (m *Matcher) madeID(messageID string) string {
	at := strings.LastIndexByte(messageID, '@')
	if at < 0 || !m.ours(messageID[at+1:]) {
		return ""
	}
	return ownID(messageID[:at])
}

// receivedIDs gives the ids in the Received fields that we wrote: "... by our-host with ESMTPSA id ID ...".
func (m *Matcher) receivedIDs(h []byte) []string {
	var ids []string
	n := 0
	for f := range header.All(h) {
		if n++; n > maxFields || len(ids) >= maxCandidates {
			break
		}
		if !f.Is("Received") {
			continue
		}
		if id := m.receivedID(f.Text()); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *Matcher) receivedID(value string) string {
	ours := false
	var last string
	for word := range strings.FieldsSeq(value) {
		switch {
		case strings.EqualFold(last, "by"):
			ours = m.ours(strings.TrimRight(word, ";"))
		case strings.EqualFold(last, "id") && ours:
			return ownID(strings.TrimRight(word, ";"))
		}
		last = word
	}
	return ""
}

func (m *Matcher) ours(name string) bool {
	return slices.ContainsFunc(m.Names, func(n string) bool { return strings.EqualFold(n, name) })
}
