package main

import (
	"fmt"
	"io"
	"time"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func queueCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "queue", Short: "Mail that waits to be carried on: look, hold, retry, give back, send another way",
		Long: "Works with the running server, and on the data folder when none runs: what is due then waits for the server.\n" +
			"Every command that changes something takes --dry-run, which tells how many entries it would change.",
		Example: "  barid queue list --older-than 1h\n  barid queue show 1F42A\n  barid queue retry --domain example.net\n" +
			"  barid queue bounce --from info@example.org --error \"user unknown\" --dry-run",
	}
	c.AddCommand(queueList(t), queueShow(t), queueSummary(t), queueHold(t), queueRelease(t), queueRetry(t),
		queueBounce(t), queueDelete(t), queueRoute(t), queuePause(t), queueResume(t), queueLimit(t))
	return c
}

// selection is the flags that choose entries; ids are arguments.
type selection struct {
	manage.QueueSelector
	route string
	held  bool
}

func (s *selection) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&s.Messages, "message", nil, "entries of this message, by the id of the reply to its sender")
	f.StringVar(&s.Account, "account", "", "submitted by this account: its address, or '#7' as barid queue show names one that was removed")
	f.StringVar(&s.From, "from", "", "sender, with * for any text; \"<>\" for reports")
	f.StringVar(&s.To, "to", "", "a recipient, with * for any text")
	f.StringVar(&s.Domain, "domain", "", "destination, with * for any text")
	f.StringVar(&s.route, "route", "", "by this route; direct for those by MX")
	f.StringVar(&s.OlderThan, "older-than", "", "arrived longer ago, e.g. 90m, 12h, 2d")
	f.StringVar(&s.Next, "next-within", "", "to be tried within, e.g. 15m")
	f.StringVar(&s.Error, "error", "", "text within the last answer, with * for any text")
	f.BoolVar(&s.held, "held", false, "those that are held; --held=false for the others")
	f.BoolVar(&s.All, "all", false, "every entry")
}

// chosen is the selector that was given.
func (s *selection) chosen(c *cobra.Command, ids []string) manage.QueueSelector {
	q := s.QueueSelector
	q.IDs = ids
	if c.Flags().Changed("held") {
		q.Held = &s.held
	}
	if c.Flags().Changed("route") {
		q.Route = &s.route
	}
	return q
}

// verb is a command that changes entries: what it is called, and how its result is told.
type verb struct {
	name, short, long, example string
	did                        string
}

func queueHold(t *terminal) *cobra.Command {
	return queueVerb(t, verb{
		"hold", "Keep entries from being tried until they are released", "Held entries do not expire.",
		"  barid queue hold 1F42A 1F42B\n  barid queue hold --domain example.net --dry-run", "held",
	})
}

func queueRelease(t *terminal) *cobra.Command {
	return queueVerb(t, verb{
		"release", "End a hold", "What should have been tried meanwhile is tried at once.",
		"  barid queue release 1F42A\n  barid queue release --held --domain example.net", "released",
	})
}

func queueRetry(t *terminal) *cobra.Command {
	return queueVerb(t, verb{
		"retry", "Try entries now",
		"Whatever their next attempt is, and also where a server was left alone because it could not be reached.\nHeld entries stay held.",
		"  barid queue retry --domain example.net\n  barid queue retry --all", "due now",
	})
}

func queueVerb(t *terminal, v verb) *cobra.Command {
	var s settings
	var sel selection
	var in manage.QueueChange
	c := &cobra.Command{
		Use: v.name + " [ID...]", Short: v.short, Long: v.long, Example: v.example, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, ids []string) error {
			in.QueueSelector = sel.chosen(c, ids)
			return changeQueue(c, &s, t, "queue."+v.name, in, v.did)
		},
	}
	sel.flags(c)
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many, and change nothing")
	s.flags(c)
	return c
}

// changeQueue runs a change and tells what it did.
func changeQueue(c *cobra.Command, s *settings, t *terminal, op string, in manage.QueueChange, did string) error {
	out, err := call[manage.QueueResult](c.Context(), s, t, op, in)
	if err != nil {
		return err
	}
	return t.result(out, func(w io.Writer) { printChange(w, out, did) })
}

