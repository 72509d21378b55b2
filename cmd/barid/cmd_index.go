package main

import (
	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func indexCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "index", Short: "The search index of mailboxes: look, check, make anew",
		Long: "Mail is indexed by itself, some seconds after it came. Searching works without the index too, by reading\n" +
			"every message.",
		Example: "  barid index status\n  barid index rebuild info@example.org",
	}
	c.AddCommand(indexStatus(t), indexRebuild(t))
	return c
}

const indexColumns = "ACCOUNT\tMESSAGES\tWAITING\tINDEX\tTEXT\tTERMS\tSEGMENTS"

func indexRow(i manage.IndexInfo) string {
	return tabs(i.Account, i.Messages, i.Waiting, manage.FormatBytes(i.Bytes), manage.FormatBytes(i.Text), i.Terms, i.Segments)
}

func indexStatus(t *terminal) *cobra.Command {
	var s settings
	var in manage.IndexSelector
	c := &cobra.Command{
		Use: "status [ACCOUNT]", Short: "What is indexed, and how big it is", Args: cobra.MaximumNArgs(1),
		Long: "MESSAGES are indexed (removed ones are among them for a while), WAITING are not yet. TEXT is what was read of\n" +
			"them. With --verify every row of the index is read; exit code 3 says that problems were found.",
		Example: "  barid index status\n  barid index status info@example.org --verify",
		RunE: func(c *cobra.Command, args []string) error {
			all, err := indexCall(c, &s, t, "index.status", in, args)
			if err != nil {
				return err
			}
			problems, worst := 0, ""
			for _, i := range all {
				for _, f := range i.Found {
					t.say("problem: %s: %s", i.Account, f)
					problems, worst = problems+1, i.Account
				}
			}
			if problems > 0 {
				return fault.New("B3003", "the search index has %d problems", problems).WithExit(fault.ExitProblems).
					WithMeans("searches read messages instead, which takes longer; no mail is damaged").WithFix("barid index rebuild %s", worst)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&in.Verify, "verify", false, "read every row and compare")
	s.flags(c)
	return c
}

func indexRebuild(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "rebuild [ACCOUNT]", Short: "Make the index anew, of one account or of all", Args: cobra.MaximumNArgs(1),
		Long:    "Reads every message. Searches go on meanwhile. When it is broken off, the server goes on with it.",
		Example: "  barid index rebuild info@example.org\n  barid index rebuild",
		RunE: func(c *cobra.Command, args []string) error {
			_, err := indexCall(c, &s, t, "index.rebuild", manage.IndexSelector{}, args)
			return err
		},
	}
	s.flags(c)
	return c
}

// indexCall runs an operation on the accounts that were named, and prints how their indexes are.
func indexCall(c *cobra.Command, s *settings, t *terminal, op string, in manage.IndexSelector, args []string) ([]manage.IndexInfo, error) {
	if len(args) > 0 {
		in.Account = args[0]
	}
	all, err := call[[]manage.IndexInfo](c.Context(), s, t, op, in)
	if err != nil {
		return nil, err
	}
	return all, list(t, all, indexColumns, indexRow)
}
