package main

import (
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func domainCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "domain", Short: "Domains whose mail is kept here",
		Example: "  barid domain add example.org\n  barid domain set example.org --catch-all info@example.org\n  barid domain list --json",
	}
	c.AddCommand(domainAdd(t), domainList(t), domainShow(t), domainSet(t), domainRemove(t), domainLimits(t), domainSetLimits(t))
	return c
}

const domainColumns = "DOMAIN\tACCOUNTS\tALIASES\tCATCH-ALL\tSEPARATOR\tVERP"

func domainRow(d manage.DomainInfo) string {
	return tabs(d.Unicode, d.Accounts, d.Aliases, dash(d.CatchAll), dash(d.Separator), dash(d.VERP))
}

func domainFlags(c *cobra.Command) func(*manage.DomainChange) {
	catchAll := c.Flags().String("catch-all", "", "address that gets mail for names that do not exist; \"\" for none")
	separator := c.Flags().String("separator", "+", "what separates a name from its sub-address; \"\" for none")
	verp := verpFlag(c, "the domain's accounts")
	return func(in *manage.DomainChange) {
		set(c.Flags().Changed("verp"), &in.VERP, verp)
		if c.Flags().Changed("catch-all") {
			in.CatchAll = catchAll
		}
		if c.Flags().Changed("separator") {
			in.Separator = separator
		}
	}
}

func domainAdd(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{Use: "add DOMAIN", Short: "Host a domain", Args: cobra.ExactArgs(1), Example: "  barid domain add example.org\n  barid domain add مثال.إختبار"}
	fill := domainFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.DomainChange{Domain: args[0]}
		fill(&in)
		return showOne(c, &s, t, "domain.add", in, domainColumns, domainRow)
	}
	s.flags(c)
	return c
}

func domainSet(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{Use: "set DOMAIN", Short: "Change a domain", Args: cobra.ExactArgs(1), Example: "  barid domain set example.org --catch-all info@example.org\n  barid domain set example.org --verp on"}
	fill := domainFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.DomainChange{Domain: args[0]}
		fill(&in)
		return showOne(c, &s, t, "domain.set", in, domainColumns, domainRow)
	}
	s.flags(c)
	return c
}

func domainList(t *terminal) *cobra.Command {
	return listCommand(t, "List the hosted domains", "  barid domain list", "domain.list", domainColumns, domainRow)
}

func domainShow(t *terminal) *cobra.Command {
	return oneCommand(t, "show DOMAIN", "Show a domain", "  barid domain show example.org", "domain.show", domainColumns, domainRow)
}

func domainRemove(t *terminal) *cobra.Command {
	return removeCommand(t, "rm DOMAIN", "Stop hosting a domain that has no accounts", "  barid domain rm example.org", "domain.rm", false)
}
