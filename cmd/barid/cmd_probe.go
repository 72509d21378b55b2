package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"barid/app"
	"barid/base/log"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func probeCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "probe", Short: "Look at other mail servers without sending mail",
		Long: "Looks at other mail servers without sending mail: from the running server if there is one, else from here. It\n" +
			"needs no data folder. Exit code 3 says that there are problems.",
		Example: "  barid probe port25\n  barid probe mx example.org",
	}
	c.AddCommand(probeMX(t), probePort(t))
	return c
}

// probed runs an operation in the running server, or without one with a prober of our own.
func probed[Out any](ctx context.Context, s *settings, name string, in any, here func(*manage.Prober) (Out, error)) (out Out, err error) {
	cfg, err := s.load()
	if err != nil {
		return out, err
	}
	if server, err := app.Dial(cfg); err == nil {
		return out, server.Call(ctx, name, in, &out, nil)
	}
	p, done, err := app.NewProber(cfg, log.New(os.Stderr, "warn", cfg.Log.Format))
	if err != nil {
		return out, err
	}
	defer done()
	return here(p)
}

func probeMX(t *terminal) *cobra.Command {
	var s settings
	var in manage.MXQuery
	var dialogue bool
	c := &cobra.Command{
		Use: "mx DOMAIN", Short: "How does a domain take mail: its servers, their TLS and certificates, what they offer", Args: cobra.ExactArgs(1),
		Long: "Asks every address of the domain's mail exchangers, in the order in which mail would try them: greeting, EHLO,\n" +
			"STARTTLS, certificate, EHLO again, QUIT. No mail is sent and nothing is remembered.",
		Example: "  barid probe mx example.org\n  barid probe mx example.org --dialogue --json",
		RunE: func(c *cobra.Command, args []string) error {
			in.Domain = args[0]
			out, err := probed(c.Context(), &s, "probe.mx", in, func(p *manage.Prober) (manage.MXProbe, error) { return p.MX(c.Context(), in) })
			if err != nil {
				return err
			}
			if !dialogue {
				for i := range out.Hosts {
					out.Hosts[i].Dialogue = nil
				}
			}
			if err := t.result(out, func(w io.Writer) { printMX(w, &out, time.Now()) }); err != nil {
				return err
			}
			return out.Fault()
		},
	}
	s.flags(c)
	c.Flags().BoolVar(&dialogue, "dialogue", false, "show every command and its answer")
	c.Flags().DurationVar(&in.Timeout, "timeout", 0, "longest time for all of it (default 2m)")
	return c
}

func printMX(w io.Writer, p *manage.MXProbe, now time.Time) {
	fmt.Fprintf(w, "%s\n", p.Unicode)
	if p.TLSSeen != "" {
		fmt.Fprintf(w, "mail of ours was delivered with %s TLS, last on %s\n", p.TLSSeen, p.TLSLast.Format(time.DateOnly))
	}
	for i := range p.Hosts {
		printMXHost(w, &p.Hosts[i], now)
	}
	if len(p.Problems) == 0 {
		fmt.Fprintln(w, "no problems")
	}
}

func printMXHost(w io.Writer, h *manage.MXHost, now time.Time) {
	verdict := "takes mail"
	switch {
	case h.Self:
		verdict = "is this server"
	case !h.OK:
		verdict = "would not take mail"
	}
	fmt.Fprintf(w, "%d  %s %s  %s\n", h.Rank+1, printable(h.Host), bracketed(h.Address), verdict)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "   %-12s %s\n", name, printable(value))
		}
	}
	row("trouble", h.Trouble)
	row("banner", h.Banner)
	if h.Name != "" {
		row("calls itself", h.Name)
		row("TLS", orNone(h.TLS, "none: in clear"))
	}
	row("doubt", h.Doubt)
	if c := h.Certificate; c != nil {
		row("certificate", strings.Join(c.Names, ", ")+", by "+c.Issuer)
		row("expires", c.Expires.Format(time.DateOnly)+" ("+inDays(c.Expires.Sub(now))+")")
	}
	row("extensions", strings.Join(h.Extensions, ", "))
	if h.Took != nil {
		row("took", tookWords(h.Took))
	}
	for _, x := range h.Dialogue {
		if x.Said != "" {
			fmt.Fprintf(w, "   -> %s\n", printable(x.Said))
		}
		if x.TLS != "" {
			fmt.Fprintf(w, "   == %s\n", printable(x.TLS))
		}
		if x.Reply != "" {
			fmt.Fprintf(w, "   <- %s\n", printable(x.Reply))
		}
	}
}

func bracketed(s string) string {
	if s == "" {
		return "(no address)"
	}
	return "[" + s + "]"
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// inDays says how long something is still good.
func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "EXPIRED"
	case d < 2*day:
		return fmt.Sprintf("in %d hours", int(d.Hours()))
	}
	return fmt.Sprintf("in %d days", d/day)
}

func probePort(t *terminal) *cobra.Command {
	var s settings
	var in manage.PortQuery
	c := &cobra.Command{
		Use: "port25 [DOMAIN...]", Short: "Can mail leave this machine: is outgoing port 25 open", Args: cobra.ArbitraryArgs, Aliases: []string{"outbound"},
		Long: "Opens a connection to the best mail exchanger of each DOMAIN, over IPv4 and IPv6, reads its greeting and takes\n" +
			"leave. Without a DOMAIN: " + strings.Join(manage.WellKnown(), ", ") + ". Names are asked of the configured resolvers.",
		Example: "  barid probe port25\n  barid probe port25 example.org example.net --timeout 5s",
		RunE: func(c *cobra.Command, args []string) error {
			in.Domains = args
			out, err := probed(c.Context(), &s, "probe.port25", in, func(p *manage.Prober) (manage.PortProbe, error) { return p.Port25(c.Context(), in) })
			if err != nil {
				return err
			}
			if err := t.result(out, func(w io.Writer) { printPort(w, &out) }); err != nil {
				return err
			}
			return out.Fault()
		},
	}
	s.flags(c)
	c.Flags().DurationVar(&in.Timeout, "timeout", 0, "longest time for one connection (default 10s)")
	return c
}

func printPort(w io.Writer, p *manage.PortProbe) {
	if !p.Open { // the fault says it all
		return
	}
	fmt.Fprintf(w, "outgoing port %d is open (IPv4 %s, IPv6 %s)\n", p.Port, p.IPv4, p.IPv6)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, x := range p.Tries {
		result := "ok: " + printable(x.Banner)
		if !x.OK {
			result = printable(x.Trouble)
		}
		fmt.Fprintln(tw, tabs("  "+x.Domain, x.Host, x.Address, span(time.Duration(x.Took*float64(time.Second))), result))
	}
	_ = tw.Flush()
	for _, x := range p.Nobody {
		fmt.Fprintf(w, "  %s\n", printable(x))
	}
}
