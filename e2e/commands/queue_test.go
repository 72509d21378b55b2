package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
	"barid/e2e/sink"
	dnsworld "barid/e2e/world"
)

// outside is the world of these tests: the sink takes mail for out.example and مثال.إختبار, away.example leads
// nowhere.
const outside = `
$ORIGIN example.
@      0 IN SOA ns.example. hostmaster.example. 1 60 60 60 0
out    0 IN MX 10 mx.example.
other  0 IN MX 10 mx.example.
mx     0 IN A 127.0.0.1
`

const outsideArabic = `
$ORIGIN xn--kgbechtv.
@           0 IN SOA ns.example. hostmaster.example. 1 60 60 60 0
xn--mgbh0fb 0 IN MX 10 mx.example.
`

// carrier is a server that carries mail on to a sink which defers everything until it is told otherwise.
func carrier(t *testing.T) (*server.Server, *sink.Sink) {
	t.Helper()
	k := sink.Start(t, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Rcpt: {Reply: "451 4.2.1 the mailbox\nis busy"}}})
	w := dnsworld.Start(t, outside, outsideArabic)
	s := server.Prepare(t, server.Options{Resolver: w.Addr(), Settings: fmt.Sprintf(
		"[outbound]\nenabled = true\nport = %d\nallow_private = true\nfirst_retry = \"1h\"\nmax_retry = \"1h\"\n", k.Port())})
	s.Boot()
	return s, k
}

// mail hands in a message from info@ through the sendmail command.
func mailTo(t *testing.T, s *server.Server, to ...string) {
	t.Helper()
	args := append([]string{"shim", "sendmail", "-i", "-f", "info@" + server.Domain}, to...)
	r := baridAs(t, s, "Subject: waits\n\nbody\n", args...)
	if r.code != 0 {
		t.Fatalf("sendmail: exit %d %s%s", r.code, r.out, r.errs)
	}
}

// entry is a line of barid queue list --json.
type entry struct {
	QueueName   string `json:"queue_name"`
	QueueID     string `json:"queue_id"`
	ArrivalTime int64  `json:"arrival_time"`
	Sender      string
	Recipients  []struct {
		Address     string
		DelayReason string `json:"delay_reason"`
		State       string
	}
	Message, State, Line, Destination string
	Attempts                          int
}

func queued(t *testing.T, s *server.Server, args ...string) (es []entry) {
	t.Helper()
	out := s.Must(append(append([]string{"queue", "list"}, args...), "--json")...)
	d := json.NewDecoder(strings.NewReader(out))
	for {
		var e entry
		switch err := d.Decode(&e); err {
		case nil:
			es = append(es, e)
		case io.EOF:
			return es
		default:
			t.Fatalf("%v in\n%s", err, out)
		}
	}
}

// within waits until ok holds.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("within a minute it did not happen: %s", what)
}

