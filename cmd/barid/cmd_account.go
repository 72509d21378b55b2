package main

import (
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func accountCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "account", Short: "People and programs who have a mailbox",
		Example: "  barid account add info@example.org --display \"Front desk\"\n  barid account set info@example.org --quota 2GiB --pop3-delete trash\n  barid account password info@example.org",
	}
	c.AddCommand(accountAdd(t), accountSet(t), accountPassword(t), accountLimits(t), accountSetLimits(t),
		listCommand(t, "List the accounts", "  barid account list", "account.list", accountColumns, accountRow),
		oneCommand(t, "show ADDRESS", "Show an account", "  barid account show info@example.org", "account.show", accountColumns, accountRow),
		removeCommand(t, "rm ADDRESS", "Remove an account and all its mail", "  barid account rm info@example.org --yes", "account.rm", true))
	return c
}

const accountColumns = "ACCOUNT\tNAME\tMESSAGES\tUSED\tQUOTA\tLOCALE\tPOP3-DELETE\tVERP\tSTATE"

func accountRow(a manage.AccountInfo) string {
	state := "on"
	if a.Disabled {
		state = "off"
	}
	quota := "none"
	if a.QuotaBytes > 0 {
		quota = manage.FormatBytes(a.QuotaBytes)
	}
	return tabs(a.Address, dash(a.Display), a.Messages, manage.FormatBytes(a.Bytes), quota, dash(a.Locale), a.POP3Delete, dash(a.VERP), state)
}

// accountFlags adds the flags that add and set share; the result moves what was given into the change.
func accountFlags(c *cobra.Command) func(*manage.AccountChange) error {
	display := c.Flags().String("display", "", "name shown beside the address")
	locale := c.Flags().String("locale", "", "language of notices: ar, fa or en")
	quota := c.Flags().String("quota", "", "most bytes kept, e.g. 500MiB or 2GiB; 0 for no limit")
	messages := c.Flags().Int64("quota-messages", 0, "most messages kept; 0 for no limit")
	pop3 := c.Flags().String("pop3-delete", "", "what a POP3 delete does: delete, trash or keep")
	disabled := c.Flags().Bool("disabled", false, "refuse logins; mail is still taken")
	addresses := c.Flags().StringSlice("address", nil, "further addresses of the account (replaces the list)")
	verp := verpFlag(c, "the account")
	return func(in *manage.AccountChange) error {
		given := c.Flags().Changed
		set(given("verp"), &in.VERP, verp)
		set(given("display"), &in.Display, display)
		set(given("locale"), &in.Locale, locale)
		set(given("quota-messages"), &in.QuotaMessages, messages)
		set(given("pop3-delete"), &in.POP3Delete, pop3)
		set(given("disabled"), &in.Disabled, disabled)
		set(given("address"), &in.Addresses, addresses)
		if given("quota") {
			n, err := manage.ParseBytes(*quota)
			if err != nil {
				return err
			}
			in.QuotaBytes = &n
		}
		return nil
	}
}

// verpFlag adds --verp for the mail of somebody.
func verpFlag(c *cobra.Command, of string) *string {
	return c.Flags().String("verp", manage.VERPDefault, "give mail of "+of+" to others a return path that names the recipient: on, off, or default")
}

func set[T any](given bool, dst **T, v *T) {
	if given {
		*dst = v
	}
}

func accountAdd(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "add ADDRESS", Short: "Make an account", Args: cobra.ExactArgs(1),
		Long:    "Makes an account with its mailboxes. The password is asked for on a terminal, else it is read from\n--password-file, BARID_PASSWORD or, with --password-stdin, from the first line of standard input.",
		Example: "  barid account add info@example.org --display \"Front desk\"\n  printf '%s\\n' \"$SECRET\" | barid account add فروش@مثال.إختبار --locale fa --password-stdin",
	}
	fill := accountFlags(c)
	pw := passwordFlags(c)
	weak := weakFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.AccountChange{Address: args[0], Weak: *weak}
		if err := fill(&in); err != nil {
			return err
		}
		var err error
		if in.Password, err = pw.read(c, t); err != nil {
			return err
		}
		return showOne(c, &s, t, "account.add", in, accountColumns, accountRow)
	}
	s.flags(c)
	return c
}

func accountSet(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "set ADDRESS", Short: "Change an account", Args: cobra.ExactArgs(1),
		Example: "  barid account set info@example.org --quota 2GiB --locale ar",
	}
	fill := accountFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.AccountChange{Address: args[0]}
		if err := fill(&in); err != nil {
			return err
		}
		return showOne(c, &s, t, "account.set", in, accountColumns, accountRow)
	}
	s.flags(c)
	return c
}

func accountPassword(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "password ADDRESS", Short: "Give an account another password", Args: cobra.ExactArgs(1),
		Example: "  barid account password info@example.org",
	}
	pw := passwordFlags(c)
	weak := weakFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		secret, err := pw.read(c, t)
		if err != nil {
			return err
		}
		in := manage.AccountChange{Address: args[0], Password: secret, Weak: *weak}
		return showOne(c, &s, t, "account.password", in, accountColumns, accountRow)
	}
	s.flags(c)
	return c
}
