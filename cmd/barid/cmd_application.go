package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func applicationCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "app-password", Short: "Passwords of programs that send or read for an account",
		Long: "A shop, a printer or a phone gets a password of its own: it is shown once, may do only what it is made for,\n" +
			"has limits of its own, and can be taken away without touching the others. The program logs in with the\n" +
			"account's address, or with ADDRESS/NAME.",
		Example: "  barid app-password add info@example.org --name shop --from info@example.org --per-hour 100\n" +
			"  barid app-password show info@example.org shop --for django\n  barid app-password rm info@example.org shop",
	}
	c.AddCommand(applicationAdd(t), applicationSet(t), applicationShow(t), applicationList(t), applicationRemove(t))
	return c
}

const applicationColumns = "ACCOUNT\tNAME\tMAY\tFROM\tVERP\tLAST USED\tLAST FROM\tCREATED"

func applicationRow(a manage.ApplicationInfo) string {
	return tabs(a.Account, a.Name, strings.Join(a.May, ","), dash(strings.Join(a.From, ",")), dash(a.VERP), clock(a.LastUsed), dash(a.LastFrom),
		a.Created.UTC().Format("2006-01-02"))
}

// applicationFlags adds the flags that add and set share; the result moves what was given into the change.
func applicationFlags(c *cobra.Command) func(*manage.ApplicationChange) error {
	may := c.Flags().StringSlice("may", []string{"smtp"}, "what it may be used for: smtp, imap, pop3")
	from := c.Flags().StringSlice("from", nil, "addresses of the account it may send as; \"\" for all (replaces the list)")
	verp := verpFlag(c, "the program")
	limits := limitFlags(c)
	return func(in *manage.ApplicationChange) error {
		set(c.Flags().Changed("verp"), &in.VERP, verp)
		set(c.Flags().Changed("may"), &in.May, may)
		set(c.Flags().Changed("from"), &in.From, from)
		return limits(&in.LimitsChange)
	}
}

// forFlag names frameworks.
func forFlag(c *cobra.Command) *[]string {
	return c.Flags().StringSlice("for", nil, "lines to paste for: "+strings.Join(manage.Frameworks(), ", ")+", or all")
}

func applicationAdd(t *terminal) *cobra.Command {
	var s settings
	var name string
	c := &cobra.Command{
		Use: "add ACCOUNT --name NAME", Short: "Make a password for a program and show it, once", Args: cobra.ExactArgs(1),
		Long: "The password is made here and kept only as a hash. With --for, lines to paste are printed with it.",
		Example: "  barid app-password add info@example.org --name shop\n" +
			"  barid app-password add info@example.org --name shop --from info@example.org --per-hour 100 --verp on --for wordpress\n" +
			"  barid app-password add info@example.org --name phone --may smtp,imap",
	}
	c.Flags().StringVar(&name, "name", "", "what it is for: a word such as shop or printer")
	fill := applicationFlags(c)
	frameworks := forFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if name == "" {
			return usage(c, "--name is missing")
		}
		in := manage.ApplicationChange{ApplicationNamed: manage.ApplicationNamed{Account: args[0], Name: name, For: *frameworks}}
		if err := fill(&in); err != nil {
			return err
		}
		out, err := call[manage.ApplicationInfo](c.Context(), &s, t, "application.add", in)
		if err != nil {
			return err
		}
		return t.result(out, func(w io.Writer) {
			printSettings(w, out.Settings)
			t.say("This password is not shown again. If it is lost: barid app-password rm %s %s, and add another.", out.Account, out.Name)
		})
	}
	s.flags(c)
	return c
}

func applicationSet(t *terminal) *cobra.Command {
	var s settings
	var name string
	c := &cobra.Command{
		Use: "set ACCOUNT NAME", Short: "Change what a program's password may do", Args: cobra.ExactArgs(2),
		Example: "  barid app-password set info@example.org shop --may smtp,imap --per-hour 200\n  barid app-password set info@example.org shop --from \"\"",
	}
	c.Flags().StringVar(&name, "name", "", "another name")
	fill := applicationFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.ApplicationChange{ApplicationNamed: manage.ApplicationNamed{Account: args[0], Name: args[1]}}
		set(c.Flags().Changed("name"), &in.NewName, &name)
		if err := fill(&in); err != nil {
			return err
		}
		return showOne(c, &s, t, "application.set", in, applicationColumns, applicationRow)
	}
	s.flags(c)
	return c
}

