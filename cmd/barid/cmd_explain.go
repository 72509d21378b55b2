package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"barid/base/fault"
	"barid/locales"

	"github.com/spf13/cobra"
)

func explainCommand(t *terminal) *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use: "explain CODE", Short: "Explain an error code", Args: cobra.ExactArgs(1),
		Example: "  barid explain B1002\n  barid explain B1002 --lang fa",
		RunE: func(_ *cobra.Command, args []string) error {
			e, ok := locales.Explain(lang, args[0])
			if !ok {
				return fault.New("B1007", "there is no explanation of %q in %q", args[0], lang).WithExit(fault.ExitUsage).
					WithFix("codes: %v", locales.Codes()).WithFix("languages: %v", locales.Languages())
			}
			return t.result(e, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n\n%s\n\n%s\n", e.Code, e.Title, e.Means, e.Mend) })
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language: ar, fa or en")
	return c
}

func versionCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs, Example: "  barid version --json",
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": "devel", "go": ""}
			if b, ok := debug.ReadBuildInfo(); ok {
				v["go"] = b.GoVersion
				if b.Main.Version != "" && b.Main.Version != "(devel)" {
					v["version"] = b.Main.Version
				}
			}
			return t.result(v, func(w io.Writer) { fmt.Fprintf(w, "barid %s (%s)\n", v["version"], v["go"]) })
		},
	}
}
