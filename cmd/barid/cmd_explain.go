package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"barid/base/fault"
	"barid/locales"

	"github.com/spf13/cobra"
)

func explainCommand(t *terminal) *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use: "explain [CODE]", Short: "Explain an error code, the reason of a refusal, or a step of a trace", Args: cobra.MaximumNArgs(1),
		Long: "Explains the codes of errors that barid prints (B1002), the reasons of refusals that the log,\n" +
			"barid status and barid trace msg show (rcpt-unknown), and the steps of barid trace msg (relayed). Without a\n" +
			"code it lists all.\n\nReasons:\n" +
			wrapped(locales.Reasons(), 100),
		Example: "  barid explain B1002\n  barid explain rcpt-unknown --lang fa\n  barid explain",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := spoken(lang); err != nil {
				return err
			}
			if len(args) == 0 {
				return explainAll(t, lang)
			}
			e, ok := locales.Explain(lang, args[0])
			if !ok {
				return fault.New("B1007", "there is no explanation of %q", args[0]).WithExit(fault.ExitUsage).
					WithFix("barid explain    lists all codes, reasons and steps")
			}
			return t.result(e, func(w io.Writer) { printExplanation(w, e) })
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language: ar, fa or en")
	return c
}

func printExplanation(w io.Writer, e locales.Explanation) {
	fmt.Fprintf(w, "%s  %s\n", e.Code, e.Title)
	for _, s := range []string{e.Means, e.Mend} {
		if s != "" {
			fmt.Fprintf(w, "\n%s\n", s)
		}
	}
}

// spoken refuses a language in which nothing is explained.
func spoken(lang string) error {
	if slices.Contains(locales.Languages(), lang) {
		return nil
	}
	return fault.New("B1007", "nothing is explained in %q", lang).WithExit(fault.ExitUsage).
		WithFix("languages: %s", strings.Join(locales.Languages(), ", "))
}

// explainAll lists what can be explained, one line each.
func explainAll(t *terminal, lang string) error {
	var all []locales.Explanation
	for _, code := range slices.Concat(locales.Codes(), locales.Reasons(), locales.Steps()) {
		e, _ := locales.Explain(lang, code) // every code is explained in every language (locales_test.go)
		all = append(all, e)
	}
	return list(t, all, "CODE\tMEANS", func(e locales.Explanation) string { return e.Code + "\t" + e.Title })
}

// wrapped puts words into lines of at most width octets.
func wrapped(words []string, width int) string {
	var b strings.Builder
	n := 0
	for _, w := range words {
		if n+len(w) > width {
			b.WriteString("\n")
			n = 0
		}
		b.WriteString("  " + w)
		n += len(w) + 2
	}
	return b.String()
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
