package report

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail"
	"barid/mail/mailbox"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/mime"
	"barid/rfc/smtp"
)

// parse reads a report as another host would.
func parse(t *testing.T, text string) (dsn.Bounce, *mime.Message) {
	t.Helper()
	m := mime.Scan([]byte(text), mime.DefaultLimits())
	b, ok, err := dsn.Parse(strings.NewReader(text), m)
	if err != nil || !ok {
		t.Fatalf("no report: %v\n%s", err, text)
	}
	return b, m
}

func TestFailureGoesIntoTheSendersMailbox(t *testing.T) {
	w := newWorld(t)
	m := w.report(w.entry(), queue.Failed)
	got := w.inbox()
	if len(got) != 1 || m.alone != 0 {
		t.Fatalf("%d reports, %d notes of their own", len(got), m.alone)
	}
	b, _ := parse(t, got[0])
	r := b.Recipients[0]
	if r.Action != dsn.Failed || r.Status.String() != "5.1.1" || r.RemoteMTA != "mx1.example.org" || b.EnvelopeID != "QQ314159" || b.Returned.MessageID != "q1@ours.test" {
		t.Errorf("%+v", b)
	}
	if r.Original.Text != "info@example.org" || r.Diagnostic != "550 5.1.1 <info@example.org>: no such user" || b.ReportingMTA != "mail.ours.test" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"Return-Path: <>\r\nReceived: by mail.ours.test id 01jd4xk8t0003f7q2m.1.", "Auto-Submitted: auto-replied\r\n", "References: <q1@ours.test>\r\n", "From: Mail delivery <postmaster@ours.test>\r\n"} {
		if !strings.Contains(got[0], want) {
			t.Errorf("no %q in\n%s", want, got[0])
		}
	}
	if strings.Contains(got[0], "Hello.") {
		t.Error("the body came back without RET=FULL")
	}
	if got := w.reasons(); got != "delivered report-failed, delivered report-failed" {
		t.Error(got)
	}
	if e := w.events.all[0]; e.ID != "01jd4xk8t0003f7q2m.1" || e.To[0] != "info@example.org" || e.Accounts[0] != 1 || w.events.all[1].To[0] != "sender@ours.test" {
		t.Errorf("%+v", w.events.all)
	}
}

// TestWhoIsTold walks over RFC 3461 §4.1, §6.1 and who is not told at all.
func TestWhoIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		kind   queue.Kind
		change func(*spool.Entry)
		want   string // events
		mails  int
	}{
		"failure, NOTIFY not given":     {queue.Failed, func(e *spool.Entry) {}, "delivered report-failed", 1},
		"delay, NOTIFY not given":       {queue.Delayed, func(e *spool.Entry) {}, "delivered report-delayed", 1},
		"relayed, NOTIFY not given":     {queue.Relayed, func(e *spool.Entry) {}, "", 0},
		"relayed, NOTIFY=SUCCESS":       {queue.Relayed, func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifySuccess }, "delivered report-relayed", 1},
		"delivered, NOTIFY=SUCCESS":     {queue.Delivered, func(e *spool.Entry) { e.Rcpts[0].Notify = notifyAll }, "delivered report-delivered", 1},
		"expanded, NOTIFY=SUCCESS":      {queue.Expanded, func(e *spool.Entry) { e.Rcpts[0].Notify = notifyAll }, "delivered report-expanded", 1},
		"failure, NOTIFY=SUCCESS":       {queue.Failed, func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifySuccess }, "", 0},
		"failure, NOTIFY=NEVER":         {queue.Failed, func(e *spool.Entry) { e.Rcpts[0].Notify = smtp.NotifyNever }, "", 0},
		"relayed, BY with T":            {queue.Relayed, func(e *spool.Entry) { e.ByTrace = true }, "delivered report-relayed", 1},
		"relayed, BY with T, NEVER":     {queue.Relayed, func(e *spool.Entry) { e.ByTrace, e.Rcpts[0].Notify = true, smtp.NotifyNever }, "", 0},
		"a report fails":                {queue.Failed, func(e *spool.Entry) { e.From = addr.Path{Null: true} }, "discarded report-of-report", 0},
		"a report fails, NOTIFY=NEVER":  {queue.Failed, func(e *spool.Entry) { e.From, e.Rcpts[0].Notify = addr.Path{Null: true}, smtp.NotifyNever }, "discarded report-of-report", 0},
		"a stranger's message":          {queue.Failed, func(e *spool.Entry) { e.Account = 0 }, "discarded report-to-stranger", 0},
		"a stranger elsewhere":          {queue.Failed, func(e *spool.Entry) { e.Account, e.From = 0, path("who@example.com") }, "discarded report-to-stranger", 0},
		"a sender who is gone":          {queue.Failed, func(e *spool.Entry) { e.From = path("gone@ours.test") }, "discarded report-no-mailbox", 0},
		"a kind that nobody is told of": {queue.Deferred, func(e *spool.Entry) {}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.entry()
			c.change(e)
			m := w.report(e, c.kind)
			got, _, _ := strings.Cut(w.reasons(), ",")
			if n := len(w.inbox()); got != c.want || n != c.mails || m.alone != 1-c.mails {
				t.Errorf("%d reports, %d notes alone, %s", n, m.alone, w.reasons())
			}
		})
	}
}

