package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func queueList(t *terminal) *cobra.Command {
	var s settings
	var sel selection
	var limit int
	c := &cobra.Command{
		Use: "list [ID...]", Short: "List what waits, with age, next attempt and last answer", Args: cobra.ArbitraryArgs, Aliases: []string{"ls"},
		Long: "With --json each line is one entry, with the names of Postfix's postqueue -j and further ones.\n" +
			"A short list is in the order of arrival; a long one by destination, and in each the oldest first.",
		Example: "  barid queue list\n  barid queue list --older-than 1h --domain example.net\n  barid queue list --error \"mailbox full\" --json",
		RunE: func(c *cobra.Command, ids []string) error {
			if limit < 0 {
				return usage(c, "--limit must not be negative")
			}
			return s.with(c.Context(), func(m manage.Caller) error {
				return listQueue(c.Context(), t, m, sel.chosen(c, ids), limit)
			})
		},
	}
	sel.flags(c)
	c.Flags().IntVar(&limit, "limit", 0, "show at most so many; 0 for all")
	s.flags(c)
	return c
}

// pages calls f with the entries page by page; first tells whether a page is all there is.
func pages(ctx context.Context, m manage.Caller, sel manage.QueueSelector, f func(p manage.QueuePage, only bool) (more bool, err error)) error {
	in := manage.QueueQuery{QueueSelector: sel}
	for {
		var p manage.QueuePage
		if err := m.Call(ctx, "queue.list", in, &p, nil); err != nil {
			return err
		}
		more, err := f(p, in.After == "" && p.Next == "")
		if err != nil || !more || p.Next == "" {
			return err
		}
		in.After = p.Next
	}
}

// listQueue prints entries as they come: a long queue is never in memory as a whole.
func listQueue(ctx context.Context, t *terminal, m manage.Caller, sel manage.QueueSelector, limit int) error {
	table := columns{w: t.out, head: []string{"ID", "AGE", "SIZE", "TRIES", "NEXT", "FROM", "TO", "LAST ANSWER"}}
	shown, now := 0, time.Now()
	err := pages(ctx, m, sel, func(p manage.QueuePage, only bool) (bool, error) {
		if only {
			slices.SortStableFunc(p.Entries, func(a, b manage.QueueEntry) int { return int(a.ArrivalTime - b.ArrivalTime) })
		}
		if limit > 0 && shown+len(p.Entries) > limit {
			p.Entries = p.Entries[:limit-shown]
		}
		shown += len(p.Entries)
		more := limit == 0 || shown < limit
		if t.json {
			return more, writeEntries(t.out, p.Entries)
		}
		for _, e := range p.Entries {
			table.add(entryRow(e, now)...)
		}
		return more, table.flush()
	})
	if err == nil && shown == 0 {
		t.say("none")
	}
	return err
}

func writeEntries(w io.Writer, es []manage.QueueEntry) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range es {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

// answerWidth is how much of an answer a row shows, in characters.
const answerWidth = 90

func entryRow(e manage.QueueEntry, now time.Time) []string {
	return []string{
		e.QueueID, manage.FormatAge(now.Sub(time.Unix(e.ArrivalTime, 0))), manage.FormatBytes(e.MessageSize), fmt.Sprint(e.Attempts),
		nextAttempt(e, now), senderOf(e), rcptsOf(e), dash(shorten(plain(lastAnswer(e)), answerWidth)),
	}
}

func senderOf(e manage.QueueEntry) string {
	if e.Sender == "MAILER-DAEMON" {
		return "<>"
	}
	return plain(e.Sender)
}

// rcptsOf names the first recipient and how many others there are.
func rcptsOf(e manage.QueueEntry) string {
	if len(e.Recipients) == 0 {
		return "-"
	}
	s := plain(e.Recipients[0].Address)
	if n := len(e.Recipients) - 1; n > 0 {
		s += fmt.Sprintf(" +%d", n)
	}
	return s
}

// lastAnswer is the newest answer among the recipients.
func lastAnswer(e manage.QueueEntry) string {
	var last manage.QueueRcpt
	for _, r := range e.Recipients {
		if r.DelayReason != "" && (last.DelayReason == "" || r.Answered.After(last.Answered)) {
			last = r
		}
	}
	return last.DelayReason
}

// nextAttempt says when the entry is tried.
func nextAttempt(e manage.QueueEntry, now time.Time) string {
	switch {
	case e.State != "waiting":
		return e.State
	case !e.NextAttempt.After(now):
		return "now"
	}
	return "in " + manage.FormatAge(e.NextAttempt.Sub(now))
}

// plain makes text of other servers harmless on a terminal: no control characters, and none that change the
// direction of what follows.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029 {
			return '·'
		}
		return r
	}, s)
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// columns prints rows in pages that align with each other: a column only grows.
type columns struct {
	w     io.Writer
	head  []string
	wide  []int
	rows  [][]string
	begun bool
}

