package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"barid/locales"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func traceCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "trace", Short: "Follow a message",
		Example: "  barid trace msg 01jd4xk8t0003f7q2m.1",
	}
	c.AddCommand(traceMessage(t))
	return c
}

func traceMessage(t *terminal) *cobra.Command {
	var s settings
	var lang string
	c := &cobra.Command{
		Use: "msg ID", Short: "Tell the way of a message, from the first connection to the last answer", Args: cobra.ExactArgs(1),
		Long: "Tell the way of a message, from the first connection to the last answer.\n\n" +
			"ID is any of its names: the id in the reply to the message and in its Received field, the id of a session (all\n" +
			"its messages), a Message-ID, an ENVID, the name of an entry of the queue, or the id of a report. Times are those\n" +
			"of this machine; the second column is the time since the line above. What is kept: 30 days.\n\n" +
			"With --lang fa or ar a legend explains the steps that occur in that language. With --json every step is one\n" +
			"object on a line, with a stable code; see docs/develop/trace.md.",
		Example: "  barid trace msg 01jd4xk8t0003f7q2m.1\n  barid trace msg '<20261122.1@example.org>'\n  barid trace msg 33B1 --json\n" +
			"  barid trace msg 01jd4xk8t0003f7q2m.1 --lang fa",
		RunE: func(c *cobra.Command, args []string) error {
			if err := spoken(lang); err != nil {
				return err
			}
			out, err := call[manage.Trace](c.Context(), &s, t, "trace.message", manage.TraceQuery{ID: args[0]})
			if err != nil {
				return err
			}
			if out.More > 0 {
				t.say("%d older messages of this name are not shown", out.More)
			}
			if t.json {
				return printSteps(t.out, out)
			}
			printTrace(t.out, out, time.Local)
			if lang != "en" {
				printLegend(t.out, out, lang)
			}
			return nil
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language of the legend of the steps: ar, fa or en")
	s.flags(c)
	return c
}

// printLegend says in a language what the steps of tr mean, each once, in the order they occur.
func printLegend(w io.Writer, tr manage.Trace, lang string) {
	seen := map[string]bool{}
	_, _ = fmt.Fprintln(w)
	for _, j := range tr.Messages {
		for i := range j.Steps {
			code := j.Steps[i].Code
			if text, ok := locales.Step(lang, code); ok && !seen[code] {
				seen[code] = true
				_, _ = fmt.Fprintf(w, "%-12s  %s\n", code, text)
			}
		}
	}
}

// printSteps prints every step as one line of JSON.
func printSteps(w io.Writer, tr manage.Trace) error {
	e := json.NewEncoder(w)
	for _, j := range tr.Messages {
		for _, s := range j.Steps {
			if err := e.Encode(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// printTrace prints a block for each message: when, how long after, what, and in words.
func printTrace(w io.Writer, tr manage.Trace, zone *time.Location) {
	var b strings.Builder
	for i, j := range tr.Messages {
		if i > 0 {
			b.WriteByte('\n')
		}
		printJourney(&b, j, zone)
	}
	_, _ = io.WriteString(w, b.String())
}

func printJourney(b *strings.Builder, j manage.Journey, zone *time.Location) {
	fmt.Fprintf(b, "message %s\n", printable(j.ID))
	var day string
	var last time.Time
	for i := range j.Steps {
		s := &j.Steps[i]
		at := s.Time.In(zone)
		if d := at.Format("2006-01-02 MST"); d != day && !now(s) {
			fmt.Fprintf(b, "%s\n", d)
			day = d
		}
		clock, since := at.Format("15:04:05.000"), ""
		if now(s) {
			clock = "now"
		} else {
			if !last.IsZero() {
				since = "+" + span(s.Time.Sub(last))
			}
			last = s.Time
		}
		text := s.Text
		if s.About != "" && s.Code != manage.StepAbout {
			text = "the report: " + text
		}
		fmt.Fprintf(b, "%-12s %10s  %-12s  %s\n", clock, since, s.Code, printable(text))
		for _, d := range details(s) {
			fmt.Fprintf(b, "%39s%s\n", "", printable(d))
		}
	}
}

// now tells whether a step says how things stand.
func now(s *manage.Step) bool {
	switch s.Code {
	case manage.StepLocal, manage.StepWaiting, manage.StepHeld, manage.StepSettled, manage.StepOmitted:
		return true
	}
	return false
}

// details are the lines under a step.
func details(s *manage.Step) (out []string) {
	if s.Code == manage.StepAccepted {
		if s.MessageID != "" {
			out = append(out, "Message-ID <"+s.MessageID+">")
		}
		if s.EnvID != "" {
			out = append(out, "ENVID "+s.EnvID)
		}
		if len(s.Checks) > 0 {
			out = append(out, "checks: "+strings.Join(s.Checks, ", "))
		}
	}
	if s.Took != nil {
		out = append(out, "took: "+tookWords(s.Took))
	}
	return out
}

func tookWords(t *manage.StepTook) string {
	var parts []string
	for _, p := range []struct {
		name string
		took float64
	}{
		{"receive", t.Receive},
		{"check", t.Check},
		{"store", t.Store},
		{"deliver", t.Deliver},
		{"dns", t.DNS},
		{"connect", t.Connect},
		{"tls", t.TLS},
		{"dialogue", t.Dialogue},
		{"data", t.Data},
	} {
		if p.took > 0 {
			parts = append(parts, p.name+" "+span(time.Duration(p.took*float64(time.Second))))
		}
	}
	return strings.Join(parts, ", ")
}

// span gives a time as a person compares it: "40 µs", "1.5 ms", "17 ms", "1.2 s", "5m12s", "3h5m0s".
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// printable takes what would move the cursor, or turn the line round, out of words that came from elsewhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}