func TestOnlyTheRecipientsThatWantItAreNamed(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	for i, n := range []smtp.Notify{smtp.NotifyNever, smtp.NotifyFailure, 0} {
		r := e.Rcpts[0]
		r.Notify, r.To = n, path([]string{"never@example.org", "failure@example.org", "unset@example.org"}[i])
		e.Rcpts = append(e.Rcpts, r)
	}
	if err := w.r.Report(t.Context(), e, queue.Failed, []int{1, 2, 3, 99, -1}); err != nil {
		t.Fatal(err)
	}
	b, _ := parse(t, w.inbox()[0])
	var got []string
	for _, r := range b.Recipients {
		got = append(got, r.Final.Text)
	}
	if s := strings.Join(got, " "); s != "failure@example.org unset@example.org" {
		t.Error(s)
	}
}

func TestSenderElsewhereIsToldThroughTheQueue(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.From = path("sender@example.net")
	m := w.report(e, queue.Failed)
	got := w.queued("example.net")
	if got == nil || m.alone != 0 {
		t.Fatal("not queued, or not together with the note")
	}
	if !got.From.Null || got.Account != 0 || got.Rcpts[0].Notify != smtp.NotifyNever || got.Rcpts[0].To.String() != "<sender@example.net>" || !got.Expires.After(noon) {
		t.Errorf("%+v", got)
	}
	b, err := w.db.Open(t.Context(), got.Blob)
	if err != nil {
		t.Fatal(err)
	}
	text := readAll(t, b)
	if r, m := parse(t, text); m.Root.BodyOff != got.HeaderLen || int64(len(text)) != got.Size || r.Recipients[0].Status.String() != "5.1.1" {
		t.Errorf("%d %d of %d", m.Root.BodyOff, got.HeaderLen, got.Size)
	}
	if strings.Contains(text, "Return-Path") {
		t.Error("Return-Path is for the last host (RFC 5321 §4.4)")
	}
	if len(w.woken) != 1 || w.woken[0].Name() != got.Name() || w.reasons() != "queued report-failed, queued report-failed" {
		t.Errorf("%v, %s", w.woken, w.reasons())
	}
	// And if that report fails, nobody is told.
	if w.report(got, queue.Failed); w.reasons() != "queued report-failed, queued report-failed, discarded report-of-report" {
		t.Error(w.reasons())
	}
}

func TestReportAndNoteInOneShard(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.From = path("sender@example.net")
	m := w.mark()
	m.part = spool.ShardOf("example.net", "").Part()
	if err := w.r.ReportWith(t.Context(), e, queue.Failed, []int{0}, m.mark()); err != nil {
		t.Fatal(err)
	}
	if w.queued("example.net") == nil || !m.made() || m.alone != 0 {
		t.Error("one of them is missing")
	}
}

func TestAliasOfTheSenderIsHereAndElsewhere(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.From = path("team@ours.test")
	w.report(e, queue.Failed)
	if len(w.inbox()) != 1 || w.queued("example.net") == nil {
		t.Error("one of them is missing")
	}
}

var errTest = errors.New("not now")

