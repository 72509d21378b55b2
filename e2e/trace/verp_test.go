package trace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/ops/manage"
)

// oldWords is a bounce in words alone, without a header section of the message and by a mailer that uses an address of
// its own, about a mailbox that the sender never heard of.
const oldWords = "From: Mail Delivery System <mailer-daemon@mx.example.net>\r\nTo: you\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\n" +
	"I'm sorry to have to inform you that your message could not be delivered.\r\n\r\n" +
	"<internal-box@backend.example.net>: host backend.example.net[192.0.2.9] said: 550 5.1.1 no such user here\r\n"

// TestABounceFindsItsMessageByItsAddress switches VERP on for a program, and sends a bounce that says nothing about
// what it is for to the address that came with the message: also after a kill. Made-up ones are refused.
func TestABounceFindsItsMessageByItsAddress(t *testing.T) {
	b := newBed(t, sink.Options{})
	b.Must("account", "set", "info@"+server.Domain, "--verp", "on")
	id := b.submit("sales@example.net", "فروش@example.net")
	b.await(id, manage.StepSettled)
	b.sink.Await(2)
	from := map[string]string{}
	for _, m := range b.sink.Messages() {
		from[m.Rcpts[0].To] = m.From
		if len(m.Rcpts) != 1 || !strings.HasPrefix(m.From, "bounces+"+id+"-") || !strings.HasSuffix(m.From, "@"+server.Domain) {
			t.Errorf("%q for %v", m.From, m.Rcpts)
		}
	}
	file := filepath.Join(t.TempDir(), "bounce.eml")
	if err := os.WriteFile(file, []byte(oldWords), 0o600); err != nil {
		t.Fatal(err)
	}
	bounce := func(to string) string {
		return b.speak("--server", b.Addr["smtp"], "--from", "mailer-daemon@example.net", "--to", to, "--data", file, "--helo", "mx.example.net")
	}
	forged := strings.Replace(from["sales@example.net"], id, strings.TrimSuffix(id, ".1")+".2", 1)
	if out := bounce(forged); !strings.Contains(out, "550 5.1.1") {
		t.Errorf("a made-up address:\n%s", out)
	}
	b.Kill()
	b.Boot()
	if out := bounce(from["فروش@example.net"]); !accepted.MatchString(out) {
		t.Fatalf("a bounce was not taken:\n%s", out)
	}
	told := one(t, b.await(id, manage.StepTold), manage.StepTold)
	if told.To[0] != "فروش@example.net" || told.Kind != "failed" || told.Status != "5.1.1" {
		t.Errorf("%+v", told)
	}
	stored := one(t, b.steps(told.Report), manage.StepStored)
	if stored.Mailboxes[0].Account != "info@"+server.Domain {
		t.Errorf("%+v", stored)
	}
	b.Must("account", "set", "info@"+server.Domain, "--verp", "default")
	b.await(b.submit("sales@example.net"), manage.StepSettled)
	if m := b.sink.Messages()[2]; m.From != "info@"+server.Domain {
		t.Errorf("switched off: %q", m.From)
	}
}
