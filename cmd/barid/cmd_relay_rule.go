package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func relayRule(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "rule", Short: "Which mail takes which route",
		Long: "Of all rules that fit a message the one with the nearest recipient counts, among those the one with the nearest\n" +
			"sender. barid relay rule list shows them in that order.",
		Example: "  barid relay rule add --to example.org --route office\n  barid relay rule list",
	}
	var add, rm manage.RuleChange
	addTo, rmFrom := ruleVerb(t, "add", "Make a rule, or change the one for the same mail", "relay.rule.add", &add,
		"  barid relay rule add --to example.org --route office\n  barid relay rule add --from .shop.example --route bulk\n  barid relay rule add --to partner.example --route direct"),
		ruleVerb(t, "rm", "Remove a rule", "relay.rule.rm", &rm, "  barid relay rule rm --to example.org\n  barid relay rule rm                      the rule for all mail")
	addTo.Flags().StringVar(&add.Route, "route", "", "name of the route, or direct for the recipients' own servers")
	_ = addTo.MarkFlagRequired("route")
	rmFrom.Aliases = []string{"remove", "delete"}
	c.AddCommand(addTo, rmFrom,
		listCommand(t, "List rules, the one that counts first", "  barid relay rule list", "relay.rule.list", "FROM\tTO\tROUTE", func(r manage.RuleInfo) string {
			return tabs(everybody(r.From), everybody(r.To), r.Route)
		}))
	return c
}

func everybody(s string) string {
	if s == "" {
		return "everybody"
	}
	return s
}

func ruleVerb(t *terminal, use, short, op string, in *manage.RuleChange, example string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return showChanges(c, &s, t, op, in) },
	}
	c.Flags().StringVar(&in.From, "from", "", "domain of the sender; .example.org for those below it; <> for reports; none: everybody")
	c.Flags().StringVar(&in.To, "to", "", "domain of the recipient, in the same way")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "show what would change, change nothing")
	s.flags(c)
	return c
}

func relaySource(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "source", Short: "Addresses of this machine that mail leaves from",
		Long: "Without any the system chooses. A sender's domain may have an address of its own, e.g. so that one customer's\n" +
			"reputation is not another's.",
		Example: "  barid relay source add 192.0.2.7 --helo out.shop.example --senders shop.example\n  barid relay source list",
	}
	c.AddCommand(
		sourceAdd(t),
		listCommand(t, "List source addresses", "  barid relay source list", "relay.source.list", "ADDRESS\tHELO\tSENDERS", func(s manage.SourceInfo) string {
			return tabs(s.Address, dash(s.Helo), everybody(strings.Join(s.Senders, " ")))
		}),
		sourceRemove(t),
	)
	return c
}

func sourceAdd(t *terminal) *cobra.Command {
	var s settings
	var in manage.SourceChange
	c := &cobra.Command{
		Use: "add ADDRESS", Short: "Let mail leave from an address", Args: cobra.ExactArgs(1),
		Example: "  barid relay source add 192.0.2.7 --helo out.shop.example --senders shop.example",
		RunE: func(c *cobra.Command, args []string) error {
			in.Address = args[0]
			return showChanges(c, &s, t, "relay.source.add", in)
		},
	}
	c.Flags().StringVar(&in.Helo, "helo", "", "name to give there; it should lead to the address (default: the server's)")
	c.Flags().StringSliceVar(&in.Senders, "senders", nil, "domains whose mail leaves there; none: everybody without an address of his own")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "show what would change, change nothing")
	s.flags(c)
	return c
}

func sourceRemove(t *terminal) *cobra.Command {
	var s settings
	var in manage.SourceChange
	c := &cobra.Command{
		Use: "rm ADDRESS", Short: "Let no mail leave from an address any more", Args: cobra.ExactArgs(1), Aliases: []string{"remove", "delete"},
		Example: "  barid relay source rm 192.0.2.7",
		RunE: func(c *cobra.Command, args []string) error {
			in.Address = args[0]
			return showChanges(c, &s, t, "relay.source.rm", in)
		},
	}
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "show what would change, change nothing")
	s.flags(c)
	return c
}

func relayWhich(t *terminal) *cobra.Command {
	var s settings
	var in manage.WayQuery
	c := &cobra.Command{
		Use: "which --to ADDRESS", Short: "Show which way a message would take", Args: cobra.NoArgs,
		Example: "  barid relay which --from info@shop.example --to info@example.org",
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := call[manage.Way](c.Context(), &s, t, "relay.which", in)
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) {
				tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
				rule := out.Rule
				if rule == "" {
					rule = "none fits"
				}
				fmt.Fprintf(tw, "rule\t%s\nroute\t%s\n", rule, out.Route)
				for i, r := range out.Relays {
					fmt.Fprintf(tw, "relay %d\t%s\n", i+1, r)
				}
				_ = tw.Flush()
			})
		},
	}
	c.Flags().StringVar(&in.From, "from", "", "address or domain of the sender; none: reports")
	c.Flags().StringVar(&in.To, "to", "", "address or domain of the recipient")
	_ = c.MarkFlagRequired("to")
	s.flags(c)
	return c
}