func printChange(w io.Writer, r manage.QueueResult, did string) {
	if r.DryRun {
		did = "would be " + did
	}
	fmt.Fprintf(w, "%d of %s %s\n", r.Changed, count(r.Matched, "entry", "entries"), did)
	if !r.DryRun && !r.Running && r.Changed > 0 {
		fmt.Fprintln(w, "no server runs: what is due now is done when it does")
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func queueBounce(t *terminal) *cobra.Command {
	var s settings
	var sel selection
	var in manage.QueueChange
	c := &cobra.Command{
		Use: "bounce [ID...]", Short: "Give entries up; their senders get a report", Args: cobra.ArbitraryArgs,
		Example: "  barid queue bounce 1F42A --reason \"the company has closed\"\n  barid queue bounce --to \"*@typo.example\" --dry-run",
		RunE: func(c *cobra.Command, ids []string) error {
			in.QueueSelector = sel.chosen(c, ids)
			return changeQueue(c, &s, t, "queue.bounce", in, "given back")
		},
	}
	sel.flags(c)
	c.Flags().StringVar(&in.Reason, "reason", "", "what the senders are told")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many, and change nothing")
	s.flags(c)
	return c
}

func queueDelete(t *terminal) *cobra.Command {
	var s settings
	var sel selection
	var in manage.QueueChange
	var yes bool
	c := &cobra.Command{
		Use: "delete [ID...]", Short: "Remove entries; nobody is told", Args: cobra.ArbitraryArgs, Aliases: []string{"rm"},
		Long:    "Removes for good. Entries that are not named one by one need --yes; without it you are told how many they are.",
		Example: "  barid queue delete 1F42A\n  barid queue delete --from \"*@spam.example\" --yes",
		RunE: func(c *cobra.Command, ids []string) error {
			in.QueueSelector = sel.chosen(c, ids)
			if len(ids) == 0 && !yes && !in.DryRun {
				in.DryRun = true
				out, err := call[manage.QueueResult](c.Context(), &s, t, "queue.delete", in)
				if err != nil {
					return err
				}
				return fault.New("B1008", "this removes %s for good, and nobody is told", count(out.Matched, "entry", "entries")).
					WithExit(fault.ExitUsage).WithFix("add --yes").WithFix("barid queue bounce … tells the senders")
			}
			return changeQueue(c, &s, t, "queue.delete", in, "removed")
		},
	}
	sel.flags(c)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many, and change nothing")
	s.flags(c)
	return c
}

func queueRoute(t *terminal) *cobra.Command {
	var s settings
	var sel selection
	var in manage.QueueChange
	var via string
	c := &cobra.Command{
		Use: "route [ID...] --via ROUTE", Short: "Send entries another way", Args: cobra.ArbitraryArgs,
		Long: "Gives entries a route of barid relay, the way by MX whatever the rules say (--via direct), what the rules say\n" +
			"(--via rules), or another domain to look up (--destination); the recipients stay as they are. The\n" +
			"entries get new ids and are tried at once.",
		Example: "  barid queue route --domain example.net --via backup\n  barid queue route 1F42A --via direct --destination mx2.example.net",
		RunE: func(c *cobra.Command, ids []string) error {
			if !c.Flags().Changed("via") && in.ToDestination == "" {
				return usage(c, "--via or --destination is needed")
			}
			in.QueueSelector = sel.chosen(c, ids)
			if in.ToRoute = via; via == "rules" {
				in.ToRoute = ""
			}
			return changeQueue(c, &s, t, "queue.route", in, "sent another way")
		},
	}
	sel.flags(c)
	c.Flags().StringVar(&via, "via", "", "name of a route, direct or rules")
	c.Flags().StringVar(&in.ToDestination, "destination", "", "domain, host or [address] to look up instead of the recipients' domain")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many, and change nothing")
	s.flags(c)
	return c
}

func queuePause(t *terminal) *cobra.Command {
	var s settings
	var in manage.LinePause
	c := &cobra.Command{
		Use: "pause [LINE]", Short: "Leave a destination or route alone; without one, list what is paused", Args: cobra.MaximumNArgs(1),
		Long: "LINE is a domain, or route:NAME. The pause holds over restarts. Entries that come meanwhile wait in it; they expire\n" +
			"as usual, and their senders are told.",
		Example: "  barid queue pause example.net --for 2h --reason \"asked by their postmaster\"\n  barid queue pause",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && in == (manage.LinePause{}):
				return showAll(c, &s, t, "queue.pauses", "LINE\tSINCE\tUNTIL\tREASON", pauseRow)
			case len(args) == 0:
				return usage(c, "%s wants to know what it is to pause: a domain, or route:NAME", c.CommandPath())
			}
			in.Line = args[0]
			return changeLine(c, &s, t, "queue.pause", in, "paused")
		},
	}
	c.Flags().StringVar(&in.For, "for", "", "how long, e.g. 30m, 2h, 1d; without it until barid queue resume")
	c.Flags().StringVar(&in.Reason, "reason", "", "why, for whoever looks")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many entries wait there, and change nothing")
	s.flags(c)
	return c
}

func queueResume(t *terminal) *cobra.Command {
	var s settings
	var in manage.LinePause
	c := &cobra.Command{
		Use: "resume LINE", Short: "End a pause", Args: cobra.ExactArgs(1),
		Long:    "Ends a pause, and also what a server is left alone for because it could not be reached.",
		Example: "  barid queue resume example.net\n  barid queue resume route:backup",
		RunE: func(c *cobra.Command, args []string) error {
			in.Line = args[0]
			return changeLine(c, &s, t, "queue.resume", in, "resumed")
		},
	}
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "tell how many entries wait there, and change nothing")
	s.flags(c)
	return c
}

func changeLine(c *cobra.Command, s *settings, t *terminal, op string, in manage.LinePause, did string) error {
	out, err := call[manage.LineChange](c.Context(), s, t, op, in)
	if err != nil {
		return err
	}
	return t.result(out, func(w io.Writer) {
		until := ""
		if out.DryRun {
			did = "would be " + did
		}
		if !out.Until.IsZero() {
			until = " until " + out.Until.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s %s%s; %s there\n", out.Line, did, until, count(out.Entries, "entry stands", "entries stand"))
	})
}

func pauseRow(p manage.PauseInfo) string {
	until := "resumed"
	if !p.Until.IsZero() {
		until = p.Until.Local().Format(time.DateTime)
	}
	return tabs(p.Line, p.Since.Local().Format(time.DateTime), until, dash(plain(p.Reason)))
}
