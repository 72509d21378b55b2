// Package report tells senders what became of their mail, and reads what other hosts tell ours.
//
// Life: flow/queue calls a Reporter when a recipient is settled or waits for long; the report goes into the
// sender's mailbox, or into the queue if the sender is elsewhere, in the same commit as the queue's own note.
// The other way round, Matcher.Tie finds which of our messages an incoming report is about.
//
// Promises:
//   - Invariant: there is never a report about a report: nothing is made for a null reverse-path
//     (RFC 3461 §6.1), and every report has one.
//   - Invariant: nobody is told who did not submit the message to us as somebody we know; a forged sender
//     gets no mail from us.
//   - NOTIFY, RET, ENVID and ORCPT are honoured (RFC 3461 §4).
//   - What fails of one message within seconds is one report (docs/adr/0019).
//   - The same report made twice, because of a crash, has the same Message-ID.
//   - The text is in the sender's language and direction; the other host's words are given as they were.
//
// Limits: Settings. Failure: an original that is damaged is left out of its report; everything else that
// breaks is a plain error, and the queue tries again.
//
// Standards: RFC 3461, RFC 3464, RFC 6522, RFC 6533, RFC 3834, RFC 5321 §4.5.5, §6.1.
package report

import (
	"context"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// Directory tells where the address of a sender leads. *account.Directory is one.
type Directory interface {
	Resolve(ctx context.Context, a addr.Mailbox) (account.Target, error)
}

// Store puts a stored body into mailboxes, and whatever else belongs to it, in one commit. *mailbox.Store is one.
type Store interface {
	DeliverAlso(ctx context.Context, m *mailbox.Message, to []mailbox.Destination, also ...mailbox.Also) ([]mailbox.Delivered, error)
}

// Recorder takes what happened; it never blocks. *event.Log is one.
type Recorder interface {
	Record(e event.Event)
}

// Texts gives a text of reports by language ("fa") and key ("subject.failed"). locales.Texts is one.
type Texts interface {
	Text(lang, key string) (string, bool)
}

// Settings are the names and limits of reports. The zero value of a limit has the default.
type Settings struct {
	Host       string         // our name: Reporting-MTA, Message-ID
	Postmaster addr.Mailbox   // who is written to for help, and From; zero: postmaster at Host
	MaxReturn  int64          // bytes of an original that is returned in full; 0: 1 MiB
	Expire     time.Duration  // how long a report to somebody elsewhere is tried; 0: 2 days
	Lifetime   time.Duration  // how long mail is tried that does not say so itself; 0: 5 days
	Zone       *time.Location // of times in texts; nil: UTC
	Language   string         // of senders whose language is not known; "": "en"
}

// Deps are what New needs. Events, Log, Metrics, Known, Locale, Route, Submitted, Together and Now may be nil.
type Deps struct {
	Settings  Settings
	Blobs     kv.Blobs
	Directory Directory
	Store     Store
	Texts     Texts
	Events    Recorder
	Log       *slog.Logger
	Metrics   *Metrics

	// Known tells whether the reverse-path of a message can be trusted; nil: if somebody logged in for it, or it is from this machine.
	Known func(*spool.Message) bool
	// Locale tells the language of an account, for reports to its owner about mail that says none, such as that of
	// programs on this machine; nil: Settings.Language.
	Locale func(ctx context.Context, id mail.AccountID) string
	// Route names the smarthost route for mail to an address; nil: by MX.
	Route func(to addr.Mailbox) string
	// Submitted wakes the queue after reports were put into it; queue.Queue.Submitted.
	Submitted func(...*spool.Entry)
	// Together tells whether the store commits these partitions as one; nil: always.
	Together func([]kv.Part) bool
	Now      func() time.Time // nil: time.Now
}

// Reporter makes reports. Use New; it is safe for many goroutines. It is a queue.Joiner.
type Reporter struct{ d Deps }

var _ queue.Joiner = (*Reporter)(nil)

// Defaults of Settings.
const (
	DefaultMaxReturn = 1 << 20
	DefaultExpire    = 48 * time.Hour
	DefaultLifetime  = 5 * 24 * time.Hour
	DefaultLanguage  = "en"
)

// New gives a Reporter.
func New(d Deps) *Reporter {
	s := &d.Settings
	def(&s.Host, "localhost")
	def(&s.MaxReturn, DefaultMaxReturn)
	def(&s.Expire, DefaultExpire)
	def(&s.Lifetime, DefaultLifetime)
	def(&s.Language, DefaultLanguage)
	def(&s.Zone, time.UTC)
	if s.Postmaster.IsZero() {
		s.Postmaster = addr.Mailbox{Local: "postmaster", Domain: s.Host}
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Known == nil {
		d.Known = func(m *spool.Message) bool { return m.Account != 0 || m.Local }
	}
	return &Reporter{d: d}
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Report implements queue.Reporter.
func (r *Reporter) Report(ctx context.Context, e *spool.Entry, kind queue.Kind, rcpts []int) error {
	return r.report(ctx, e, kind, rcpts, nil)
}

// ReportWith implements queue.Joiner.
func (r *Reporter) ReportWith(ctx context.Context, e *spool.Entry, kind queue.Kind, rcpts []int, mark queue.Mark) error {
	return r.report(ctx, e, kind, rcpts, &mark)
}

// report makes what is due and commits it, with the queue's note if there is a mark.
func (r *Reporter) report(ctx context.Context, e *spool.Entry, kind queue.Kind, rcpts []int, mark *queue.Mark) error {
	n := notice{r: r, e: e, action: actionOf(kind), now: r.d.Now()}
	var why string
	if n.rcpts, why = due(e, n.action, rcpts, r.d.Known); why == "" && len(n.rcpts) > 0 {
		to, err := r.whereTo(ctx, e.From.Mailbox)
		if err != nil {
			return err
		}
		if n.locale = e.Locale; n.locale == "" && len(to.accounts) == 1 && r.d.Locale != nil {
			n.locale = r.d.Locale(ctx, to.accounts[0])
		}
		if !to.none() {
			return n.send(ctx, to, mark)
		}
		why = reasonNoMailbox
	}
	if why != "" {
		n.dropped(ctx, why)
	}
	if mark != nil {
		return mark.Alone(ctx)
	}
	return nil
}
