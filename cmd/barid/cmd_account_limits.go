package main

import (
	"strconv"
	"strings"
	"time"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

const limitColumns = "SCOPE\tNAME\tLIMIT\tUSED\tOF\tSTATE\tSET BY\tMORE AT\tRESETS AT"

// limitWords say what a limit counts.
var limitWords = map[string]string{
	"messages": "messages an hour", "recipients": "recipients a message", "bytes": "bytes a day", "new_recipients": "new recipients a day",
}

func limitRow(r manage.AllowanceRow) string {
	amount := func(n int64) string {
		if r.Limit == "bytes" {
			return manage.FormatBytes(n)
		}
		return strconv.FormatInt(n, 10)
	}
	used, of := amount(r.Used), "no limit"
	if r.Of > 0 {
		of = amount(r.Of)
	}
	if r.Limit == "recipients" {
		used = "-"
	}
	return tabs(r.Scope, dash(r.Name), limitWords[r.Limit], used, of, r.State, r.SetBy, clock(r.MoreAt), clock(r.ResetAt))
}

// clock writes a time as the refusals do.
func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// limitFlags adds the flags of limits; the result moves what was given into the change.
func limitFlags(c *cobra.Command) func(*manage.LimitsChange) error {
	var l manage.LimitsChange
	flags := []struct {
		name, doc string
		to        **int64
		read      func(string) (int64, error)
		text      *string
	}{
		{"per-hour", "messages an hour", &l.PerHour, readCount, nil},
		{"recipients", "recipients of one message", &l.Recipients, readCount, nil},
		{"per-day", "bytes a day, e.g. 500MiB or 1GiB", &l.PerDay, manage.ParseBytes, nil},
		{"new-recipients", "recipients a day that the account never wrote to", &l.NewRecipients, readCount, nil},
	}
	for i := range flags {
		flags[i].text = c.Flags().String(flags[i].name, "", flags[i].doc+"; 0 for no limit, default to leave it to the wider setting")
	}
	return func(in *manage.LimitsChange) error {
		for _, f := range flags {
			if !c.Flags().Changed(f.name) {
				continue
			}
			n := int64(manage.InheritLimit)
			if word := strings.TrimSpace(*f.text); word != "default" {
				var err error
				if n, err = f.read(word); err != nil {
					return err
				}
			}
			*f.to = &n
		}
		*in = l
		return nil
	}
}

func readCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New("B4003", "%q is not a number of messages or recipients", s).WithExit(fault.ExitUsage).
			WithFix("200, 0 for no limit, or default")
	}
	return n, nil
}

// whose adds the flags that say whose limits a command is about, and gives what finds that out: the argument, every
// account with --default, or the users of this machine with --local, of whom one may be shown.
func whose(c *cobra.Command, oneUser bool) func(args []string) (manage.AllowanceOf, error) {
	dflt := c.Flags().Bool("default", false, "the limits of every account that has none of its own")
	local := c.Flags().Bool("local", false, "the limits of each user of this machine whose programs send without a login (sendmail)")
	return func(args []string) (manage.AllowanceOf, error) {
		switch {
		case *dflt && !*local && len(args) == 0:
			return manage.AllowanceOf{Scope: "default"}, nil
		case *local && !*dflt && (len(args) == 0 || oneUser):
			return manage.AllowanceOf{Scope: "local", Name: strings.Join(args, "")}, nil
		case !*dflt && !*local && len(args) == 1:
			return manage.AllowanceOf{Scope: "account", Name: args[0]}, nil
		}
		return manage.AllowanceOf{}, usage(c, "%s takes an ADDRESS, or --default, or --local", c.CommandPath())
	}
}

func accountLimits(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "limits [ADDRESS]", Short: "Show how much an account sent, and may send", Args: cobra.MaximumNArgs(1),
		Long: "Shows what the account and its domain sent lately, beside their limits, and from when on there is room again.\n" +
			"From 80 % on the state is \"warning\", and the log says so once.",
		Example: "  barid account limits info@example.org\n  barid account limits --default\n  barid account limits --local www-data",
	}
	of := whose(c, true)
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := of(args)
		if err != nil {
			return err
		}
		return showLimits(c, &s, t, "limits.show", in)
	}
	s.flags(c)
	return c
}

func accountSetLimits(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "set-limits [ADDRESS]", Short: "Change how much an account may send", Args: cobra.MaximumNArgs(1),
		Long: "A limit that an account does not have is that of its domain (barid domain set-limits --each), else the\n" +
			"default. What was sent stays counted. A refusal says when to try again.",
		Example: "  barid account set-limits info@example.org --per-hour 200 --recipients 50 --per-day 1GiB --new-recipients 100\n" +
			"  barid account set-limits info@example.org --per-hour default\n  barid account set-limits --default --per-hour 300\n" +
			"  barid account set-limits --local --per-hour 100",
	}
	fill := limitFlags(c)
	of := whose(c, false)
	c.RunE = func(c *cobra.Command, args []string) error {
		whom, err := of(args)
		if err != nil {
			return err
		}
		in := manage.AllowanceChange{AllowanceOf: whom}
		if err := fill(&in.LimitsChange); err != nil {
			return err
		}
		if in.LimitsChange == (manage.LimitsChange{}) {
			return usage(c, "no limit was given")
		}
		return showLimits(c, &s, t, "limits.set", in)
	}
	s.flags(c)
	return c
}

func showLimits(c *cobra.Command, s *settings, t *terminal, op string, in any) error {
	out, err := call[[]manage.AllowanceRow](c.Context(), s, t, op, in)
	if err != nil {
		return err
	}
	return list(t, out, limitColumns, limitRow)
}

// domainLimits and domainSetLimits are the same for a domain.
func domainLimits(t *terminal) *cobra.Command {
	var s settings
	var each bool
	c := &cobra.Command{
		Use: "limits DOMAIN", Short: "Show how much all accounts of a domain sent, and may send", Args: cobra.ExactArgs(1),
		Example: "  barid domain limits example.org\n  barid domain limits example.org --each",
		RunE: func(c *cobra.Command, args []string) error {
			return showLimits(c, &s, t, "limits.show", manage.AllowanceOf{Scope: domainScope(each), Name: args[0]})
		},
	}
	c.Flags().BoolVar(&each, "each", false, "the limits of each account, not of all together")
	s.flags(c)
	return c
}

func domainSetLimits(t *terminal) *cobra.Command {
	var s settings
	var each bool
	c := &cobra.Command{
		Use: "set-limits DOMAIN", Short: "Change how much the accounts of a domain may send", Args: cobra.ExactArgs(1),
		Long:    "Without --each the limits are for all accounts of the domain together.",
		Example: "  barid domain set-limits example.org --per-hour 2000\n  barid domain set-limits example.org --each --per-hour 200 --new-recipients 100",
	}
	fill := limitFlags(c)
	c.Flags().BoolVar(&each, "each", false, "the limits of each account, not of all together")
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.AllowanceChange{AllowanceOf: manage.AllowanceOf{Scope: domainScope(each), Name: args[0]}}
		if err := fill(&in.LimitsChange); err != nil {
			return err
		}
		if in.LimitsChange == (manage.LimitsChange{}) {
			return usage(c, "no limit was given")
		}
		return showLimits(c, &s, t, "limits.set", in)
	}
	s.flags(c)
	return c
}

func domainScope(each bool) string {
	if each {
		return "each"
	}
	return "domain"
}

// weakFlag lets a test world have a password that is easy to guess.
func weakFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("weak", false, "take a password that is easy to guess; for tests")
}
