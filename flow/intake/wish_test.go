package intake

import (
	"context"
	"strings"
	"testing"
	"time"

	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/mail"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/store/memory"
)

// desk is an intake with a queue at a fixed time.
type desk struct {
	t      *testing.T
	in     *Intake
	db     *memory.Store
	boxes  *mailbox.Store
	queue  *line
	events *events
	client *mail.Client
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newDesk(t *testing.T, s Settings) *desk {
	t.Helper()
	db := memory.New()
	d := &desk{
		t: t, db: db, boxes: mailbox.Open(db, db, mailbox.Options{}), queue: &line{}, events: new(events),
		client: &mail.Client{Session: "s", Role: mail.RoleSubmission, Login: 1, ESMTP: true, Helo: "c.example"},
	}
	t.Cleanup(d.boxes.Close)
	s.Host = host
	d.in = New(Deps{
		Settings: s, Blobs: db, Router: abroad{}, Local: local.New(d.boxes), Queue: d.queue, Events: d.events,
		Policy: policy.NewRunner(nil, policy.DefaultSettings(), nil), Now: func() time.Time { return noon },
	})
	return d
}

func (d *desk) begin(p smtp.MailParams) (*Tx, error) {
	return d.in.Begin(d.t.Context(), d.client, addr.Path{Mailbox: addr.Mailbox{Local: "one", Domain: "example.test"}}, p)
}

// send is a whole transaction; rcpts are addresses, each with NOTIFY n.
func (d *desk) send(p smtp.MailParams, text string, n smtp.Notify, rcpts ...string) *Tx {
	d.t.Helper()
	tx, err := d.begin(p)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range rcpts {
		if err := tx.Rcpt(d.t.Context(), path(d.t, "<"+r+">"), smtp.RcptParams{Notify: n}); err != nil {
			d.t.Fatal(err)
		}
	}
	if _, err := tx.Data(d.t.Context(), strings.NewReader(text)); err != nil {
		d.t.Fatal(err)
	}
	return tx
}

func (d *desk) inbox() int64 {
	d.t.Helper()
	u, err := d.boxes.Account(1).Usage(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return u.Messages
}

// spooled gives "destination: to state notify" of every recipient in the spool.
func (d *desk) spooled() map[string]*spool.Entry {
	d.t.Helper()
	all := map[string]*spool.Entry{}
	for _, e := range spooledIn(d.t, d.db) {
		for _, r := range e.Rcpts {
			all[e.Destination+": "+r.To.Mailbox.String()+" "+r.State.String()+" "+r.Notify.String()] = e
		}
	}
	return all
}

func keys(m map[string]*spool.Entry) (ks []string) {
	for k := range m {
		ks = append(ks, k)
	}
	return ks
}

func TestNothingOfAHeldMessageIsDeliveredAtOnce(t *testing.T) {
	asked := map[string]string{"for": "for;3600", "until": "until;" + noon.Add(time.Hour).UTC().Format(time.RFC3339)}
	for name, p := range map[string]smtp.MailParams{
		"for":   {HoldFor: time.Hour},
		"until": {HoldUntil: noon.Add(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, Settings{})
			d.send(p, plain, 0, "one@example.test", "team@example.test", "a@x.test")
			if n := d.inbox(); n != 0 {
				t.Errorf("%d messages are in the mailbox already", n)
			}
			got := d.spooled()
			for _, want := range []string{"example.test: one@example.test waiting ", "example.test: team@example.test waiting ", "x.test: a@x.test waiting "} {
				e := got[want]
				if e == nil {
					t.Fatalf("%q is not among %q", want, keys(got))
				}
				if due := noon.Add(time.Hour); !e.Next.Equal(due) || !e.NotBefore.Equal(due) || !e.Expires.Equal(due.Add(DefaultExpire)) || !e.Arrived.Equal(noon) || e.Release != asked[name] {
					t.Errorf("%s: next %v, not before %v, expires %v", want, e.Next, e.NotBefore, e.Expires)
				}
			}
			if len(got) != 3 || len(d.queue.told) != 2 {
				t.Errorf("spooled %q, told of %d", keys(got), len(d.queue.told))
			}
			kinds := map[event.Kind]int{}
			for _, e := range d.events.all {
				kinds[e.Kind]++
				if e.Kind == event.Queued && (e.Hop == nil || !e.Hop.Next.Equal(noon.Add(time.Hour)) || e.Hop.Entry == "") {
					t.Errorf("%+v", e)
				}
			}
			if kinds[event.Accepted] != 1 || kinds[event.Queued] != 2 || kinds[event.Delivered] != 0 {
				t.Errorf("events %v", kinds)
			}
		})
	}
}

func TestHeldMailForTheBarePostmasterHasAHome(t *testing.T) {
	d := newDesk(t, Settings{})
	tx := &Tx{in: d.in}
	for to, want := range map[string]string{
		"<postmaster>":               host + ": <postmaster>",
		"<postmaster@[192.0.2.25]>":  host + ": <postmaster>",
		"<Postmaster@example.test>":  "example.test: <Postmaster@example.test>",
		"<info@xn--mgbh0fb.test>":    "xn--mgbh0fb.test: <info@xn--mgbh0fb.test>",
		"<info+news@example.test>":   "example.test: <info+news@example.test>",
		`<"odd name"@example.test>`:  `example.test: <"odd name"@example.test>`,
		"<فروش@example.test>":        "example.test: <فروش@example.test>",
		"<info@sub.example.test>":    "sub.example.test: <info@sub.example.test>",
		"<postmaster@[IPv6:2001::]>": host + ": <postmaster>",
	} {
		r := rcpt{path: path(t, to)}
		if got := tx.homeOf(r) + ": " + tx.home(r).To.String(); got != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
	}
}

func TestWishesThatCanNotBeKept(t *testing.T) {
	d := newDesk(t, Settings{MaxHold: 24 * time.Hour})
	for name, c := range map[string]struct {
		p    smtp.MailParams
		want string
	}{
		"held too long":           {smtp.MailParams{HoldFor: 24*time.Hour + time.Second}, "501 5.5.4"},
		"held as long as may be":  {smtp.MailParams{HoldFor: 24 * time.Hour}, ""},
		"held till too late":      {smtp.MailParams{HoldUntil: noon.Add(25 * time.Hour)}, "501 5.5.4"},
		"held till yesterday":     {smtp.MailParams{HoldUntil: noon.Add(-24 * time.Hour)}, "501 5.5.4"},
		"held till now":           {smtp.MailParams{HoldUntil: noon}, "501 5.5.4"},
		"late before it may go":   {smtp.MailParams{HoldFor: time.Hour, By: smtp.DeliverBy{In: time.Minute, Mode: smtp.ByReturn}}, "501 5.5.4"},
		"told when it is late":    {smtp.MailParams{HoldFor: time.Hour, By: smtp.DeliverBy{In: time.Minute, Mode: smtp.ByNotify}}, ""},
		"in time after the hold":  {smtp.MailParams{HoldFor: time.Hour, By: smtp.DeliverBy{In: 2 * time.Hour, Mode: smtp.ByReturn}}, ""},
		"over before it was sent": {smtp.MailParams{By: smtp.DeliverBy{In: -time.Minute, Mode: smtp.ByNotify}}, ""},
	} {
		_, err := d.begin(c.p)
		if got := code(err); got != c.want {
			t.Errorf("%s: %q %v, want %q", name, got, err, c.want)
		}
	}
	d.in.d.Queue = nil
	for _, p := range []smtp.MailParams{{HoldFor: 1}, {By: smtp.DeliverBy{In: 1, Mode: smtp.ByNotify}}, {Priority: -1}, {HoldUntil: noon.Add(1)}} {
		if _, err := d.begin(p); code(err) != "555 5.5.4" {
			t.Errorf("%+v without a queue: %v", p, err)
		}
	}
}

func TestWishesReachTheQueue(t *testing.T) {
	d := newDesk(t, Settings{MaxPriority: 4})
	tx := d.send(smtp.MailParams{
		By: smtp.DeliverBy{In: 90 * time.Second, Mode: smtp.ByReturn, Trace: true}, Priority: 9, RequireTLS: true,
	}, "TLS-Required: No\r\n"+plain, 0, "a@x.test")
	if tx.Priority() != 4 {
		t.Errorf("priority %d", tx.Priority())
	}
	e := spooledIn(t, d.db)[0]
	if !e.DeliverBy.Equal(noon.Add(90*time.Second)) || e.ByMode != 'R' || !e.ByTrace || e.Priority != 4 || !e.RequireTLS || e.TLSOptional || !e.NotBefore.IsZero() {
		t.Errorf("%+v", e.Message)
	}
}

func TestPrioritiesAreForThoseWhoMayHaveThem(t *testing.T) {
	boss := func(_ context.Context, c *mail.Client) int8 {
		if c.Login == 7 {
			return spool.MaxPriority
		}
		return -2
	}
	for _, c := range []struct {
		login     mail.AccountID
		settings  int8
		by        func(context.Context, *mail.Client) int8
		ask, want int8
	}{
		{1, 0, nil, 9, 0},
		{1, 0, nil, -4, -4},
		{1, 3, nil, 9, 3},
		{1, 3, nil, 2, 2},
		{0, 3, nil, 2, 0}, // a stranger
		{7, 0, boss, 9, 9},
		{8, 9, boss, 0, 0}, // who asks for nothing keeps the usual
		{8, 9, boss, 1, -2},
	} {
		d := newDesk(t, Settings{MaxPriority: c.settings})
		d.in.d.MaxPriority = c.by
		if d.client.Login = c.login; c.login == 0 {
			d.client.Role = mail.RoleMX
		}
		tx, err := d.begin(smtp.MailParams{Priority: c.ask})
		if err != nil || tx.Priority() != c.want {
			t.Errorf("%+v: %v, %v", c, tx.Priority(), err)
		}
	}
}

func TestProgramsOfThisMachineMayHurryToo(t *testing.T) {
	d := newDesk(t, Settings{})
	d.client.Login, d.client.Role = 0, mail.RoleLocal
	d.in.d.MaxPriority = func(context.Context, *mail.Client) int8 { return 4 }
	if tx, err := d.begin(smtp.MailParams{Priority: 9}); err != nil || tx.Priority() != 4 {
		t.Errorf("%v, %v", tx.Priority(), err)
	}
}

func TestTLSRequiredNo(t *testing.T) {
	for field, want := range map[string]bool{
		"TLS-Required: No\r\n":     true,
		"tls-required:no \r\n":     true,
		"TLS-Required: Yes\r\n":    false,
		"TLS-Required: No way\r\n": false,
		"X-TLS-Required: No\r\n":   false,
	} {
		d := newDesk(t, Settings{})
		d.send(smtp.MailParams{}, field+plain, 0, "a@x.test")
		if got := spooledIn(t, d.db)[0].TLSOptional; got != want {
			t.Errorf("%q: %v", field, got)
		}
	}
	d := newDesk(t, Settings{})
	d.client.Role, d.client.Login = mail.RoleMX, 0
	d.send(smtp.MailParams{}, "TLS-Required: No\r\n"+plain, 0, "a@x.test")
	if spooledIn(t, d.db)[0].TLSOptional {
		t.Error("a stranger's word counts")
	}
}

// What was delivered here and is to be reported lies in the spool as delivered and untold: the queue reports it, and
// a crash loses nothing.
func TestSuccessIsOwed(t *testing.T) {
	success := smtp.NotifySuccess | smtp.NotifyFailure
	for name, c := range map[string]struct {
		notify smtp.Notify
		rcpts  []string
		want   []string
		login  mail.AccountID
	}{
		"mailbox":            {success, []string{"one@example.test"}, []string{"example.test: one@example.test delivered SUCCESS,FAILURE"}, 1},
		"nobody asked":       {0, []string{"one@example.test"}, nil, 1},
		"failure only":       {smtp.NotifyFailure, []string{"one@example.test"}, nil, 1},
		"never":              {smtp.NotifyNever, []string{"one@example.test"}, nil, 1},
		"a stranger":         {success, []string{"one@example.test"}, nil, 0},
		"elsewhere":          {success, []string{"a@x.test"}, []string{"x.test: a@x.test waiting SUCCESS,FAILURE"}, 1},
		"twice":              {success, []string{"one@example.test", "one@example.test"}, []string{"example.test: one@example.test delivered SUCCESS,FAILURE"}, 1},
		"alias of several":   {success, []string{"team@example.test"}, []string{"example.test: team@example.test expanded SUCCESS,FAILURE", "x.test: a@x.test waiting FAILURE"}, 1},
		"alias, success":     {smtp.NotifySuccess, []string{"team@example.test"}, []string{"example.test: team@example.test expanded SUCCESS", "x.test: a@x.test waiting NEVER"}, 1},
		"alias, nobody asks": {0, []string{"team@example.test"}, []string{"x.test: a@x.test waiting "}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, Settings{})
			if d.client.Login = c.login; c.login == 0 {
				d.client.Role = mail.RoleMX
			}
			d.send(smtp.MailParams{}, plain, c.notify, c.rcpts...)
			got := d.spooled()
			for _, w := range c.want {
				if got[w] == nil {
					t.Errorf("%q is not among %q", w, keys(got))
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("spooled %q, want %q", keys(got), c.want)
			}
		})
	}
}

