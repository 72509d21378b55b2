package main

import (
	"fmt"
	"io"
	"os"

	"barid/app"
	"barid/base/log"

	"github.com/spf13/cobra"
)

func devCommand(t *terminal) *cobra.Command {
	var o app.DevOptions
	var verbose bool
	port := -1
	c := &cobra.Command{
		Use:   "dev",
		Short: "A complete local mail world, without any configuration",
		Long: "Starts Barid on loopback with three demo accounts and a few messages in Arabic, Persian and English.\n" +
			"Nothing leaves this machine. A port that is taken moves on to the next free one.",
		Example: "  barid dev\n  barid dev --json --port 0        free ports, one JSON object on one line\n  barid dev --data ./devdata       keep the state",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.FreePorts = port == 0
			if port > 0 {
				o.SMTPPort = port
			}
			level := "warn"
			if verbose {
				level = "info"
			}
			return app.Dev(c.Context(), o, log.New(os.Stderr, level, "text"), func(w app.DevWorld) error {
				return t.result(w, func(out io.Writer) { printDev(out, w) })
			})
		},
	}
	c.Flags().StringVar(&o.Data, "data", "", "keep the state in this folder (else it is in memory)")
	c.Flags().IntVar(&port, "port", -1, "port of SMTP; 0 picks free ports for everything")
	c.Flags().BoolVar(&o.StrictPorts, "strict-ports", false, "fail when a port is taken, instead of moving on")
	c.Flags().BoolVar(&verbose, "verbose", false, "show the server's log")
	return c
}

func printDev(w io.Writer, d app.DevWorld) {
	kept := "in memory; add --data DIR to keep it"
	if d.Data != "" {
		kept = "in " + d.Data
	}
	fmt.Fprintf(w, "barid dev  ready in %.1fs   (data %s)\n\n", d.ReadySeconds, kept)
	for _, l := range d.Listeners {
		fmt.Fprintf(w, "  %-12s %-22s %s\n", l.Protocol, l.Address, l.Note)
	}
	fmt.Fprintf(w, "\n  Accounts\n")
	for _, a := range d.Accounts {
		fmt.Fprintf(w, "    %-22s password %s\n", a.Address, a.Password)
	}
	fmt.Fprintf(w, "\n  Try:   %s\n", d.Try)
	fmt.Fprintf(w, "  Stop:  Ctrl-C\n")
	for _, n := range d.Notes {
		fmt.Fprintf(w, "  note:  %s\n", n)
	}
}
