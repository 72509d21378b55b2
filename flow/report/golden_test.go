package report

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/header"
	"barid/rfc/mime"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew; look at them before you commit")

// TestReportsAreReadAs compares whole reports, decoded, with testdata: what people read in each language.
func TestReportsAreReadAs(t *testing.T) {
	for name, c := range map[string]struct {
		kind   queue.Kind
		change func(*spool.Entry)
	}{
		"failed":    {queue.Failed, failures},
		"delayed":   {queue.Delayed, late},
		"delivered": {queue.Delivered, func(e *spool.Entry) { e.Rcpts[0].Notify = notifyAll }},
		"relayed":   {queue.Relayed, func(e *spool.Entry) { e.Rcpts[0].Notify = notifyAll }},
		"expanded":  {queue.Expanded, func(e *spool.Entry) { e.Rcpts[0].Notify = notifyAll }},
	} {
		for _, lang := range []string{"en", "fa", "ar"} {
			t.Run(name+"_"+lang, func(t *testing.T) {
				w := newWorld(t)
				e := w.entry()
				c.change(e)
				e.Locale = lang
				w.report(e, c.kind)
				got := readable(t, w.inbox()[0])
				if strings.Contains(got, "{") || strings.Contains(got, "topic.") {
					t.Errorf("a name was not filled in:\n%s", got)
				}
				file := filepath.Join("testdata", name+"_"+lang+".txt")
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || got != string(want) {
					t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
				}
			})
		}
	}
}

// failures are three of different kinds: a host's refusal, a name of the DNS, and a time that is over.
func failures(e *spool.Entry) {
	at := func(to string, s spool.State, a spool.Answer) spool.Rcpt {
		a.Time = noon
		return spool.Rcpt{To: path(to), State: s, Last: a}
	}
	e.Rcpts = append(e.Rcpts,
		at("فروش@نمونه.example", spool.Failed, spool.Answer{Enhanced: "5.6.7", Text: "the next server does not offer SMTPUTF8", Stage: spool.StageMail}),
		at("info@example.org", spool.Failed, spool.Answer{
			Code: 554, Enhanced: "5.7.1", Text: "Service unavailable; client host [192.0.2.2] blocked using zen.example.net; see https://example.net/q?192.0.2.2", Remote: "mx2.example.org [192.0.2.26]",
		}),
		at("slow@example.org", spool.Expired, spool.Answer{Enhanced: "4.4.1", Text: "connection timed out", Stage: spool.StageConnect}),
	)
	e.UTF8 = true
}

func late(e *spool.Entry) {
	e.Rcpts[0].State = spool.Waiting
	e.Rcpts[0].Last = spool.Answer{Time: noon, Code: 451, Enhanced: "4.7.1", Text: "451 4.7.1 Greylisted, come back in 5 minutes", Remote: "mx1.example.org [192.0.2.25]"}
}

// readable decodes a report. Marks of direction are shown by name.
func readable(t *testing.T, text string) string {
	t.Helper()
	m := mime.Scan([]byte(text), mime.DefaultLimits())
	var b strings.Builder
	for f := range header.All(m.Header) {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, header.DecodeWords(f.Text()))
	}
	m.Walk(func(path []int, p *mime.Part) bool {
		fmt.Fprintf(&b, "\n== %v %s/%s %s\n", path, p.Type, p.Subtype, p.Encoding)
		if !p.IsMultipart() && !p.IsMessage() {
			body, err := io.ReadAll(p.Text(strings.NewReader(text[p.BodyOff:p.End])))
			if err != nil {
				t.Fatal(err)
			}
			b.Write(body)
		}
		return true
	})
	return strings.NewReplacer("\r\n", "\n", isolateLTR, "⟨LRI⟩", isolateAuto, "⟨FSI⟩", isolateEnd, "⟨PDI⟩", markRTL, "⟨RLM⟩",
		m.Root.Param("boundary"), "BOUNDARY").Replace(b.String())
}

