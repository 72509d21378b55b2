package manage

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"barid/base/fault"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/spool"
)

// TraceQuery is the input of trace.message.
type TraceQuery struct {
	// ID is any name of a message: the id in the reply to it and in its Received field, the id of a session, its
	// Message-ID with or without <>, its ENVID, or the name of an entry of the queue.
	ID string `json:"id"`
}

// Trace is what happened to the messages that a name stands for.
type Trace struct {
	Messages []Journey `json:"messages"`
	More     int       `json:"more,omitempty"` // messages of this name that are not shown: the older ones
}

// Journey is the way of one message, the oldest step first.
type Journey struct {
	ID    string `json:"id"`
	Steps []Step `json:"steps"`
}

// Limits of one trace.
const (
	maxJourneys = 20   // messages of one name
	maxReports  = 20   // reports about one message
	oldSteps    = 1000 // events of one message, its oldest ...
	newSteps    = 100  // ... and, if there are more, its newest
)

// The codes of steps. They are stable: a program can rely on them, and a screen has words for them in its language.
const (
	StepConnected   = "connected"    // a session began
	StepAccepted    = "accepted"     // we answered 250
	StepRefused     = "refused"      // we answered 5xx
	StepDeferred    = "deferred"     // we answered 4xx
	StepDiscarded   = "discarded"    // thrown away by a rule of its recipient
	StepStored      = "stored"       // it is in mailboxes here
	StepQueued      = "queued"       // it waits for a destination
	StepRelayed     = "relayed"      // another server took it
	StepDelayed     = "delayed"      // an attempt that is repeated
	StepBounced     = "bounced"      // given up: refused for good
	StepExpired     = "expired"      // given up: nobody took it in time
	StepReported    = "reported"     // the sender is told
	StepNotReported = "not-reported" // the sender is not told, for a reason
	StepTold        = "told"         // a report of another server about it came in
	StepAbout       = "about"        // this message is a report on another
	StepOmitted     = "omitted"      // more happened than is shown
	StepMissing     = "missing"      // something happened that is not on record
	StepLocal       = "local"        // no other server was contacted
	StepWaiting     = "waiting"      // now: in the queue
	StepHeld        = "held"         // now: in the queue, until it is released
	StepSettled     = "settled"      // now: nothing is left to do
)

// Step is one thing that happened, or how things stand. Members that say nothing are left out.
type Step struct {
	Time time.Time `json:"time"`
	Code string    `json:"code"`
	Text string    `json:"text"` // the same in English words
	ID   string    `json:"id,omitempty"`

	Session     string   `json:"session,omitempty"`
	Listener    string   `json:"listener,omitempty"` // "mx", "submission", "lmtp"
	Peer        string   `json:"peer,omitempty"`     // address
	Helo        string   `json:"helo,omitempty"`
	Protocol    string   `json:"protocol,omitempty"` // as in Received
	TLS         string   `json:"tls,omitempty"`      // "" in clear
	Login       string   `json:"login,omitempty"`
	Application string   `json:"application,omitempty"`
	From        string   `json:"from,omitempty"` // "<>" for the null reverse-path
	To          []string `json:"to,omitempty"`   // the first 100
	Recipients  int      `json:"recipients,omitempty"`
	Size        int64    `json:"size,omitempty"`
	MessageID   string   `json:"message_id,omitempty"`
	EnvID       string   `json:"envid,omitempty"`
	Checks      []string `json:"checks,omitempty"`

	Status      string      `json:"status,omitempty"` // "451 4.7.1"
	Stage       string      `json:"stage,omitempty"`  // at which the answer came
	Reason      string      `json:"reason,omitempty"` // for barid explain
	Answer      string      `json:"answer,omitempty"` // the other server's words
	Host        string      `json:"host,omitempty"`   // who answered
	Destination string      `json:"destination,omitempty"`
	Entry       string      `json:"entry,omitempty"` // of the queue
	Attempt     int         `json:"attempt,omitempty"`
	Next        time.Time   `json:"next,omitzero"`
	Expires     time.Time   `json:"expires,omitzero"`
	Mailboxes   []StepPlace `json:"mailboxes,omitempty"`
	Report      string      `json:"report,omitempty"` // id of the report
	Kind        string      `json:"kind,omitempty"`   // of the report: "failed", "delayed", "relayed", "delivered"
	About       string      `json:"about,omitempty"`  // id of the message that a report is about
	Count       int         `json:"count,omitempty"`  // of what was omitted
	Took        *StepTook   `json:"took,omitempty"`
}

// StepPlace is a message in a mailbox.
type StepPlace struct {
	Account string `json:"account"`
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid,omitempty"`
}

// StepTook is how long the stages took, in seconds.
type StepTook struct {
	Receive  float64 `json:"receive,omitempty"`
	Check    float64 `json:"check,omitempty"`
	Store    float64 `json:"store,omitempty"`
	Deliver  float64 `json:"deliver,omitempty"`
	DNS      float64 `json:"dns,omitempty"`
	Connect  float64 `json:"connect,omitempty"`
	TLS      float64 `json:"tls,omitempty"`
	Dialogue float64 `json:"dialogue,omitempty"`
	Data     float64 `json:"data,omitempty"`
}