// TestAnOperatorWorksOnTheQueue walks what can be done with mail that can not be delivered.
func TestAnOperatorWorksOnTheQueue(t *testing.T) {
	needTime(t)
	s, k := carrier(t)
	mailTo(t, s, "one@out.example", "two@out.example")
	mailTo(t, s, "demo@مثال.إختبار")
	mailTo(t, s, "three@other.example")
	tried := func(n int) func() bool {
		return func() bool {
			es := queued(t, s)
			for _, e := range es {
				if e.Attempts < 1 {
					return false
				}
			}
			return len(es) == n
		}
	}
	within(t, "all three were tried", tried(3))

	text := s.Must("queue", "list")
	if !contains(text, "LAST ANSWER", "one@out.example +1", "demo@مثال.إختبار", "451 4.2.1 the mailbox", "in 1 h", "info@example.test") {
		t.Errorf("the list is\n%s", text)
	}
	es := queued(t, s, "--domain", "مثال.*")
	if len(es) != 1 || es[0].QueueName != "deferred" || es[0].Recipients[0].Address != "demo@مثال.إختبار" || es[0].Destination != "مثال.إختبار" {
		t.Fatalf("%+v", es)
	}
	arabic := es[0].QueueID
	if show := s.Must("queue", "show", arabic); !contains(show, "1 recipient\n", "waiting, ", "mx.example", "given up") {
		t.Errorf("shown as\n%s", show)
	}
	if head := s.Must("queue", "show", arabic, "--headers"); !contains(head, "Received: from localhost (user ", "Subject: waits\r\n\r\n") || strings.Contains(head, "body") {
		t.Errorf("its header section is\n%s", head)
	}
	var piece struct{ Data []byte }
	if s.JSON(&piece, "queue", "show", arabic, "--headers"); string(piece.Data) != s.Must("queue", "show", arabic, "--headers") {
		t.Errorf("as JSON: %q", piece.Data)
	}
	if st := s.Must("status"); !contains(st, "queue     3 entries", "for 4 recipients, 0 held") {
		t.Errorf("status says\n%s", st)
	}

	said := func(want string, args ...string) {
		t.Helper()
		if out := s.Must(append([]string{"queue"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("barid queue %q said %q, want %q", args, out, want)
		}
	}
	said("1 of 1 entry would be held", "hold", "--domain", "other.example", "--dry-run")
	said("1 of 1 entry held", "hold", "--domain", "other.example")
	said("0 of 1 entry held", "hold", "--domain", "other.example")
	if es := queued(t, s, "--held"); len(es) != 1 || es[0].Line != "other.example" || es[0].State != "held" {
		t.Errorf("held: %+v", es)
	}

	k.Set(sink.Rcpt, sink.Behaviour{})
	said("1 of 1 entry due now", "retry", arabic)
	within(t, "the sink has the message for مثال.إختبار", func() bool { return k.Count() == 1 })
	said("1 of 1 entry released", "release", "--held")
	said("1 of 1 entry due now", "retry", "--domain", "other.example")
	within(t, "the released one is there too", func() bool { return k.Count() == 2 })

	said("out.example paused", "pause", "out.example", "--for", "2h", "--reason", "asked to wait")
	said("asked to wait", "pause")
	said("paused for 1 h", "summary")
	said("1 of 1 entry due now", "retry", "--domain", "out.example")
	said("1 of 1 entry sent another way", "route", "--domain", "out.example", "--via", "direct", "--destination", "other.example")
	within(t, "another way leads around the pause", func() bool { return k.Count() == 3 })
	said("out.example resumed; 0 entries stand there", "resume", "out.example")

	k.Set(sink.Rcpt, sink.Behaviour{Reply: "451 4.2.1 busy again"})
	mailTo(t, s, "one@out.example")
	mailTo(t, s, "one@other.example")
	within(t, "both were tried", tried(2))
	said("1 of 1 entry given back", "bounce", "--to", "*@out.example", "--reason", "the company has closed")
	within(t, "the sender has the report", func() bool {
		box := boxOf(t, s)
		return contains(box, "multipart/report", "the company has closed", "Action: failed", "one@out.example")
	})
	if _, errs, code := s.Run("queue", "delete", "--domain", "other.example"); code != 2 || !contains(errs, "B1008", "1 entry", "--yes") {
		t.Errorf("delete without --yes: exit %d %s", code, errs)
	}
	said("1 of 1 entry removed", "delete", "--domain", "other.example", "--yes")
	if es := queued(t, s); len(es) != 0 {
		t.Errorf("left: %+v", es)
	}
	if st := s.Must("status"); !contains(st, "queue     empty") {
		t.Errorf("status says\n%s", st)
	}
}

// TestTheQueueWithoutAServer: what commands do on the folder holds when the server runs.
func TestTheQueueWithoutAServer(t *testing.T) {
	needTime(t)
	s, k := carrier(t)
	s.Stop()
	mailTo(t, s, "one@out.example") // into the opened folder
	mailTo(t, s, "two@other.example")
	mailTo(t, s, "three@nowhere.example")
	if es := queued(t, s); len(es) != 3 || es[0].QueueName != "active" {
		t.Fatalf("%+v", es)
	}
	if out := s.Must("queue", "hold", "--domain", "out.example"); !contains(out, "1 of 1 entry held", "no server runs") {
		t.Errorf("%s", out)
	}
	s.Must("queue", "bounce", "--domain", "nowhere.example", "--reason", "no such place")
	s.Must("queue", "pause", "other.example")
	s.Boot()
	within(t, "the report is made when the server runs", func() bool { return contains(boxOf(t, s), "no such place") })
	if es := queued(t, s); len(es) != 2 || es[0].Attempts+es[1].Attempts != 0 {
		t.Errorf("held and paused mail was tried: %+v", es)
	}
	k.Set(sink.Rcpt, sink.Behaviour{})
	s.Must("queue", "release", "--all")
	s.Must("queue", "resume", "other.example")
	within(t, "both are there", func() bool { return k.Count() == 2 })
}

func TestTheQueueRefusesWhatIsUnclear(t *testing.T) {
	needTime(t)
	s := server.Prepare(t, server.Options{})
	for args, want := range map[string]string{
		"queue hold": "B4010", "queue delete --dry-run": "B4010", "queue show 1F42A": "B4012", "queue retry nonsense": "B4012",
		"queue list --older-than soon": "B4003", "queue list --account nobody@example.test": "B4002", "queue route --all": "B1007",
		"queue pause no/domain": "B4003", "queue pause --for 2h": "B1007", "queue limit --per-hour 5": "B1007", "queue limit --dry-run": "B1007",
		"queue limit example.net": "B1007", "queue limit example.net --per-hour -4": "B4003",
	} {
		if _, errs, code := s.Run(strings.Fields(args)...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("barid %s: exit %d, %s, want %s", args, code, errs, want)
		}
	}
	if out := s.Must("queue", "list"); out != "" {
		t.Errorf("an empty queue lists %q", out)
	}
}
