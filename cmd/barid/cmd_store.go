package main

import (
	"encoding/json"
	"fmt"
	"io"

	"barid/app"
	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func storeCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "store", Short: "Look into the store, check it, save what can be saved",
		Example: "  barid store stats\n  barid store verify\n  barid store salvage ./data ./rescued",
	}
	c.AddCommand(
		storeObject(t, "stats", "Sizes and counts of the store", "store.stats"),
		storeObject(t, "gc", "Give back the space of removed messages now", "store.gc"),
		storeVerify(t), storeSalvage(t))
	return c
}

// storeObject is a verb that prints whatever the engine says, one key a line.
func storeObject(t *terminal, use, short, op string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs, Example: "  barid store " + use + " --json",
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := call[json.RawMessage](c.Context(), &s, t, op, manage.None{})
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) { printObject(w, out) })
		},
	}
	s.flags(c)
	return c
}

func storeVerify(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "verify", Short: "Read everything and compare checksums, counts and links", Args: cobra.NoArgs,
		Long:    "Reads every stored byte. Exit code 3 says that problems were found; the rest of the mail is still served.",
		Example: "  barid store verify --config barid.toml",
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := call[manage.VerifyReport](c.Context(), &s, t, "store.verify", manage.None{})
			if err != nil {
				return err
			}
			if err := t.result(out, func(w io.Writer) { printVerify(w, out) }); err != nil {
				return err
			}
			if out.Problems > 0 {
				return fault.New("B3003", "the store has %d problems", out.Problems).WithExit(fault.ExitProblems).
					WithMeans("single messages may be damaged; everything else is served").WithFix("barid restore BACKUP NEW-FOLDER")
			}
			return nil
		},
	}
	s.flags(c)
	return c
}

func printVerify(w io.Writer, r manage.VerifyReport) {
	for _, p := range r.Found {
		fmt.Fprintln(w, "problem:", p)
	}
	printObject(w, r.Engine)
	fmt.Fprintf(w, "%-24s %d\n%-24s %d\n", "accounts", r.Accounts, "problems", r.Problems)
}

func storeSalvage(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "salvage DATA-FOLDER TARGET-FOLDER", Short: "Save messages out of a store whose rows are lost", Args: cobra.ExactArgs(2),
		Long:    "Reads the body segments alone, without any row, and writes one file a message into\nTARGET-FOLDER/account-NUMBER. The data folder is only read, and no server may use it.",
		Example: "  barid store salvage /var/lib/barid ./rescued",
		RunE: func(c *cobra.Command, args []string) error {
			out, err := app.Salvage(c.Context(), args[0], args[1], t.progress)
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) {
				fmt.Fprintf(w, "saved %d messages (%s), %d damaged\n", out.Messages, manage.FormatBytes(out.Bytes), out.Damaged)
			})
		},
	}
}

func backupCommand(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "backup FOLDER", Short: "Copy everything while the server runs", Args: cobra.ExactArgs(1),
		Long:    "Writes a complete, checked copy. A second backup into the same folder copies only what is new.",
		Example: "  barid backup /backup/barid",
		RunE: func(c *cobra.Command, args []string) error {
			out, err := call[json.RawMessage](c.Context(), &s, t, "store.backup", manage.Folder{Path: absolute(args[0])})
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) { printObject(w, out) })
		},
	}
	s.flags(c)
	return c
}

func restoreCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "restore BACKUP FOLDER", Short: "Make a data folder out of a backup", Args: cobra.ExactArgs(2),
		Long:    "FOLDER must not exist or be empty. Every byte is compared with the checksums of the backup.",
		Example: "  barid restore /backup/barid /var/lib/barid-restored",
		RunE: func(c *cobra.Command, args []string) error {
			if err := app.Restore(c.Context(), args[0], args[1], t.progress); err != nil {
				return err
			}
			return t.result(map[string]string{"restored": args[1]}, func(w io.Writer) {
				fmt.Fprintf(w, "restored into %s; start it with: barid serve --data %s\n", args[1], args[1])
			})
		},
	}
}