func TestNobodyIsToldOfSuccessOfAReport(t *testing.T) {
	d := newDesk(t, Settings{})
	tx, err := d.in.Begin(t.Context(), d.client, addr.Path{Null: true}, smtp.MailParams{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Rcpt(t.Context(), path(t, "<one@example.test>"), smtp.RcptParams{Notify: smtp.NotifySuccess}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Data(t.Context(), strings.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	if got := spooledIn(t, d.db); len(got) != 0 {
		t.Errorf("%d spooled", len(got))
	}
}

// A sender without SIZE, two recipients, one with little room: the second time only that one is refused.
func TestOneNearlyFullMailboxDoesNotKeepTheOthersWaiting(t *testing.T) {
	w := newWorld(t, Settings{}, roomCheck{limit: 1000})
	w.box.full = map[mail.AccountID]bool{2: true}
	big := "Subject: x\r\n\r\n" + strings.Repeat("x", 5000)
	if _, err := w.send(stranger(), big, "one", "two"); code(err) != "452 4.2.2" {
		t.Fatalf("first time: %v", err)
	}
	tx := w.begin(stranger(), smtp.MailParams{}, "one")
	if err := tx.Rcpt(t.Context(), path(t, "<two@example.test>"), smtp.RcptParams{}); code(err) != "452 4.2.2" {
		t.Errorf("the full one at its RCPT: %v", err)
	}
	if _, err := tx.Data(t.Context(), strings.NewReader(big)); err != nil {
		t.Errorf("the other one: %v", err)
	}
	if tx := w.begin(stranger(), smtp.MailParams{Size: 100}); tx.Rcpt(t.Context(), path(t, "<two@example.test>"), smtp.RcptParams{}) != nil {
		t.Error("a small message that says so is refused too")
	}
}

// roomCheck refuses account 2 what is larger than limit.
type roomCheck struct{ limit int64 }

func (roomCheck) Name() string        { return "quota" }
func (roomCheck) Stage() policy.Stage { return policy.Rcpt }
func (c roomCheck) Run(_ context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	if len(tx.Accounts) == 1 && tx.Accounts[0] == 2 && tx.Size > c.limit {
		return []policy.Finding{{Result: policy.Fail, Reason: "quota-full"}}, nil
	}
	return nil, nil
}

func TestSwollenIsBounded(t *testing.T) {
	var s swollen
	for i := range 3 * maxSwollen {
		s.note("<a@x.test>", []mail.AccountID{mail.AccountID(i)}, 1, noon)
	}
	if len(s.seen) > maxSwollen {
		t.Errorf("%d are remembered", len(s.seen))
	}
	s.note("<a@x.test>", []mail.AccountID{5}, 1, noon)
	if s.size("<a@x.test>", []mail.AccountID{5}, noon.Add(swollenFor)) != 1 || s.size("<a@x.test>", []mail.AccountID{5}, noon.Add(swollenFor+1)) != 0 {
		t.Error("not remembered as long as it should be")
	}
}
