package manage_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/base/log"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/relay"
	"barid/mail/spool"
	"barid/ops/manage"
	"barid/rfc/addr"
	"barid/serve/admin"
	"barid/store/memory"
)

// stored is the message of every entry of a line.
const stored = "From: info@ours.test\r\nSubject: سلام\r\n\r\nbody\r\n"

// newQueue is a manager with a queue that is not started, over a store in memory.
func newQueue(t *testing.T) (*manage.Manager, *memory.Store) {
	t.Helper()
	m := newManager(t)
	db := m.KV.(*memory.Store)
	m.Blobs = db
	m.Queue = queue.New(queue.Deps{KV: db})
	return m, db
}

func box(t *testing.T, s string) addr.Mailbox {
	t.Helper()
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// enqueue puts an entry into the queue for to, an hour old for each try it has had.
func enqueue(t *testing.T, db *memory.Store, id, from, to string, tries int, change func(*spool.Entry)) string {
	t.Helper()
	ctx := t.Context()
	w, err := db.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, _ = w.Write([]byte(stored))
	blob, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	rcpt := box(t, to)
	now := time.Now()
	e := &spool.Entry{
		Message: spool.Message{
			ID: id, Blob: blob, Size: int64(len(stored)), HeaderLen: int64(strings.Index(stored, "body")), Arrived: now.Add(-time.Duration(tries) * time.Hour),
			Expires: now.Add(24 * time.Hour), From: addr.Path{Null: from == ""},
		},
		Destination: rcpt.Domain, Next: now.Add(time.Hour), Attempts: tries, Rcpts: []spool.Rcpt{{To: addr.Path{Mailbox: rcpt}}},
	}
	if from != "" {
		e.From.Mailbox = box(t, from)
	}
	if tries > 0 {
		e.Rcpts[0].Last = spool.Answer{Time: now, Code: 451, Enhanced: "4.3.0", Text: "later, please", Remote: "mx.there.test", Stage: spool.StageRcpt}
	}
	if change != nil {
		change(e)
	}
	err = db.Update(ctx, spool.ShardOf(e.Destination, e.Route).Part(), func(x kv.Txn) error { return spool.Enqueue(x, e) })
	if err != nil {
		t.Fatal(err)
	}
	return e.Name().String()
}

// waiting gives the transactions of what a selector chooses.
func waiting(t *testing.T, c manage.Caller, s manage.QueueSelector) (ids []string) {
	t.Helper()
	p, f := call[manage.QueuePage](t, c, "queue.list", manage.QueueQuery{QueueSelector: s})
	if f != nil {
		t.Fatal(f)
	}
	for _, e := range p.Entries {
		ids = append(ids, e.Message)
	}
	slices.Sort(ids)
	return ids
}

func TestQueueSelectors(t *testing.T) {
	m, db := newQueue(t)
	for _, d := range []string{"ours.test"} {
		if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: d}); f != nil {
			t.Fatal(f)
		}
	}
	a, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: "info@ours.test", Password: "x", Weak: true})
	if f != nil {
		t.Fatal(f)
	}
	one := enqueue(t, db, "m1", "info@ours.test", "someone@there.test", 3, nil)
	enqueue(t, db, "m2", "فروش@ours.test", "demo@مثال.إختبار", 0, func(e *spool.Entry) { e.Hold = true })
	enqueue(t, db, "m3", "", "someone@else.test", 1, func(e *spool.Entry) { e.Route = relay.Hint("backup") })
	enqueue(t, db, "m4", "info@ours.test", "info@there.test", 30, func(e *spool.Entry) { e.Account = mail.AccountID(a.ID) })
	for _, c := range []struct {
		name string
		s    manage.QueueSelector
		want string
	}{
		{"nothing chosen is everything", manage.QueueSelector{}, "[m1 m2 m3 m4]"},
		{"id", manage.QueueSelector{IDs: []string{strings.ToLower(one)}}, "[m1]"},
		{"message", manage.QueueSelector{Messages: []string{"m2", "m3"}}, "[m2 m3]"},
		{"account", manage.QueueSelector{Account: "INFO@ours.test"}, "[m4]"},
		{"from", manage.QueueSelector{From: "*@ours.test"}, "[m1 m2 m4]"},
		{"from, Persian", manage.QueueSelector{From: "فروش@*"}, "[m2]"},
		{"from nobody", manage.QueueSelector{From: "<>"}, "[m3]"},
		{"to", manage.QueueSelector{To: "someone@*"}, "[m1 m3]"},
		{"to, Arabic", manage.QueueSelector{To: "demo@مثال.إختبار"}, "[m2]"},
		{"domain, Arabic", manage.QueueSelector{Domain: "مثال.*"}, "[m2]"},
		{"domain, A-labels", manage.QueueSelector{Domain: "xn--mgbh0fb.*"}, "[m2]"},
		{"route", manage.QueueSelector{Route: ptr("backup")}, "[m3]"},
		{"by MX", manage.QueueSelector{Route: ptr("")}, "[m1 m2 m4]"},
		{"by MX, in a word", manage.QueueSelector{Route: ptr("direct")}, "[m1 m2 m4]"},
		{"older", manage.QueueSelector{OlderThan: "90m"}, "[m1 m4]"},
		{"older, days", manage.QueueSelector{OlderThan: "1d5h"}, "[m4]"},
		{"next soon", manage.QueueSelector{Next: "10m"}, "[]"},
		{"next, not held", manage.QueueSelector{Next: "90m"}, "[m1 m3 m4]"},
		{"error", manage.QueueSelector{Error: "LATER*please"}, "[m1 m3 m4]"},
		{"held", manage.QueueSelector{Held: ptr(true)}, "[m2]"},
		{"not held, there", manage.QueueSelector{Held: ptr(false), Domain: "there.test"}, "[m1 m4]"},
	} {
		if got := fmt.Sprint(waiting(t, m, c.s)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestLinesAreBounded sets, changes, shows and takes away what bounds lines; a route's two are one.
func TestLinesAreBounded(t *testing.T) {
	m, db := newQueue(t)
	set := func(in manage.LineShape) manage.ShapeInfo {
		t.Helper()
		got, f := call[manage.ShapeInfo](t, m, "queue.limit", in)
		if f != nil {
			t.Fatal(f)
		}
		return got
	}
	shown := func() (out []string) {
		t.Helper()
		all, f := call[[]manage.ShapeInfo](t, m, "queue.limits", manage.None{})
		if f != nil {
			t.Fatal(f)
		}
		for _, i := range all {
			out = append(out, fmt.Sprint(i.Name, " ", i.PerHour, " ", i.PerDay, " ", i.Connections, " ", i.Recipients))
		}
		return out
	}
	if got := set(manage.LineShape{Line: "مثال.إختبار", PerHour: ptr(int64(500)), DryRun: true}); !got.DryRun || got.PerHour != 500 || len(shown()) != 0 {
		t.Errorf("%+v %v", got, shown())
	}
	set(manage.LineShape{Line: "مثال.إختبار", PerHour: ptr(int64(500))})
	set(manage.LineShape{Line: "مثال.إختبار", Connections: ptr(int64(3))})
	set(manage.LineShape{Line: "route:office", PerDay: ptr(int64(1 << 30)), Recipients: ptr(int64(50))})
	if got := shown(); !slices.Equal(got, []string{"route:office 0 1073741824 0 50", "مثال.إختبار 500 0 3 0"}) {
		t.Errorf("%q", got)
	}
	stored := 0
	err := db.Parts(t.Context(), kv.Queue, func(p kv.Part) error {
		return db.View(t.Context(), p, func(r kv.Reader) error { return spool.Shapes(r, func(spool.Shape) { stored++ }) })
	})
	if err != nil || stored != 3 {
		t.Errorf("%d rows, %v", stored, err)
	}
	set(manage.LineShape{Line: "route:office", PerDay: ptr(int64(0)), Recipients: ptr(int64(0))})
	if got := shown(); len(got) != 1 {
		t.Errorf("%q", got)
	}
	for _, bad := range []manage.LineShape{{Line: "", PerHour: ptr(int64(1))}, {Line: "a.example", PerHour: ptr(int64(-1))}, {Line: "a b"}} {
		if _, f := call[manage.ShapeInfo](t, m, "queue.limit", bad); f == nil || f.Code != "B4003" {
			t.Errorf("%+v: %v", bad, f)
		}
	}
}

// TestMailOfARemovedAccountIsFound: it is on its way, and its account is a number now.
func TestMailOfARemovedAccountIsFound(t *testing.T) {
	m, db := newQueue(t)
	if _, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "ours.test"}); f != nil {
		t.Fatal(f)
	}
	a, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: "info@ours.test", Password: "x", Weak: true})
	if f != nil {
		t.Fatal(f)
	}
	id := enqueue(t, db, "m1", "info@ours.test", "demo@there.test", 1, func(e *spool.Entry) { e.Account = mail.AccountID(a.ID) })
	if _, f := call[manage.None](t, m, "account.rm", manage.Named{Name: "info@ours.test"}); f != nil {
		t.Fatal(f)
	}
	_, f = call[manage.QueuePage](t, m, "queue.list", manage.QueueQuery{QueueSelector: manage.QueueSelector{Account: "info@ours.test"}})
	if f == nil || f.Code != "B4002" || !strings.Contains(strings.Join(f.Fix, " "), "barid queue list --from info@ours.test") {
		t.Errorf("%v", f)
	}
	e, f := call[manage.QueueEntry](t, m, "queue.show", manage.Named{Name: id})
	if f != nil || e.Account != "#"+fmt.Sprint(a.ID) {
		t.Fatalf("%+v %v", e, f)
	}
	if got := fmt.Sprint(waiting(t, m, manage.QueueSelector{Account: e.Account})); got != "[m1]" {
		t.Error(got)
	}
	for _, bad := range []string{"#", "#0", "#x"} {
		if _, f := call[manage.QueuePage](t, m, "queue.list", manage.QueueQuery{QueueSelector: manage.QueueSelector{Account: bad}}); f == nil || f.Code != "B4003" {
			t.Errorf("%s: %v", bad, f)
		}
	}
}

