package trace

import (
	"regexp"
	"strings"
	"testing"

	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/ops/manage"
)

// TestAMessageIsRelayedAtTheSecondAttempt: from EHLO to the other server's last words.
func TestAMessageIsRelayedAtTheSecondAttempt(t *testing.T) {
	b := newBed(t, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.End: {Reply: "451 4.7.1 greylisted, come back later", Times: 1}}})
	id := b.submit("sales@example.net")
	steps := b.await(id, manage.StepSettled)
	if got := codes(steps); got != "connected accepted queued delayed relayed settled" {
		t.Fatalf("%s\n%s", got, b.Must("trace", "msg", id))
	}
	c, a, q, d, r := steps[0], steps[1], steps[2], steps[3], steps[4]
	if c.Helo != "client.example" || !isAddr(c.Peer) || !strings.HasPrefix(c.TLS, "TLS1.3") || c.Login != "info@"+server.Domain || c.Listener != "submission" {
		t.Errorf("connected: %+v", c)
	}
	if a.From != "info@"+server.Domain || len(a.To) != 1 || a.To[0] != "sales@example.net" || a.Size == 0 || a.Status != "250 2.0.0" || a.MessageID == "" ||
		a.Took == nil || a.Took.Receive == 0 || a.Took.Store == 0 || a.Took.Deliver == 0 {
		t.Errorf("accepted: %+v", a)
	}
	if q.Entry == "" || q.Destination != "example.net" {
		t.Errorf("queued: %+v", q)
	}
	if d.Attempt != 1 || d.Status != "451 4.7.1" || !strings.Contains(d.Answer, "greylisted") || d.Stage != "data" || !d.Next.After(d.Time) ||
		!strings.HasPrefix(d.Host, "mx.example.net [127.0.0.1]") || d.Took == nil || d.Took.Connect == 0 || d.Took.Dialogue == 0 || d.Took.Data == 0 {
		t.Errorf("delayed: %+v", d)
	}
	if r.Attempt != 2 || !strings.HasPrefix(r.Status, "250") || r.Host != d.Host || r.Entry != q.Entry || r.Time.Before(d.Next.Add(-1e9)) {
		t.Errorf("relayed: %+v", r)
	}
	for name, what := range map[string]string{
		"session": strings.TrimSuffix(id, ".1"), "Message-ID": "<" + a.MessageID + ">", "bare Message-ID": a.MessageID,
		"entry": q.Entry, "entry in lower case": strings.ToLower(q.Entry),
	} {
		if got := b.steps(what); len(got) != len(steps) || got[1].ID != id {
			t.Errorf("by %s %q: %s", name, what, codes(got))
		}
	}
	b.same("relayed.md", id)
}

// TestAMessageWaits: the trace says since when and until when.
func TestAMessageWaits(t *testing.T) {
	b := newBed(t, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Rcpt: {Reply: "450 4.2.1 mailbox busy"}}})
	id := b.submit("sales@example.net")
	w := b.await(id, manage.StepDelayed, manage.StepWaiting)
	last := w[len(w)-1]
	if last.Code != manage.StepWaiting || last.Attempt < 1 || last.Expires.IsZero() || last.To[0] != "sales@example.net" {
		t.Errorf("%+v", last)
	}
	b.Must("queue", "hold", last.Entry)
	if got := one(t, b.steps(id), manage.StepHeld); !strings.Contains(got.Text, "barid queue release "+last.Entry) {
		t.Errorf("%+v", got)
	}
}

// TestAMessageIsBounced: the sender's report is part of the way, and can be followed itself.
func TestAMessageIsBounced(t *testing.T) {
	b := newBed(t, sink.Options{Rcpts: map[string]sink.Behaviour{"nobody@example.net": {Reply: "550 5.1.1 no such user here"}}})
	id := b.submit("nobody@example.net", "info@example.net")
	steps := b.await(id, manage.StepSettled, manage.StepReported, manage.StepStored)
	bounced, relayed, reported := one(t, steps, manage.StepBounced), one(t, steps, manage.StepRelayed), one(t, steps, manage.StepReported)
	if bounced.Status != "550 5.1.1" || bounced.Stage != "rcpt" || bounced.To[0] != "nobody@example.net" || relayed.To[0] != "info@example.net" {
		t.Errorf("%+v\n%+v", bounced, relayed)
	}
	stored := one(t, steps, manage.StepStored)
	if reported.Kind != "failed" || reported.Report == "" || stored.ID != reported.Report || stored.About != id ||
		len(stored.Mailboxes) != 1 || stored.Mailboxes[0].Account != "info@"+server.Domain || stored.Mailboxes[0].Mailbox != "INBOX" || stored.Mailboxes[0].UID != 1 {
		t.Errorf("%+v\n%+v", reported, stored)
	}
	if own := b.steps(reported.Report); codes(own) != "about stored local" || own[0].About != id {
		t.Errorf("the report's own way: %s\n%+v", codes(own), own[0])
	}
	b.same("bounced.md", id)
	b.Stop() // what is known stands in the data folder
	if again := b.steps(id); codes(again) != codes(steps) {
		t.Errorf("without a server: %s", codes(again))
	}
}