// TestEveryTopicHasWords wants a meaning and an advice in every language for whatever code comes.
func TestEveryTopicHasWords(t *testing.T) {
	w := newWorld(t)
	used := map[string]bool{}
	for class := 4; class <= 5; class++ {
		for subject := range 9 {
			for detail := range 40 {
				for _, words := range []string{"", "no such user", "spam", "spf", "policy", "too large", "virus", "host not found", "mail loop", "mailbox full", "try again"} {
					r := spool.Rcpt{State: spool.Failed, Last: spool.Answer{Enhanced: fmt.Sprintf("%d.%d.%d", class, subject, detail), Text: words}}
					used[topicOf(statusOf(&r, actionOf(queue.Failed)), words)] = true
				}
			}
		}
	}
	for topic := range used {
		for _, lang := range []string{"ar", "fa", "en"} {
			for _, what := range []string{".means", ".do"} {
				if _, ok := w.r.d.Texts.Text(lang, "topic."+topic+what); !ok {
					t.Errorf("%s: no text topic.%s%s", lang, topic, what)
				}
			}
		}
	}
	if len(used) < 23 {
		t.Errorf("only %d topics are reached: %v", len(used), used)
	}
}

func TestTopics(t *testing.T) {
	for _, c := range []struct{ code, words, want string }{
		{"5.1.1", "", "no-address"},
		{"5.1.2", "", "no-domain"},
		{"5.1.10", "", "no-mail"},
		{"5.1.3", "", "bad-address"},
		{"5.1.6", "", "moved"},
		{"5.2.1", "", "disabled"},
		{"5.2.2", "", "full"},
		{"4.2.2", "", "full"},
		{"5.3.4", "", "big"},
		{"4.3.2", "", "busy"},
		{"4.4.1", "", "unreachable"},
		{"4.4.3", "", "dns"},
		{"5.4.4", "", "no-route"},
		{"5.3.3", "", "lacks"},
		{"5.4.6", "", "loop"},
		{"4.4.7", "", "expired"},
		{"5.6.3", "", "form"},
		{"5.6.7", "", "needs-utf8"},
		{"5.7.26", "", "auth"},
		{"5.7.30", "", "no-tls"},
		{"5.7.1", "", "policy"},
		{"5.7.1", "spam", "blocked"},
		{"5.7.1", "dmarc", "auth"},
		{"5.0.0", "user unknown", "no-address"},
		{"5.0.0", "", "other"},
		{"5.5.0", "mailbox unavailable", "no-address"},
		{"4.7.1", "greylisted", "busy"},
		{"5.7.1", "virus", "content"},
	} {
		r := spool.Rcpt{Last: spool.Answer{Enhanced: c.code}}
		if got := topicOf(statusOf(&r, actionOf(queue.Failed)), c.words); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.code, c.words, got, c.want)
		}
	}
}

func TestTimesAreWrittenAsPeopleDo(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 11, 21, 5, 4, 0, 0, time.UTC)
	for _, c := range []struct {
		locale string
		zone   *time.Location
		want   string
	}{
		{"en", time.UTC, "Saturday, 21 November 2026, 05:04 (UTC)"},
		{"en-GB", tehran, "Saturday, 21 November 2026, 08:34 (UTC+03:30)"},
		{"fa", tehran, "شنبه ۳۰ آبان ۱۴۰۵، ساعت ۰۸:۳۴ (UTC+03:30)"},
		{"fa_IR", time.UTC, "شنبه ۳۰ آبان ۱۴۰۵، ساعت ۰۵:۰۴ (UTC)"},
		{"ar", time.FixedZone("", -9000), "السبت ٢١ نوفمبر ٢٠٢٦، الساعة ٠٢:٣٤ (UTC-02:30)"},
		{"de", time.UTC, "Saturday, 21 November 2026, 05:04 (UTC)"},
		{"", time.UTC, "Saturday, 21 November 2026, 05:04 (UTC)"},
	} {
		if got := wordsFor(w.r.d.Texts, c.locale, "en", c.zone).time(at); got != c.want {
			t.Errorf("%s: %q, want %q", c.locale, got, c.want)
		}
	}
}