// trace finds the messages that a name stands for and tells their ways.
func (m *Manager) trace(ctx context.Context, in TraceQuery) (Trace, error) {
	if err := m.Events.Flush(ctx); err != nil {
		return Trace{}, err
	}
	ids, err := m.messagesOf(ctx, strings.TrimSpace(in.ID))
	if err != nil {
		return Trace{}, err
	}
	if len(ids) == 0 {
		return Trace{}, fault.New("B4006", "nothing is known of %q", in.ID).
			WithMeans("it is misspelt, or the message is older than the record, which goes back 30 days; what happened within a tenth of a second before a kill of the server is not on record either, and no mail is lost by that").
			WithFix("barid trace msg ID    with the id in the reply to the message and in its Received field, or its Message-ID")
	}
	t := Trace{More: max(0, len(ids)-maxJourneys)}
	w := m.traceWords(ctx)
	for _, id := range ids[:len(ids)-t.More] {
		j, err := w.journey(id)
		if err != nil {
			return Trace{}, err
		}
		t.Messages = append(t.Messages, j)
	}
	return t, nil
}

// messagesOf gives the transactions with this name, the newest first.
func (m *Manager) messagesOf(ctx context.Context, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	if es, err := m.Events.Find(ctx, event.Query{ID: name, Limit: 1}); err != nil || len(es) > 0 {
		return []string{name}[:min(len(es), 1)], err
	}
	if ids, err := m.sessionMessages(ctx, name); err != nil || len(ids) > 0 {
		return ids, err
	}
	for _, by := range []func(context.Context, string) ([]string, error){m.Events.ByMessageID, m.Events.ByEnvelope, m.Events.ByEntry} {
		if ids, err := by(ctx, name); err != nil || len(ids) > 0 {
			return ids, err
		}
	}
	if n, ok := spool.ParseName(name); ok && m.Queue != nil {
		if e, err := m.Queue.Show(ctx, n); err != nil || e != nil {
			return []string{e.Message.ID}, err
		}
	}
	if waits, err := m.traceWords(ctx).unrecorded(name, true); err != nil || len(waits) > 0 {
		return []string{name}, err
	}
	return nil, nil
}

// sessionMessages gives the transactions of a session, without reports about them; "" stands for what happened
// outside of any.
func (m *Manager) sessionMessages(ctx context.Context, session string) (ids []string, err error) {
	es, err := m.Events.Find(ctx, event.Query{Session: session})
	for i := range es {
		id := es[i].ID
		if id == "" {
			id = session
		}
		if es[i].Session != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// tracer tells the ways of messages; it remembers names of accounts and mailboxes meanwhile.
type tracer struct {
	m     *Manager
	ctx   context.Context
	now   time.Time
	names names
	boxes map[mail.AccountID]map[uint32]string
}

func (m *Manager) traceWords(ctx context.Context) *tracer {
	return &tracer{m, ctx, time.Now().UTC(), names{m, map[mail.AccountID]string{}}, map[mail.AccountID]map[uint32]string{}}
}

// journey tells the way of one message, and of the reports about it.
func (t *tracer) journey(id string) (Journey, error) {
	j := Journey{ID: id}
	es, omitted, left, err := t.settledView(id)
	if err != nil {
		return j, err
	}
	j.Steps = t.steps(es)
	own := left
	for _, r := range reportsOf(es) {
		own, _, err := t.events(r)
		if err != nil {
			return j, err
		}
		for _, s := range t.steps(own) {
			if s.Code != StepAbout {
				s.About = id
				j.Steps = append(j.Steps, s)
			}
		}
		waits, err := t.standing(own)
		if err != nil {
			return j, err
		}
		left = append(left, waits...)
	}
	slices.SortStableFunc(j.Steps, func(a, b Step) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(rank(a.Code), rank(b.Code))) })
	if omitted > 0 {
		j.Steps = append(j.Steps, t.say(Step{Time: t.now, Code: StepOmitted, ID: id, Count: omitted}))
	} else {
		j.Steps = t.gaps(id, es, own, j.Steps)
	}
	if last := len(j.Steps) - 1; len(left) > 0 || last < 0 || j.Steps[last].Reason != MissingEnd {
		j.Steps = append(j.Steps, t.ending(id, es, left)...)
	}
	return j, nil
}

// rank orders what has one time: as it happens.
func rank(code string) int {
	return slices.Index([]string{StepAbout, StepConnected, StepAccepted, StepStored, StepQueued}, code)
}

// events gives what is known of a transaction, the oldest first: all, or the beginning and the end.
func (t *tracer) events(id string) (es []event.Event, omitted int, err error) {
	q := event.Query{ID: id, Limit: oldSteps, Oldest: true}
	if !strings.Contains(id, ".") { // a session in which no transaction began
		q.ID, q.Session = "", id
	}
	es, err = t.m.Events.Find(t.ctx, q)
	if err != nil || len(es) < oldSteps {
		return es, 0, err
	}
	last := es[len(es)-1].Time
	q.Oldest, q.Limit = false, event.MaxFound
	newest, err := t.m.Events.Find(t.ctx, q)
	slices.Reverse(newest)
	newest = slices.DeleteFunc(newest, func(e event.Event) bool { return !e.Time.After(last) })
	omitted = max(0, len(newest)-newSteps)
	return append(es, newest[omitted:]...), omitted, err
}

