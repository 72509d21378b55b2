package main

import (
	"fmt"
	"io"
	"time"

	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func relayTLS(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "tls", Short: "How well other domains were reached: mail is never sent with less",
		Long: "Of each domain the best TLS is remembered that mail reached it with. If its server offers less one day, mail waits\n" +
			"and then goes back, because somebody may be in between. barid relay tls forget accepts that the domain lost it.",
		Example: "  barid relay tls list\n  barid relay tls forget example.net",
	}
	c.AddCommand(
		listCommand(t, "List domains and the TLS that is remembered", "  barid relay tls list --json", "relay.tls.list", "DOMAIN\tTLS\tLAST", func(i manage.TLSInfo) string {
			return tabs(i.Domain, i.Level, i.Last.Format(time.DateOnly))
		}),
		relayTLSForget(t),
	)
	return c
}

func relayTLSForget(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "forget DOMAIN", Short: "Accept that a domain lost its TLS; what waits for it is tried at once", Args: cobra.ExactArgs(1),
		Long:    "Ask the domain's postmaster first, or look with barid probe mx DOMAIN. What its server has then is remembered anew.",
		Example: "  barid probe mx example.net\n  barid relay tls forget example.net",
		RunE: func(c *cobra.Command, args []string) error {
			out, err := call[manage.TLSForgotten](c.Context(), &s, t, "relay.tls.forget", manage.Named{Name: args[0]})
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %s TLS of %s forgotten\n", out.Domain, out.Level, out.Last.Format(time.DateOnly))
				if out.Queued > 0 {
					fmt.Fprintf(w, "entries of the queue tried now: %d\n", out.Queued)
				}
			})
		},
	}
	s.flags(c)
	return c
}