func (c *columns) add(cells ...string) { c.rows = append(c.rows, cells) }

func (c *columns) flush() error {
	if len(c.rows) == 0 {
		return nil
	}
	rows := c.rows
	if !c.begun {
		rows = append([][]string{c.head}, rows...)
		c.begun, c.wide = true, make([]int, len(c.head))
	}
	for _, r := range rows {
		for i, cell := range r {
			c.wide[i] = max(c.wide[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		for i, cell := range r {
			b.WriteString(cell)
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", c.wide[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	c.rows = nil
	_, err := io.WriteString(c.w, b.String())
	return err
}

func queueShow(t *terminal) *cobra.Command {
	var s settings
	var headers, message bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show an entry with all recipients, or its message", Args: cobra.ExactArgs(1),
		Long: "Shows each recipient with its state and last answer. --headers and --message print what is stored, byte for byte;\n" +
			"with --json in pieces, in base64.",
		Example: "  barid queue show 1F42A\n  barid queue show 1F42A --headers",
		RunE: func(c *cobra.Command, args []string) error {
			return s.with(c.Context(), func(m manage.Caller) error {
				if headers || message {
					return showMessage(c.Context(), t, m, manage.QueuePart{ID: args[0], Header: !message})
				}
				var e manage.QueueEntry
				if err := m.Call(c.Context(), "queue.show", manage.Named{Name: args[0]}, &e, nil); err != nil {
					return err
				}
				return t.result(e, func(w io.Writer) { printEntry(w, e, time.Now()) })
			})
		},
	}
	c.Flags().BoolVar(&headers, "headers", false, "print the header section of the message")
	c.Flags().BoolVar(&message, "message", false, "print the whole message")
	s.flags(c)
	return c
}

// showMessage prints stored bytes piece by piece. On a terminal nothing of them is taken for a command to it.
func showMessage(ctx context.Context, t *terminal, m manage.Caller, part manage.QueuePart) error {
	careful := t.out == io.Writer(os.Stdout) && isTerminal(os.Stdout)
	for {
		var b manage.QueueBytes
		if err := m.Call(ctx, "queue.message", part, &b, nil); err != nil {
			return err
		}
		if len(b.Data) == 0 {
			return nil
		}
		part.Offset += int64(len(b.Data))
		if t.json {
			if err := t.result(b, nil); err != nil {
				return err
			}
			continue
		}
		data := b.Data
		if careful {
			data = []byte(strings.Map(func(r rune) rune {
				if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
					return '·'
				}
				return r
			}, string(data)))
		}
		if _, err := t.out.Write(data); err != nil {
			return err
		}
	}
}

func printEntry(w io.Writer, e manage.QueueEntry, now time.Time) {
	arrived := time.Unix(e.ArrivalTime, 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("entry", "%s", e.QueueID)
	line("message", "%s, %s", e.Message, manage.FormatBytes(e.MessageSize))
	line("from", "%s", senderOf(e))
	if e.Account != "" {
		line("account", "%s", plain(e.Account))
	}
	line("arrived", "%s, %s ago", arrived.Local().Format(time.DateTime), manage.FormatAge(now.Sub(arrived)))
	line("state", "%s", e.State)
	if !e.NextAttempt.IsZero() {
		line("next", "%s", nextAttempt(e, now))
	}
	line("attempts", "%d", e.Attempts)
	if e.State == "waiting" && !e.Expires.IsZero() {
		line("given up", "%s, in %s", e.Expires.Local().Format(time.DateTime), manage.FormatAge(e.Expires.Sub(now)))
	}
	line("line", "%s", e.Line)
	if e.Route != "" {
		line("destination", "%s", e.Destination)
	}
	fmt.Fprintf(w, "%s\n", count(len(e.Recipients), "recipient", "recipients"))
	for _, r := range e.Recipients {
		fmt.Fprintf(w, "  %s\n    %s", plain(r.Address), r.State)
		if r.DelayReason != "" {
			fmt.Fprintf(w, ", %s ago: %s", manage.FormatAge(now.Sub(r.Answered)), plain(r.DelayReason))
		}
		fmt.Fprintln(w)
	}
}

func queueSummary(t *terminal) *cobra.Command {
	var s settings
	var sel selection
	var limit int
	c := &cobra.Command{
		Use: "summary", Short: "Destinations with the most waiting mail, and how they go", Args: cobra.NoArgs,
		Example: "  barid queue summary\n  barid queue summary --from \"*@example.org\" --limit 10 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage(c, "--limit must not be negative")
			}
			in := manage.QueueQuery{QueueSelector: sel.chosen(c, nil), Limit: limit}
			out, err := call[[]manage.QueueLine](c.Context(), &s, t, "queue.summary", in)
			if err != nil {
				return err
			}
			now := time.Now()
			return list(t, out, "LINE\tENTRIES\tRECIPIENTS\tSIZE\tHELD\tOLDEST\tNEXT\tSTATE\tLAST ANSWER", func(l manage.QueueLine) string { return lineRow(l, now) })
		},
	}
	sel.flags(c)
	c.Flags().IntVar(&limit, "limit", 0, "show at most so many; 0 for all")
	s.flags(c)
	return c
}

func lineRow(l manage.QueueLine, now time.Time) string {
	oldest, next, state := "-", "-", "open"
	if !l.Oldest.IsZero() {
		oldest = manage.FormatAge(now.Sub(l.Oldest))
	}
	if !l.Next.IsZero() {
		next = "now"
		if l.Next.After(now) {
			next = "in " + manage.FormatAge(l.Next.Sub(now))
		}
	}
	switch {
	case l.Pause != nil && l.Pause.Until.IsZero():
		state = "paused"
	case l.Pause != nil:
		state = "paused for " + manage.FormatAge(l.Pause.Until.Sub(now))
	case l.ShutTill.After(now):
		state = "left alone for " + manage.FormatAge(l.ShutTill.Sub(now))
	case l.Running > 0:
		state = fmt.Sprintf("%d running", l.Running)
	}
	return tabs(l.Name, l.Entries, l.Recipients, manage.FormatBytes(l.Bytes), l.Held, oldest, next, state, dash(shorten(plain(l.LastError), answerWidth)))
}

// printCounts is the queue on the screen of barid status.
func printCounts(w io.Writer, q manage.QueueCounts) {
	if q.Entries == 0 {
		fmt.Fprintln(w, "queue     empty")
	} else {
		about := ""
		if q.Estimated {
			about = "about "
		}
		age := func(s float64) string { return manage.FormatAge(time.Duration(s * float64(time.Second))) }
		fmt.Fprintf(w, "queue     %s (%s) for %s%s, %s%d held; oldest %s, half older than %s, 1 in 20 older than %s\n",
			count(int(q.Entries), "entry", "entries"), manage.FormatBytes(q.Bytes), about, count(int(q.Recipients), "recipient", "recipients"),
			about, q.Held, manage.FormatAge(time.Since(q.Oldest)), age(q.AgeP50), age(q.AgeP95))
	}
	if len(q.Paused) > 0 {
		fmt.Fprintf(w, "  paused  %s\n", strings.Join(q.Paused, ", "))
	}
}
