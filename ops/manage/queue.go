package manage

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"barid/base/fault"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// QueueSelector chooses entries of the queue: those that agree with every field that is given. Patterns take
// "*" for any text, and do not tell upper from lower case.
type QueueSelector struct {
	IDs       []string `json:"ids,omitempty"`
	Messages  []string `json:"messages,omitempty"`    // ids of transactions, as in the reply to the sender
	Account   string   `json:"account,omitempty"`     // address of the account that submitted
	From      string   `json:"from,omitempty"`        // pattern of the sender; "<>" for reports
	To        string   `json:"to,omitempty"`          // pattern of a recipient
	Domain    string   `json:"domain,omitempty"`      // pattern of the destination
	Route     *string  `json:"route,omitempty"`       // name of the route; "" or "direct" for those by MX
	OlderThan string   `json:"older_than,omitempty"`  // "90m", "36h", "2d", "1w"
	Next      string   `json:"next_within,omitempty"` // the next attempt is within: "15m"
	Error     string   `json:"error,omitempty"`       // pattern within the last answer
	Held      *bool    `json:"held,omitempty"`
	All       bool     `json:"all,omitempty"`
}

// QueueEntry is a message on its way to one destination. The first seven members are those of Postfix's
// postqueue -j.
type QueueEntry struct {
	QueueName    string      `json:"queue_name"` // "hold", "deferred", or "active" for what was not tried yet
	QueueID      string      `json:"queue_id"`
	ArrivalTime  int64       `json:"arrival_time"` // seconds since 1970
	MessageSize  int64       `json:"message_size"`
	ForcedExpire bool        `json:"forced_expire"` // given up; only a report is still to be made
	Sender       string      `json:"sender"`        // "MAILER-DAEMON" for the null reverse-path
	Recipients   []QueueRcpt `json:"recipients"`    // queue.list: those not settled; queue.show: all

	Message     string    `json:"message"` // id of the transaction, for barid trace msg
	State       string    `json:"state"`   // "waiting", "held" or "reporting"
	Attempts    int       `json:"attempts"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	Expires     time.Time `json:"expires,omitzero"`
	Destination string    `json:"destination"`
	Route       string    `json:"route,omitempty"`
	Line        string    `json:"line"` // what pause and resume call it
	Account     string    `json:"account,omitempty"`
	Priority    int       `json:"priority,omitempty"`
}

// QueueRcpt is one recipient of an entry.
type QueueRcpt struct {
	Address     string    `json:"address"`
	DelayReason string    `json:"delay_reason,omitempty"` // the last answer
	State       string    `json:"state"`                  // "waiting", "relayed", "delivered", "failed", "expired", "removed"
	Answered    time.Time `json:"answered,omitzero"`
	Stage       string    `json:"stage,omitempty"` // of the attempt, at which the answer came
}

// queueFault says in a person's words what the queue answered.
func queueFault(err error) error {
	switch {
	case errors.Is(err, queue.ErrNoSelector):
		return fault.New("B4010", "no entries of the queue were chosen").WithExit(fault.ExitUsage).
			WithMeans("nothing was changed: a command that changes something wants to know what, also if that is everything").
			WithFix("name entries, or use --from, --to, --domain, --older-than …").WithFix("--all chooses every entry")
	case errors.Is(err, queue.ErrNotRunning):
		return fault.New("B4011", "the queue is stopping").WithFix("try again when the server has stopped, or runs again").Wrap(err)
	}
	return err
}

// noEntry is the fault for a name that nothing has.
func noEntry(name string) *fault.Fault {
	return fault.New("B4012", "there is no entry %q in the queue", name).
		WithMeans("it was delivered, given up or removed; or it got another name when it was given another way").
		WithFix("barid queue list").WithFix("barid trace msg ID    with the id of the message")
}

// selector makes the queue's selector of what a person gave.
func (m *Manager) selector(ctx context.Context, in *QueueSelector) (queue.Selector, error) {
	s := queue.Selector{
		Messages: in.Messages, From: in.From, To: in.To, Domain: in.Domain, Route: in.Route, ErrorLike: in.Error,
		Hold: in.Held, All: in.All,
	}
	for _, id := range in.IDs {
		n, ok := spool.ParseName(id)
		if !ok {
			return s, noEntry(id)
		}
		s.Names = append(s.Names, n)
	}
	if in.Account != "" {
		id, err := m.submitter(ctx, in.Account)
		if err != nil {
			return s, err
		}
		s.Account = id
	}
	if in.OlderThan != "" {
		age, err := ParseAge(in.OlderThan)
		if err != nil {
			return s, err
		}
		s.Before = time.Now().Add(-age)
	}
	if in.Next != "" {
		within, err := ParseAge(in.Next)
		if err != nil {
			return s, err
		}
		s.NextBy = time.Now().Add(within)
	}
	return s, nil
}

// submitter finds an account by its address, or by the number that lists show in the place of one that was removed:
// "#7". Its mail is still on its way.
func (m *Manager) submitter(ctx context.Context, name string) (mail.AccountID, error) {
	if number, ok := strings.CutPrefix(name, "#"); ok {
		id, err := strconv.ParseUint(number, 10, 64)
		if err != nil || id == 0 {
			return 0, fault.New("B4003", "%q is no account", name).WithExit(fault.ExitUsage).
				WithFix("an address, or a number as barid queue show names it for an account that was removed: '#7'")
		}
		return mail.AccountID(id), nil
	}
	a, err := m.Directory.ByName(ctx, name)
	if unknown, ok := errors.AsType[account.ErrUnknown](err); ok {
		f := fault.New("B4002", "there is no account %q", name).Wrap(err)
		if unknown.Near != "" {
			f.WithFix("did you mean %s?", unknown.Near)
		}
		return 0, f.WithFix("barid queue list --from %s    what it sent, if it was removed; barid queue show ID names its number", name)
	}
	return a.ID, err
}

// names remembers the addresses of accounts while a list is made.
type names struct {
	m    *Manager
	seen map[mail.AccountID]string
}

func (n *names) of(ctx context.Context, id mail.AccountID) string {
	if id == 0 {
		return ""
	}
	if s, ok := n.seen[id]; ok {
		return s
	}
	s := "#" + id.String() // its account was removed since
	if a, err := n.m.Directory.Account(ctx, id); err == nil {
		s = unicode(a.Name)
	}
	n.seen[id] = s
	return s
}

// queueEntry describes e; all tells whether settled recipients are shown too.
func queueEntry(e *spool.Entry, account string, all bool) QueueEntry {
	waiting := len(e.WaitingRcpts())
	route, _ := relay.Hinted(e.Route)
	q := QueueEntry{
		QueueName: "active", QueueID: e.Name().String(), ArrivalTime: e.Arrived.Unix(), MessageSize: e.Size,
		ForcedExpire: waiting == 0, Sender: "MAILER-DAEMON", Recipients: []QueueRcpt{},
		Message: e.Message.ID, State: "waiting", Attempts: e.Attempts, NextAttempt: e.Next.UTC(), Expires: e.Expires.UTC(),
		Destination: addr.UnicodeDomain(e.Destination), Route: route, Line: e.Queue(), Account: account, Priority: int(e.Priority),
	}
	if !e.From.Null {
		q.Sender = e.From.Mailbox.Unicode()
	}
	if e.Attempts > 0 {
		q.QueueName = "deferred"
	}
	switch {
	case e.Hold:
		q.QueueName, q.State, q.NextAttempt = "hold", "held", time.Time{}
	case waiting == 0:
		q.State, q.NextAttempt = "reporting", time.Time{}
	}
	for i := range e.Rcpts {
		r := &e.Rcpts[i]
		if !all && r.Settled() {
			continue
		}
		q.Recipients = append(q.Recipients, QueueRcpt{
			Address: r.To.Mailbox.Unicode(), DelayReason: r.Last.String(), State: r.State.String(),
			Answered: r.Last.Time.UTC(), Stage: r.Last.Stage,
		})
	}
	return q
}

// ParseAge reads "90m", "36h", "2d", "1w" or "1d12h".
func ParseAge(s string) (time.Duration, error) {
	bad := fault.New("B4003", "%q is not a time", s).WithExit(fault.ExitUsage).WithFix("30m, 12h, 2d or 1w")
	var days time.Duration
	rest := strings.TrimSpace(s)
	for _, u := range []struct {
		unit string
		long time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		num, after, found := strings.Cut(rest, u.unit)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(num, 10, 16)
		if err != nil {
			return 0, bad
		}
		days, rest = days+time.Duration(n)*u.long, after
	}
	if rest == "" && days > 0 {
		return days, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, bad
	}
	return days + d, nil
}

// FormatAge gives a time span in words: "3 s", "12 min", "5 h 10 min", "2 d 4 h".
func FormatAge(d time.Duration) string {
	d = max(d, 0)
	n := func(u time.Duration) string { return strconv.FormatInt(int64(d/u), 10) }
	two := func(u time.Duration, name string, less time.Duration, lesser string) string {
		s := n(u) + " " + name
		if rest := d % u / less; rest > 0 {
			s += " " + strconv.FormatInt(int64(rest), 10) + " " + lesser
		}
		return s
	}
	switch {
	case d < time.Minute:
		return n(time.Second) + " s"
	case d < time.Hour:
		return n(time.Minute) + " min"
	case d < 24*time.Hour:
		return two(time.Hour, "h", time.Minute, "min")
	}
	return two(24*time.Hour, "d", time.Hour, "h")
}