func TestQueueEntryAsProgramsReadIt(t *testing.T) {
	m, db := newQueue(t)
	id := enqueue(t, db, "m1", "", "demo@مثال.إختبار", 2, func(e *spool.Entry) {
		done := spool.Rcpt{To: addr.Path{Mailbox: box(t, "gone@مثال.إختبار")}, State: spool.Relayed, Told: true}
		e.Rcpts = append(e.Rcpts, done)
	})
	p, f := call[manage.QueuePage](t, m, "queue.list", manage.QueueQuery{})
	if f != nil || len(p.Entries) != 1 || p.Next != "" {
		t.Fatalf("%+v %v", p, f)
	}
	e := p.Entries[0]
	if e.QueueName != "deferred" || e.QueueID != id || e.Sender != "MAILER-DAEMON" || e.MessageSize != int64(len(stored)) || e.ForcedExpire ||
		e.ArrivalTime == 0 || e.Destination != "مثال.إختبار" || e.State != "waiting" || e.Attempts != 2 || e.NextAttempt.IsZero() {
		t.Errorf("%+v", e)
	}
	if len(e.Recipients) != 1 || e.Recipients[0].Address != "demo@مثال.إختبار" ||
		e.Recipients[0].DelayReason != "451 4.3.0 later, please (mx.there.test)" {
		t.Errorf("recipients in a list: %+v", e.Recipients)
	}
	all, f := call[manage.QueueEntry](t, m, "queue.show", manage.Named{Name: id})
	if f != nil || len(all.Recipients) != 2 || all.Recipients[1].State != "relayed" {
		t.Errorf("%+v %v", all, f)
	}
}