func applicationShow(t *terminal) *cobra.Command {
	var s settings
	var block bool
	c := &cobra.Command{
		Use: "show ACCOUNT NAME", Short: "Show a program's password: what it may do and has done, not the secret", Args: cobra.ExactArgs(2),
		Long:    "With --block it prints what to enter into the program, with --for lines to paste; the secret itself is not known any more.",
		Example: "  barid app-password show info@example.org shop\n  barid app-password show info@example.org shop --block\n  barid app-password show info@example.org shop --for nodemailer,curl",
	}
	c.Flags().BoolVar(&block, "block", false, "print what to enter into the program")
	frameworks := forFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := manage.ApplicationNamed{Account: args[0], Name: args[1], For: *frameworks}
		out, err := call[manage.ApplicationInfo](c.Context(), &s, t, "application.show", in)
		if err != nil {
			return err
		}
		return t.result(out, func(w io.Writer) {
			if block || len(*frameworks) > 0 {
				printSettings(w, out.Settings)
				return
			}
			printApplication(w, out)
		})
	}
	s.flags(c)
	return c
}

// printApplication prints the row, and under it the limits with their use.
func printApplication(w io.Writer, a manage.ApplicationInfo) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "%s\n%s\n", applicationColumns, applicationRow(a))
	_ = tw.Flush()
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, limitColumns)
	for _, u := range a.Uses {
		fmt.Fprintln(tw, limitRow(u))
	}
	_ = tw.Flush()
}

// printSettings prints what to enter into a program.
func printSettings(w io.Writer, s *manage.MailSettings) {
	if s == nil {
		return
	}
	line := func(label, text string) { fmt.Fprintf(w, "%-10s %s\n", label, text) }
	line("server", s.Server)
	labels := map[string]string{"send": "SMTP", "imap": "IMAP", "pop3": "POP3"}
	for _, d := range s.Doors {
		line(labels[d.Use], fmt.Sprintf("port %d, %s", d.Port, d.TLS))
	}
	line("user name", s.User)
	line("password", s.Password)
	line("sender", s.From)
	for _, name := range slices.Sorted(maps.Keys(s.Snippets)) {
		fmt.Fprintf(w, "\n--- %s\n%s", name, s.Snippets[name])
	}
}

func applicationList(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "list [ACCOUNT]", Short: "List the programs' passwords of an account, or of all", Args: cobra.MaximumNArgs(1),
		Example: "  barid app-password list\n  barid app-password list info@example.org --json",
		RunE: func(c *cobra.Command, args []string) error {
			in := manage.Named{Name: strings.Join(args, "")}
			out, err := call[[]manage.ApplicationInfo](c.Context(), &s, t, "application.list", in)
			if err != nil {
				return err
			}
			return list(t, out, applicationColumns, applicationRow)
		},
	}
	s.flags(c)
	return c
}

func applicationRemove(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "rm ACCOUNT NAME", Short: "Take a program's password away", Args: cobra.ExactArgs(2), Aliases: []string{"remove", "delete", "revoke"},
		Long:    "The program can not log in any more, and can not go on sending in a session that is open. A session that\nreads goes on until it ends.",
		Example: "  barid app-password rm info@example.org shop",
		RunE: func(c *cobra.Command, args []string) error {
			in := manage.ApplicationNamed{Account: args[0], Name: args[1]}
			if _, err := call[manage.None](c.Context(), &s, t, "application.rm", in); err != nil {
				return err
			}
			return t.result(map[string]string{"account": args[0], "removed": args[1]}, func(w io.Writer) {
				fmt.Fprintf(w, "removed %s of %s\n", args[1], args[0])
			})
		},
	}
	s.flags(c)
	return c
}