// TestAllOrNothing breaks each step: then there is no report and no note.
func TestAllOrNothing(t *testing.T) {
	for name, c := range map[string]struct {
		deps func(*Deps)
		mark error
	}{
		"note":      {func(*Deps) {}, errTest},
		"directory": {func(d *Deps) { d.Directory = town{errTest} }, nil},
		"create":    {func(d *Deps) { d.Blobs = brokenBlobs{d.Blobs, errTest, nil} }, nil},
		"open":      {func(d *Deps) { d.Blobs = brokenBlobs{d.Blobs, nil, errTest} }, nil},
	} {
		w := newWorld(t, c.deps)
		m := w.mark()
		m.err = c.mark
		err := w.r.ReportWith(t.Context(), w.entry(), queue.Failed, []int{0}, m.mark())
		if !errors.Is(err, errTest) || len(w.inbox()) != 0 || m.made() || len(w.events.all) != 0 {
			t.Errorf("%s: %v, %d reports, note %v, %s", name, err, len(w.inbox()), m.made(), w.reasons())
		}
	}
}

type brokenBlobs struct {
	kv.Blobs
	create, open error
}

func (b brokenBlobs) Create(ctx context.Context) (kv.BlobWriter, error) {
	if b.create != nil {
		return nil, b.create
	}
	return b.Blobs.Create(ctx)
}

func (b brokenBlobs) Open(ctx context.Context, id kv.BlobID) (kv.BlobReader, error) {
	if b.open != nil {
		return nil, b.open
	}
	return b.Blobs.Open(ctx, id)
}

func TestStoreThatCanNotCommitTogetherNotesBehind(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Together = func([]kv.Part) bool { return false } })
	if m := w.report(w.entry(), queue.Failed); m.alone != 1 || len(w.inbox()) != 1 {
		t.Errorf("%d notes alone, %d reports", m.alone, len(w.inbox()))
	}
}

func TestDamagedOriginalIsLeftOut(t *testing.T) {
	for _, err := range []error{kv.ErrCorrupt, kv.ErrNotFound} {
		w := newWorld(t, func(d *Deps) { d.Blobs = brokenBlobs{d.Blobs, nil, err} })
		w.report(w.entry(), queue.Failed)
		got := w.inbox()
		if b, m := parse(t, got[0]); len(m.Root.Children) != 2 || b.Recipients[0].Status.String() != "5.1.1" {
			t.Errorf("%v: %s", err, got[0])
		}
	}
}

func TestFullMailbox(t *testing.T) {
	w := newWorld(t)
	if err := w.boxes.Account(1).Init(t.Context(), mailbox.Quota{Bytes: 10}); err != nil {
		t.Fatal(err)
	}
	m := w.mark()
	err := w.r.ReportWith(t.Context(), w.entry(), queue.Failed, []int{0}, m.mark())
	if !errors.Is(err, mailbox.ErrOverQuota) || m.made() {
		t.Errorf("a failure waits for room: %v", err)
	}
	if m := w.report(w.entry(), queue.Delayed); m.alone != 1 || w.reasons() != "discarded over-quota" {
		t.Errorf("a delay does not: %s", w.reasons())
	}
}

func TestWhatComesBack(t *testing.T) {
	for _, c := range []struct {
		ret  string
		kind queue.Kind
		max  int64
		full bool
	}{
		{"", queue.Failed, 0, false},
		{smtp.RetHeaders, queue.Failed, 0, false},
		{smtp.RetFull, queue.Failed, 0, true},
		{smtp.RetFull, queue.Delayed, 0, false},
		{smtp.RetFull, queue.Failed, 10, false},
	} {
		w := newWorld(t, func(d *Deps) { d.Settings.MaxReturn = c.max })
		e := w.entry()
		e.Ret = c.ret
		w.report(e, c.kind)
		if got := strings.Contains(w.inbox()[0], "Hello."); got != c.full {
			t.Errorf("RET=%s %s, at most %d bytes: full is %v", c.ret, c.kind, c.max, got)
		}
	}
}

// TestCodesAreKept wants what was known to be told: never 5.0.0 where 5.1.2 is due.
// RFC 8689 §5: what was not to go in clear does not go in clear in a report either, and only its header does at all.
func TestAReportOfRequireTLSNeedsItToo(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.RequireTLS, e.Ret, e.From = true, smtp.RetFull, path("sender@example.net")
	w.report(e, queue.Failed)
	got := w.queued("example.net")
	if got == nil || !got.RequireTLS {
		t.Fatalf("%+v", got)
	}
	b, err := w.db.Open(t.Context(), got.Blob)
	if err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, b); strings.Contains(text, "Hello.") || !strings.Contains(text, "Subject: =?UTF-8?B?2q/Ystin2LHYtA==?= Q3") {
		t.Error(text)
	}
}

