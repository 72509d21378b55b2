package main

import (
	"strconv"
	"strings"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

const shapeColumns = "LINE\tMESSAGES/HOUR\tBYTES/DAY\tCONNECTIONS\tRECIPIENTS"

func shapeRow(i manage.ShapeInfo) string {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	bytes := ""
	if i.PerDay > 0 {
		bytes = manage.FormatBytes(i.PerDay)
	}
	return tabs(i.Name, dash(number(i.PerHour)), dash(bytes), dash(number(i.Connections)), dash(number(i.Recipients)))
}

// shapeFlags adds the flags of what bounds a line; the result moves what was given into the change.
func shapeFlags(c *cobra.Command) func(*manage.LineShape) error {
	f := c.Flags()
	perHour := f.Int64("per-hour", 0, "messages tried in an hour; 0 for no limit")
	perDay := f.String("per-day", "", "bytes of messages in a day, such as 2GiB; 0 for no limit")
	connections := f.Int64("connections", 0, "connections at a time; 0 for as many as the other side bears")
	recipients := f.Int64("recipients", 0, "recipients of one transaction; 0 for as many as the other side takes")
	dryRun := f.Bool("dry-run", false, "tell what would be bounded, and change nothing")
	return func(in *manage.LineShape) error {
		set(f.Changed("per-hour"), &in.PerHour, perHour)
		set(f.Changed("connections"), &in.Connections, connections)
		set(f.Changed("recipients"), &in.Recipients, recipients)
		in.DryRun = *dryRun
		if f.Changed("per-day") {
			n, err := manage.ParseBytes(*perDay)
			if err != nil {
				return err
			}
			in.PerDay = &n
		}
		return nil
	}
}

func queueLimit(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "limit [LINE]", Short: "Bound how much a destination or route is sent; without one, list what is bounded", Args: cobra.MaximumNArgs(1),
		Long: "LINE is a domain, or route:NAME. What is more waits in the queue. Messages an hour and bytes a day are spread evenly,\n" +
			"so that a minute never has much more than its share. The bounds hold over restarts; 0 takes one away.",
		Example: "  barid queue limit example.net --per-hour 500 --connections 3\n  barid queue limit route:office --per-day 1GiB --recipients 50\n  barid queue limit",
	}
	fill := shapeFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.LineShape{Line: strings.Join(args, "")}
		if err := fill(&in); err != nil {
			return err
		}
		said := in != (manage.LineShape{Line: in.Line, DryRun: in.DryRun})
		switch {
		case len(args) == 0 && !said && !in.DryRun:
			return showAll(c, &s, t, "queue.limits", shapeColumns, shapeRow)
		case len(args) == 0:
			return usage(c, "%s wants to know what it is to bound: a domain, or route:NAME", c.CommandPath())
		case !said:
			return usage(c, "%s LINE wants to know what: --per-hour, --per-day, --connections or --recipients", c.CommandPath())
		}
		if err := showOne(c, &s, t, "queue.limit", in, shapeColumns, shapeRow); err != nil {
			return err
		}
		if in.DryRun {
			t.say("nothing was changed")
		}
		return nil
	}
	s.flags(c)
	return c
}