func TestQueueVerbs(t *testing.T) {
	m, db := newQueue(t)
	srv := httptest.NewServer(admin.Operate(m, log.Nothing()))
	defer srv.Close()
	c := manage.Through(srv.Client(), srv.URL)
	var ids []string
	for i := range 4 {
		ids = append(ids, enqueue(t, db, fmt.Sprintf("m%d", i), "info@ours.test", fmt.Sprintf("info@d%d.test", i), 1, nil))
	}
	do := func(name string, in manage.QueueChange, matched, changed int) {
		t.Helper()
		in.DryRun = true
		dry, f := call[manage.QueueResult](t, c, name, in)
		if f != nil || dry.Matched != matched || dry.Changed != changed || !dry.DryRun {
			t.Errorf("%s, dry run: %+v %v, want %d and %d", name, dry, f, matched, changed)
		}
		in.DryRun = false
		r, f := call[manage.QueueResult](t, c, name, in)
		if f != nil || r.Matched != matched || r.Changed != changed || r.DryRun || r.Running {
			t.Errorf("%s: %+v %v, want %d and %d", name, r, f, matched, changed)
		}
	}
	first := manage.QueueChange{QueueSelector: manage.QueueSelector{IDs: ids[:1]}}
	all := manage.QueueChange{QueueSelector: manage.QueueSelector{All: true}}
	do("queue.hold", first, 1, 1)
	do("queue.hold", all, 4, 3)
	do("queue.retry", all, 4, 0)
	do("queue.release", all, 4, 4)
	do("queue.retry", first, 1, 1)
	do("queue.retry", first, 1, 0)
	do("queue.delete", manage.QueueChange{QueueSelector: manage.QueueSelector{Domain: "d1.test"}}, 1, 1)
	do("queue.bounce", manage.QueueChange{QueueSelector: manage.QueueSelector{Domain: "d2.test"}, Reason: "closed"}, 1, 1)
	do("queue.route", manage.QueueChange{QueueSelector: manage.QueueSelector{Domain: "d3.test"}, ToRoute: "backup"}, 1, 1)
	p, f := call[manage.QueuePage](t, c, "queue.list", manage.QueueQuery{})
	var got []string
	for _, e := range p.Entries {
		got = append(got, e.Message+" "+e.State+" "+e.Line)
	}
	slices.Sort(got)
	if want := "[m0 waiting d0.test m2 reporting d2.test m3 waiting route:backup]"; f != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v, want %s", got, f, want)
	}
	for name, in := range map[string]manage.QueueChange{"B4010": {}, "B4012": {QueueSelector: manage.QueueSelector{IDs: ids[1:2]}}} {
		if _, f := call[manage.QueueResult](t, c, "queue.delete", in); f == nil || f.Code != name {
			t.Errorf("want %s, got %v", name, f)
		}
	}
}