func TestCodesAreKept(t *testing.T) {
	for _, c := range []struct {
		answer spool.Answer
		state  spool.State
		kind   queue.Kind
		want   string
	}{
		{spool.Answer{Enhanced: "5.1.10", Text: "domain takes no mail"}, spool.Failed, queue.Failed, "5.1.10"},
		{spool.Answer{Enhanced: "5.1.2", Text: "no such domain"}, spool.Failed, queue.Failed, "5.1.2"},
		{spool.Answer{Code: 550, Text: "550 no"}, spool.Failed, queue.Failed, "5.0.0"},
		{spool.Answer{Code: 552, Text: "552 full"}, spool.Failed, queue.Failed, "5.2.2"},
		{spool.Answer{Code: 450, Enhanced: "4.4.1", Text: "timed out"}, spool.Expired, queue.Failed, "4.4.1"},
		{spool.Answer{}, spool.Expired, queue.Failed, "4.4.7"},
		{spool.Answer{Code: 400, Enhanced: "4.0.0"}, spool.Expired, queue.Failed, "4.4.7"},
		{spool.Answer{}, spool.Failed, queue.Failed, "5.0.0"},
		{spool.Answer{Code: 451, Enhanced: "4.7.1", Text: "greylisted"}, spool.Waiting, queue.Delayed, "4.7.1"},
		{spool.Answer{}, spool.Waiting, queue.Delayed, "4.0.0"},
		{spool.Answer{Code: 250, Enhanced: "2.1.5", Text: "ok"}, spool.Relayed, queue.Relayed, "2.1.5"},
		{spool.Answer{}, spool.Delivered, queue.Delivered, "2.0.0"},
	} {
		w := newWorld(t)
		e := w.entry()
		e.Rcpts[0].Last, e.Rcpts[0].State, e.Rcpts[0].Notify = c.answer, c.state, notifyAll
		w.report(e, c.kind)
		b, _ := parse(t, w.inbox()[0])
		if r := b.Recipients[0]; r.Status.String() != c.want || r.Action != actionOf(c.kind) {
			t.Errorf("%+v: %v %v, want %s", c.answer, r.Action, r.Status, c.want)
		}
	}
}

// What we found out at a host is not told as its answer.
func TestOurWordsAreNotPutIntoAHostsMouth(t *testing.T) {
	const host = "mx1.example.org [192.0.2.25]"
	for _, c := range []struct {
		answer     spool.Answer
		want, kind string
	}{
		{spool.Answer{Code: 550, Enhanced: "5.1.1", Text: "nobody", Remote: host}, host + " answered:", "smtp"},
		{spool.Answer{Enhanced: "5.6.7", Text: "it has no SMTPUTF8", Remote: host}, "Our server noted about " + host + ":", "x-barid"},
		{spool.Answer{Enhanced: "5.1.2", Text: "no such domain"}, "Our server noted:", "x-barid"},
	} {
		w := newWorld(t)
		e := w.entry()
		e.Rcpts[0].Last, e.Rcpts[0].State, e.Rcpts[0].Notify = c.answer, spool.Failed, notifyAll
		w.report(e, queue.Failed)
		text := w.inbox()[0]
		if b, _ := parse(t, text); b.Recipients[0].DiagType != c.kind {
			t.Errorf("%+v: %s", c.answer, b.Recipients[0].DiagType)
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%+v: no %q in\n%s", c.answer, c.want, text)
		}
	}
}