// TestADomainThatTakesNoMail: given up without a connection, in our words.
func TestADomainThatTakesNoMail(t *testing.T) {
	b := newBed(t, sink.Options{})
	steps := b.await(b.submit("info@nowhere.example"), manage.StepSettled)
	if s := one(t, steps, manage.StepBounced); s.Host != "" || s.Status != "5.1.10" || b.sink.Conns() != 0 {
		t.Errorf("%+v, %d connections", s, b.sink.Conns())
	}
}

// TestALocalMessageContactsNobody (D14): from a mailbox here to two others, no other server hears of it.
func TestALocalMessageContactsNobody(t *testing.T) {
	b := newBed(t, sink.Options{})
	id := b.submit("فروش@"+server.Domain, "demo@"+server.Domain)
	steps := b.steps(id)
	if got := codes(steps); got != "connected accepted stored local" {
		t.Fatal(got)
	}
	boxes := steps[2].Mailboxes
	if len(boxes) != 2 || boxes[0].Mailbox != "INBOX" || steps[3].Text != "done; no other server was contacted" {
		t.Errorf("%+v", steps[2:])
	}
	if n := b.sink.Conns(); n != 0 {
		t.Errorf("%d connections to other servers", n)
	}
	b.same("local-to-local.md", id)
}

// TestARefusalIsToldToo: of a session that brought nothing.
func TestARefusalIsToldToo(t *testing.T) {
	b := newBed(t, sink.Options{})
	b.speak("--server", b.Addr["smtp"], "--to", "nobody@"+server.Domain, "--helo", "client.example")
	var lately manage.Status
	b.JSON(&lately, "status")
	if len(lately.Troubles) == 0 {
		t.Fatal("no refusal in barid status")
	}
	steps := b.steps(lately.Troubles[0].ID)
	if got := codes(steps); got != "connected refused" || steps[1].Status != "550 5.1.1" || !strings.Contains(steps[1].Text, "RCPT for nobody@") {
		t.Errorf("%s %+v", got, steps[len(steps)-1])
	}
}

func TestNothingIsKnown(t *testing.T) {
	b := newBed(t, sink.Options{})
	for _, name := range []string{"00000000000000000.1", "nonsense", "<a@b.example>", "3FF1"} {
		if _, err, code := b.Run("trace", "msg", name); code != 1 || !strings.Contains(err, "B4006") || !strings.Contains(err, "30 days") {
			t.Errorf("%s: exit %d\n%s", name, code, err)
		}
	}
}

// pages are where journeys are told.
const pages = "../../docs/develop/traces/"

// changing is what differs between two runs of one journey, and what stands for it here.
var changing = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^\d\d\d\d-\d\d-\d\d \S+$`), "DAY"},
	{regexp.MustCompile(`\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d\d\d`), "CLOCK"},
	{regexp.MustCompile(`\+?\d+(\.\d+)? (ms|µs|s)\b`), "SPAN"},
	{regexp.MustCompile(`[0-9a-hjkmnp-tv-z]{18}\.1`), "ID"},
	{regexp.MustCompile(`ID\.[a-z2-7]{10}`), "REPORT"},
	{regexp.MustCompile(`Message-ID <[^>]*>`), "MESSAGE-ID"},
	{regexp.MustCompile(`as [0-3][0-9A-F]{2}[1-9A-F][0-9A-F]*`), "as ENTRY"},
	{regexp.MustCompile(`\[?127\.0\.0\.1\]?(:\d+)?`), "PEER"},
	{regexp.MustCompile(`[\d.]+ (KiB|B)\b`), "SIZE"},
	{regexp.MustCompile(`(?m)^ *took: .*$`), "TOOK"}, // a stage that takes no time is left out
	{regexp.MustCompile(` +`), " "},
}

func plain(s string) string {
	for _, c := range changing {
		s = c.re.ReplaceAllString(s, c.with)
	}
	return strings.TrimSpace(s)
}
