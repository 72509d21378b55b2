package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

// tabs joins cells for a table.
func tabs(cells ...any) string {
	var s []string
	for _, c := range cells {
		s = append(s, fmt.Sprint(c))
	}
	return strings.Join(s, "\t")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// showOne runs an operation whose result is one object and prints it.
func showOne[Out any](c *cobra.Command, s *settings, t *terminal, op string, in any, columns string, row func(Out) string) error {
	out, err := call[Out](c.Context(), s, t, op, in)
	if err != nil {
		return err
	}
	return t.result(out, func(w io.Writer) {
		tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintf(tw, "%s\n%s\n", columns, row(out))
		_ = tw.Flush()
	})
}

// showAll runs an operation without input and prints the objects it gives.
func showAll[Out any](c *cobra.Command, s *settings, t *terminal, op, columns string, row func(Out) string) error {
	out, err := call[[]Out](c.Context(), s, t, op, manage.None{})
	if err != nil {
		return err
	}
	return list(t, out, columns, row)
}

// listCommand is a verb that prints all objects of a kind.
func listCommand[Out any](t *terminal, short, example, op, columns string, row func(Out) string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "list", Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return showAll(c, &s, t, op, columns, row)
		},
	}
	s.flags(c)
	return c
}

// oneCommand is a verb that prints one object by name.
func oneCommand[Out any](t *terminal, use, short, example, op, columns string, row func(Out) string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return showOne(c, &s, t, op, manage.Named{Name: args[0]}, columns, row)
		},
	}
	s.flags(c)
	return c
}

// removeCommand is a verb that takes an object away; one that destroys mail wants --yes.
func removeCommand(t *terminal, use, short, example, op string, destroys bool) *cobra.Command {
	var s settings
	var yes bool
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1), Aliases: []string{"remove", "delete"},
		RunE: func(c *cobra.Command, args []string) error {
			if destroys && !yes {
				return fault.New("B1008", "this removes %s with all its mail, for good", args[0]).WithExit(fault.ExitUsage).
					WithFix("%s %s --yes", c.CommandPath(), args[0])
			}
			if _, err := call[manage.None](c.Context(), &s, t, op, manage.Named{Name: args[0]}); err != nil {
				return err
			}
			return t.result(map[string]string{"removed": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "removed %s\n", args[0]) })
		},
	}
	if destroys {
		c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	}
	s.flags(c)
	return c
}