func TestQueuePausesAndLines(t *testing.T) {
	m, db := newQueue(t)
	enqueue(t, db, "m1", "info@ours.test", "info@there.test", 1, nil)
	enqueue(t, db, "m2", "info@ours.test", "demo@there.test", 1, func(e *spool.Entry) { e.Hold = true })
	enqueue(t, db, "m3", "info@ours.test", "demo@مثال.إختبار", 0, nil)
	pause := manage.LinePause{Line: "There.Test", For: "1d", Reason: "asked", DryRun: true}
	if c, f := call[manage.LineChange](t, m, "queue.pause", pause); f != nil || c.Entries != 2 || c.Line != "there.test" || !c.DryRun {
		t.Errorf("%+v %v", c, f)
	}
	if ps, _ := call[[]manage.PauseInfo](t, m, "queue.pauses", manage.None{}); len(ps) != 0 {
		t.Errorf("a dry run paused %v", ps)
	}
	pause.DryRun = false
	for _, in := range []manage.LinePause{pause, {Line: "مثال.إختبار"}, {Line: "route:backup"}} {
		if _, f := call[manage.LineChange](t, m, "queue.pause", in); f != nil {
			t.Error(f)
		}
	}
	ps, f := call[[]manage.PauseInfo](t, m, "queue.pauses", manage.None{})
	if f != nil || len(ps) != 3 || ps[1].Reason != "asked" || ps[1].Until.Before(time.Now().Add(23*time.Hour)) || !ps[0].Until.IsZero() {
		t.Errorf("%+v %v", ps, f)
	}
	enqueue(t, db, "m4", "info@ours.test", "info@far.test", 0, func(e *spool.Entry) { e.Route = relay.Hint("backup") })
	lines, f := call[[]manage.QueueLine](t, m, "queue.summary", manage.QueueQuery{})
	if f != nil || len(lines) != 3 || lines[0].Line != "there.test" || lines[0].Entries != 2 || lines[0].Held != 1 || lines[0].Pause == nil ||
		lines[1].Line != "route:rule/backup" || lines[1].Name != "route:backup" || lines[1].Pause == nil || lines[2].Name != "مثال.إختبار" || !strings.Contains(lines[0].LastError, "later, please") {
		t.Errorf("%+v %v", lines, f)
	}
	if _, f := call[manage.LineChange](t, m, "queue.resume", manage.LinePause{Line: "there.test"}); f != nil {
		t.Error(f)
	}
	for _, bad := range []manage.LinePause{{}, {Line: "no domain"}, {Line: "there.test", For: "soon"}} {
		if _, f := call[manage.LineChange](t, m, "queue.pause", bad); f == nil || f.Code != "B4003" {
			t.Errorf("%+v: %v", bad, f)
		}
	}
	c, f := call[manage.QueueCounts](t, m, "queue.counts", manage.None{})
	if f != nil || c.Entries != 4 || c.Recipients != 4 || c.Held != 1 || len(c.Paused) != 2 || c.Estimated {
		t.Errorf("%+v %v", c, f)
	}
}