// TestDeadlines: RFC 2852 §4.1.4 and §5, RFC 4865 §5.
func TestDeadlines(t *testing.T) {
	last := spool.Answer{Code: 451, Enhanced: "4.7.1", Text: "451 4.7.1 greylisted", Remote: "mx1.example.org"}
	early, late := noon.Add(time.Minute), noon.Add(-time.Minute)
	for _, c := range []struct {
		name  string
		mode  byte
		by    time.Time
		told  time.Time
		state spool.State
		kind  queue.Kind
		want  string
	}{
		{"returned", 'R', late, time.Time{}, spool.Expired, queue.Failed, "5.4.7"},
		{"given up before the deadline", 'R', early, time.Time{}, spool.Expired, queue.Failed, "4.7.1"},
		{"refused behind the deadline", 'R', late, time.Time{}, spool.Failed, queue.Failed, "5.0.0"},
		{"late", 'N', late, time.Time{}, spool.Waiting, queue.Delayed, "4.4.7"},
		{"late, and told so", 'N', late, late.Add(time.Second), spool.Waiting, queue.Delayed, "4.7.1"},
		{"delayed before the deadline", 'N', early, time.Time{}, spool.Waiting, queue.Delayed, "4.7.1"},
		{"taken by a server that knows no deadline", 'N', early, time.Time{}, spool.Relayed, queue.Relayed, "2.0.0"},
	} {
		w := newWorld(t)
		e := w.entry()
		e.ByMode, e.DeliverBy, e.DelayTold, e.NotBefore, e.Release = c.mode, c.by, c.told, noon.Add(-time.Hour), "for;3600"
		e.Rcpts[0].Last, e.Rcpts[0].State, e.Rcpts[0].Notify = last, c.state, smtp.NotifyFailure|smtp.NotifyDelay
		if c.state == spool.Failed {
			e.Rcpts[0].Last = spool.Answer{Code: 550, Enhanced: "5.0.0", Text: "no"}
		}
		w.report(e, c.kind)
		text := w.inbox()[0]
		b, _ := parse(t, text)
		if got := b.Recipients[0].Status.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for _, field := range []string{"\r\nDeliver-By-Date: " + c.by.Format(time.RFC1123Z) + "\r\n", "\r\nFuture-Release-Request: for;3600\r\n"} {
			if !strings.Contains(text, field) {
				t.Errorf("%s: no field %q in\n%s", c.name, field, text)
			}
		}
	}
}

func TestTheSameReportHasTheSameID(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	id := func(a dsn.Action, rcpts ...int) string {
		return (&notice{r: w.r, e: e, action: a, rcpts: rcpts, now: noon}).id()
	}
	first := id(dsn.Failed, 0)
	if again := id(dsn.Failed, 0); again != first || !strings.HasPrefix(first, "01jd4xk8t0003f7q2m.1.") {
		t.Errorf("%s, %s", first, again)
	}
	if id(dsn.Delayed, 0) == first {
		t.Error("another kind has the same id")
	}
	delay := id(dsn.Delayed, 0)
	if e.DelayTold = noon.Add(-time.Hour); id(dsn.Delayed, 0) == delay {
		t.Error("the second delay has the id of the first")
	}
}

func TestUTF8Sender(t *testing.T) {
	w := newWorld(t)
	e := w.entry()
	e.From, e.UTF8 = path("فرستنده@ours.test"), true
	e.Rcpts[0].To, e.Rcpts[0].ORcpt = path("فروش@نمونه.example"), "utf-8;فروش@نمونه.example"
	w.report(e, queue.Failed)
	b, m := parse(t, w.inbox()[0])
	if m.Root.Children[1].Subtype != "GLOBAL-DELIVERY-STATUS" || b.Recipients[0].Final.Text != "فروش@نمونه.example" {
		t.Errorf("%s, %+v", m.Root.Children[1].Subtype, b.Recipients[0])
	}
	e.From = path("sender@example.net")
	w.report(e, queue.Failed)
	if q := w.queued("example.net"); !q.UTF8 || !q.Has8bit || q.Body != smtp.Body8BitMIME {
		t.Errorf("%+v", q.Message)
	}
}

// TestProgramsAreToldInTheOwnersLanguage: mail of a program on this machine says no language; its sender's account does.
func TestProgramsAreToldInTheOwnersLanguage(t *testing.T) {
	for _, c := range []struct{ entry, account, want string }{{"", "fa", "fa"}, {"ar", "fa", "ar"}, {"", "", "en"}} {
		w := newWorld(t)
		w.r.d.Locale = func(_ context.Context, id mail.AccountID) string { return c.account }
		e := w.entry()
		e.Account, e.Local, e.Locale = 0, true, c.entry
		w.report(e, queue.Failed)
		if got := readable(t, w.inbox()[0]); !strings.Contains(got, "Content-Language: "+c.want) {
			t.Errorf("%+v:\n%s", c, got)
		}
	}
}