// reportsOf gives the reports about the transaction of es.
func reportsOf(es []event.Event) (ids []string) {
	for i := range es {
		e := &es[i]
		if isReport(e) && e.Hop == nil && e.Other != "" && !slices.Contains(ids, e.Other) && len(ids) < maxReports {
			ids = append(ids, e.Other)
		}
	}
	return ids
}

// isReport tells whether e says of a message that its sender is told.
func isReport(e *event.Event) bool {
	return e.Stage == "report" && !strings.HasPrefix(e.ID, e.Other+".")
}

// steps tells events.
func (t *tracer) steps(es []event.Event) []Step {
	out := make([]Step, 0, len(es)+2)
	session := ""
	for i := range es {
		e := &es[i]
		if e.Session != "" && e.Session != session && e.Facts != nil {
			session = e.Session
			out = append(out, t.say(t.connected(e)))
		}
		if e.Stage == "report" && !isReport(e) && i == 0 {
			out = append(out, t.say(Step{Time: e.Time, Code: StepAbout, ID: e.ID, About: e.Other, Kind: reportKind(e)}))
		}
		s := t.step(e)
		out = append(out, t.say(s))
		if s.Code == StepAccepted && len(e.Accounts) > 0 { // in mailboxes already, all of it or some
			out = append(out, t.say(Step{Time: e.Time, Code: StepStored, ID: e.ID, Mailboxes: t.places(e)}))
		}
	}
	return out
}

// standing tells of the entries that events name and that are in the queue now.
func (t *tracer) standing(es []event.Event) (out []Step, err error) {
	if t.m.Queue == nil {
		return nil, nil
	}
	var seen []string
	for i := range es {
		if es[i].Hop == nil || es[i].Hop.Entry == "" || slices.Contains(seen, es[i].Hop.Entry) {
			continue
		}
		seen = append(seen, es[i].Hop.Entry)
		n, ok := spool.ParseName(es[i].Hop.Entry)
		if !ok {
			continue
		}
		e, err := t.m.Queue.Show(t.ctx, n)
		if err != nil {
			return out, err
		}
		if e != nil && e.Message.ID == es[i].ID {
			out = append(out, t.say(t.waits(e)))
		}
	}
	return out, nil
}

func (t *tracer) waits(e *spool.Entry) Step {
	s := Step{
		Time: t.now, Code: StepWaiting, ID: e.Message.ID, Entry: e.Name().String(), Destination: e.Queue(), Attempt: e.Attempts,
		Next: e.Next.UTC(), Expires: e.Expires.UTC(),
	}
	for _, i := range e.WaitingRcpts() {
		s.Recipients++
		if len(s.To) < event.MaxTo {
			s.To = append(s.To, e.Rcpts[i].To.Mailbox.Unicode())
		}
	}
	if e.Hold {
		s.Code, s.Next = StepHeld, time.Time{}
	}
	if s.Recipients == 0 {
		s.Reason = "report"
	}
	return s
}

// ending tells how things stand: what waits, or that nothing does, and whether another server was ever spoken to.
func (t *tracer) ending(id string, es []event.Event, left []Step) []Step {
	tried, stored := false, false
	for i := range es {
		e := &es[i]
		if isReport(e) {
			continue
		}
		stored = stored || e.Kind == event.Delivered
		tried = tried || e.Hop != nil && e.Hop.Attempt > 0 && e.Kind != event.Delivered
	}
	switch {
	case len(left) > 0:
		return left
	case tried:
		return []Step{t.say(Step{Time: t.now, Code: StepSettled, ID: id})}
	case stored:
		return []Step{t.say(Step{Time: t.now, Code: StepLocal, ID: id})}
	}
	return nil
}

// places names the mailboxes of e.
func (t *tracer) places(e *event.Event) (out []StepPlace) {
	for _, p := range e.Places {
		out = append(out, StepPlace{Account: t.names.of(t.ctx, p.Account), Mailbox: t.box(p.Account, p.Mailbox), UID: p.UID})
	}
	if len(out) == 0 && e.Hop == nil { // an event of before places were kept
		for _, a := range e.Accounts {
			out = append(out, StepPlace{Account: t.names.of(t.ctx, a), Mailbox: "INBOX"})
		}
	}
	return out
}

// box names a mailbox: as it is called now, or by its number if it is gone.
func (t *tracer) box(a mail.AccountID, id uint32) string {
	names, ok := t.boxes[a]
	if !ok {
		names = map[uint32]string{}
		if all, err := t.m.Mail.Account(a).List(t.ctx); err == nil { // one that is gone has no names
			for _, b := range all {
				names[uint32(b.ID)] = b.Name
			}
		}
		t.boxes[a] = names
	}
	if n := names[id]; n != "" {
		return n
	}
	return "mailbox " + strconv.FormatUint(uint64(id), 10)
}