func TestQueueMessageComesInPieces(t *testing.T) {
	m, db := newQueue(t)
	id := enqueue(t, db, "m1", "info@ours.test", "info@there.test", 0, nil)
	read := func(header bool) (got []byte) {
		for {
			b, f := call[manage.QueueBytes](t, m, "queue.message", manage.QueuePart{ID: id, Offset: int64(len(got)), Header: header})
			if f != nil {
				t.Fatal(f)
			}
			if len(b.Data) == 0 {
				return got
			}
			got = append(got, b.Data...)
		}
	}
	if got := read(false); !bytes.Equal(got, []byte(stored)) {
		t.Errorf("%q", got)
	}
	if got := read(true); !bytes.HasSuffix(got, []byte("سلام\r\n\r\n")) {
		t.Errorf("%q", got)
	}
	if _, f := call[manage.QueueBytes](t, m, "queue.message", manage.QueuePart{ID: id, Offset: -1}); f != nil {
		t.Error(f)
	}
}

// TestALongListComesInPages: nothing is built in memory that grows with the queue.
func TestALongListComesInPages(t *testing.T) {
	m, db := newQueue(t)
	for i := range 23 {
		enqueue(t, db, fmt.Sprintf("m%02d", i), "info@ours.test", fmt.Sprintf("info@d%d.test", i%5), 0, nil)
	}
	var met []string
	for q := (manage.QueueQuery{Limit: 10}); ; {
		p, f := call[manage.QueuePage](t, m, "queue.list", q)
		if f != nil || len(p.Entries) > 10 {
			t.Fatalf("%d entries, %v", len(p.Entries), f)
		}
		for _, e := range p.Entries {
			met = append(met, e.Message)
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	slices.Sort(met)
	if len(slices.Compact(met)) != 23 {
		t.Errorf("met %v", met)
	}
}

func TestAges(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "90m": 90 * time.Minute, "2d": 48 * time.Hour, "1w": 7 * 24 * time.Hour, "1w1d1h": 8*24*time.Hour + time.Hour,
	} {
		if got, err := manage.ParseAge(in); err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "-1h", "1", "d", "-1d", "1d-1h", "999999999999w"} {
		if got, err := manage.ParseAge(in); err == nil {
			t.Errorf("%q is taken as %v", in, got)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min", 5*time.Hour + 10*time.Minute: "5 h 10 min",
		24 * time.Hour: "1 d", 52 * time.Hour: "2 d 4 h",
	} {
		if got := manage.FormatAge(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestTheDirectWayHasOneName: the queue and the routes agree on the word.
func TestTheDirectWayHasOneName(t *testing.T) {
	if spool.Direct != relay.Direct || spool.QueueOf("there.test", relay.Direct) != "there.test" {
		t.Errorf("%q and %q", spool.Direct, relay.Direct)
	}
}
