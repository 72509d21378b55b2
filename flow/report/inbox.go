package report

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail/event"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/mime"
)

// Arrival is a message that was taken and may be a report.
type Arrival struct {
	ID     string         // of its own transaction
	From   addr.Path      // its reverse-path
	To     []addr.Mailbox // its forward-paths
	Blob   kv.BlobID
	Parsed *mime.Message // offsets relative to the stored bytes
}

// InboxDeps are what an Inbox works with. Log may be nil.
type InboxDeps struct {
	Matcher *Matcher
	Blobs   kv.Blobs
	Events  Recorder
	Flush   func(context.Context) error // makes events that were recorded findable; nil: they are
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Inbox reads the reports that come in, behind their acceptance: what they tell is recorded for the messages they
// are about. Use NewInbox and Start; Close it before what it works with.
type Inbox struct {
	d     InboxDeps
	queue chan Arrival
	life  context.Context
	end   context.CancelFunc
	work  sync.WaitGroup
}

// Limits: how many reports may wait to be read, and the octets of a header section of one. What is beyond them stays
// what it is: a message in a mailbox.
const (
	inboxRoom   = 256
	inboxHeader = 64 << 10
)

// readTime bounds the reading of one report.
const readTime = 10 * time.Second

// NewInbox makes an Inbox. It reads nothing before Start.
func NewInbox(d InboxDeps) *Inbox {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	x := &Inbox{d: d, queue: make(chan Arrival, inboxRoom)}
	x.life, x.end = context.WithCancel(context.Background())
	return x
}

// Start begins to read.
func (x *Inbox) Start() { x.work.Go(x.run) }

// Arrived takes a message that was accepted with the null reverse-path, or for a reverse-path that we gave out. It never blocks.
func (x *Inbox) Arrived(a Arrival) {
	if a.Parsed == nil || len(a.Parsed.Header) > inboxHeader {
		return
	}
	select {
	case x.queue <- a:
	default:
		x.d.Matcher.Metrics.drop(reasonInboxFull)
		x.d.Log.Warn("a message was not looked at for what it reports", slog.String("id", a.ID))
	}
}

// Close ends the reading. What still waits is not read.
func (x *Inbox) Close() {
	x.end()
	x.work.Wait()
}

func (x *Inbox) run() {
	for {
		select {
		case <-x.life.Done():
			return
		case a := <-x.queue:
			if err := x.read(a); err != nil && x.life.Err() == nil {
				x.d.Log.Error("a report was not read", slog.String("id", a.ID), slog.Any("error", err))
			}
		}
	}
}

// read ties one report and records what it tells.
func (x *Inbox) read(a Arrival) error {
	ctx, cancel := context.WithTimeout(x.life, readTime)
	defer cancel()
	if x.d.Flush != nil {
		if err := x.d.Flush(ctx); err != nil {
			return err
		}
	}
	body, err := x.d.Blobs.Open(ctx, a.Blob)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	r, ok, err := x.d.Matcher.Tie(ctx, Incoming{From: a.From, To: a.To, Body: body, Parsed: a.Parsed})
	if err != nil || !ok {
		return err
	}
	for i := range r.Rcpts {
		x.d.Events.Record(r.event(&r.Rcpts[i], a.ID, x.d.Now()))
	}
	x.d.Log.LogAttrs(ctx, slog.LevelInfo, "report read", slog.String("id", r.ID), slog.String("report", a.ID),
		slog.String("by", r.By), slog.String("form", r.Bounce.Source), slog.Int("rcpts", len(r.Rcpts)))
	return nil
}

// event is what another host tells of one recipient of a message of ours.
func (r *Result) event(t *Told, report string, now time.Time) event.Event {
	ev := event.Event{
		Time: now.Truncate(time.Microsecond), Kind: kindOf(t.Action), ID: r.ID, Login: r.Login, From: r.Sender,
		Stage: "report", Rcpts: 1, Other: report,
		Hop: &event.Hop{Host: t.RemoteMTA, Next: t.RetryUntil},
	}
	if ev.Hop.Host == "" {
		ev.Hop.Host = r.Bounce.ReportingMTA
	}
	if t.Class != 0 {
		ev.Reason = "bounce-" + t.Class.String()
	}
	if !t.Status.Unknown() {
		ev.Enhanced = t.Status.String()
	}
	ev.Code, ev.Hop.Text = remoteWords(t.Diagnostic, ev.Enhanced)
	to := t.To
	if to == "" {
		to = t.Final
	}
	if to != "" {
		ev.To = []string{to}
	}
	return ev
}

// remoteWords takes "552 5.2.2 mailbox is full" apart, so that its codes are not told twice.
func remoteWords(diagnostic, enhanced string) (code int, text string) {
	first, rest, _ := strings.Cut(diagnostic, " ")
	n, err := strconv.Atoi(first)
	if err != nil || n < 200 || n > 599 {
		return 0, diagnostic
	}
	if again, ok := strings.CutPrefix(rest, enhanced+" "); ok && enhanced != "" {
		rest = again
	}
	return n, rest
}

// kindOf gives the kind of event for an action that another host reports.
func kindOf(a dsn.Action) event.Kind {
	switch a {
	case dsn.Delivered:
		return event.Delivered
	case dsn.Relayed, dsn.Expanded:
		return event.Relayed
	case dsn.Delayed:
		return event.Delayed
	}
	return event.Bounced
}
