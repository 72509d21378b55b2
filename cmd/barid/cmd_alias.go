package main

import (
	"strings"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func aliasCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "alias", Short: "Addresses that lead to other addresses",
		Example: "  barid alias add sales@example.org info@example.org demo@example.org\n  barid alias list",
	}
	c.AddCommand(aliasChange(t, "add", "Make an alias"), aliasChange(t, "set", "Give an alias other members"),
		listCommand(t, "List the aliases", "  barid alias list", "alias.list", aliasColumns, aliasRow),
		oneCommand(t, "show ADDRESS", "Show an alias", "  barid alias show sales@example.org", "alias.show", aliasColumns, aliasRow),
		removeCommand(t, "rm ADDRESS", "Remove an alias", "  barid alias rm sales@example.org", "alias.rm", false))
	return c
}

const aliasColumns = "ALIAS\tMEMBERS"

func aliasRow(a manage.AliasInfo) string { return tabs(a.Address, strings.Join(a.Members, ", ")) }

func aliasChange(t *terminal, verb, short string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: verb + " ADDRESS MEMBER...", Short: short, Args: cobra.MinimumNArgs(2),
		Example: "  barid alias " + verb + " sales@example.org info@example.org",
		RunE: func(c *cobra.Command, args []string) error {
			in := manage.AliasChange{Address: args[0], Members: args[1:]}
			return showOne(c, &s, t, "alias."+verb, in, aliasColumns, aliasRow)
		},
	}
	s.flags(c)
	return c
}
