package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func relayTest(t *terminal) *cobra.Command {
	var s settings
	var in manage.RelayTrial
	c := &cobra.Command{
		Use: "test ROUTE", Short: "Go to each relay of a route as far as MAIL, without sending", Args: cobra.ExactArgs(1),
		Long: "Looks up the name, connects, agrees on TLS, logs in, names a sender and takes it back. Nothing is sent. Shows\n" +
			"the dialogue with times, without secrets. Exit code 3 if a relay would not take mail.",
		Example: "  barid relay test default\n  barid relay test office --from info@example.org --json",
		RunE: func(c *cobra.Command, args []string) error {
			in.Name = args[0]
			out, err := call[manage.RelayTrials](c.Context(), &s, t, "relay.test", in)
			if err != nil {
				return err
			}
			err = t.result(out, func(w io.Writer) {
				for i := range out.Trials {
					printTrial(w, &out.Trials[i])
				}
			})
			if err != nil || out.Passed {
				return err
			}
			return trialFault(&out)
		},
	}
	c.Flags().StringVar(&in.From, "from", "", "sender to name (default: postmaster of the first hosted domain; <> is the sender of reports)")
	s.flags(c)
	return c
}

func printTrial(w io.Writer, x *manage.OneTrial) {
	fmt.Fprintf(w, "%s\n", dash(x.Remote))
	for _, e := range x.Heard {
		switch {
		case e.TLS != "":
			fmt.Fprintf(w, "  == %s\n", e.TLS)
			if e.Doubt != "" {
				fmt.Fprintf(w, "     %s\n", e.Doubt)
			}
			continue
		case e.Said != "":
			fmt.Fprintf(w, "  -> %s\n", e.Said)
		}
		fmt.Fprintf(w, "  <- %s  (%s)\n", e.Reply, short(e.Took))
	}
	fmt.Fprintf(w, "  names %s, connection %s, TLS %s, dialogue %s\n", short(x.Timing.DNS), short(x.Timing.Connect), short(x.Timing.TLS), short(x.Timing.Dialogue))
	if x.Trouble == nil {
		fmt.Fprintf(w, "  %s would take mail\n", x.Relay)
	} else {
		fmt.Fprintf(w, "  %s would not take mail: %s\n", x.Relay, x.Trouble.String())
	}
}

// short gives a time as people compare it.
func short(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }

func trialFault(out *manage.RelayTrials) error {
	f := fault.New("B2110", "a relay would not take mail").WithExit(fault.ExitProblems).
		WithMeans("mail of this route waits in the queue while no relay of its chain works")
	var found []string
	for i := range out.Trials {
		x := &out.Trials[i]
		if x.Trouble == nil {
			continue
		}
		found = append(found, x.Relay+": "+x.Trouble.Stage+": "+x.Trouble.String())
		f.WithFix("%s", trialAdvice(x.Trouble.Stage, out.Name))
	}
	return f.WithFound("%s", strings.Join(found, "\n"))
}

// trialAdvice says what usually helps at a stage.
func trialAdvice(stage, route string) string {
	switch stage {
	case "dns":
		return "check the relay's name, and barid config explain resolver"
	case "connect":
		return "check host and port; providers often close 25, try 465 or 587"
	case "tls":
		return "barid relay set … --tls says what is demanded; a certificate must fit the relay's name"
	case "auth":
		return "barid relay set … --password-file    with the secret that the provider's page tells"
	case "mail":
		return "barid relay test " + route + " --from    an address that the provider knows"
	}
	return "barid relay show " + route
}

func relayPresets(t *terminal) *cobra.Command {
	var s settings
	var lang string
	c := &cobra.Command{
		Use: "presets [PRESET]", Short: "List known providers, or show what one needs", Args: cobra.MaximumNArgs(1),
		Long: "Presets are data: a file relay-presets.json in the data folder, in the form that --json shows under\n" +
			"{\"version\": 1, \"presets\": […]}, adds to the shipped ones or replaces them.",
		Example: "  barid relay presets\n  barid relay presets gmail --lang fa",
		RunE: func(c *cobra.Command, args []string) error {
			all, err := call[[]manage.RelayPreset](c.Context(), &s, t, "relay.presets", manage.None{})
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return list(t, all, "PRESET\tPROVIDER\tSERVER\tPORT\tLOGIN", presetRow)
			}
			for i := range all {
				if all[i].ID == strings.ToLower(args[0]) {
					return t.result(all[i], func(w io.Writer) { printPreset(w, &all[i], lang) })
				}
			}
			return fault.New("B4002", "there is no preset %q", args[0]).WithFix("barid relay presets")
		},
	}
	c.Flags().StringVar(&lang, "lang", "en", "language of the explanation: ar, fa or en")
	s.flags(c)
	return c
}

func presetRow(p manage.RelayPreset) string {
	return tabs(p.ID, p.Name, p.Host, p.Port, strings.Join(p.Login, " or "))
}

func printPreset(w io.Writer, p *manage.RelayPreset, lang string) {
	help, ok := p.Help[lang]
	if !ok {
		help = p.Help["en"]
	}
	fmt.Fprintf(w, "%s    %s:%d (%s)\n", p.Name, p.Host, p.Port, p.TLS)
	for _, x := range p.Also {
		fmt.Fprintf(w, "  also     %s:%d (%s)\n", p.ID, x.Port, x.TLS)
	}
	if len(p.Regions) > 0 {
		fmt.Fprintf(w, "  regions  %s\n", strings.Join(p.Regions, " "))
	}
	fmt.Fprintf(w, "  login    %s\n", strings.Join(p.Login, " or "))
	if l := p.Limits; l != nil {
		printLimits(w, l.MessageBytes, l.RecipientsPerDay, l.MessagesPerMinute, l.Connections)
	}
	fmt.Fprintf(w, "  link     %s\n\n%s\n", p.Link, help)
}

func printLimits(w io.Writer, bytes int64, recipients, messages, connections int) {
	var all []string
	for _, x := range []struct {
		n    int64
		what string
	}{
		{bytes >> 20, "MiB a message"},
		{int64(recipients), "recipients a day"},
		{int64(messages), "messages a minute"},
		{int64(connections), "connections at once"},
	} {
		if x.n > 0 {
			all = append(all, fmt.Sprint(x.n, " ", x.what))
		}
	}
	fmt.Fprintf(w, "  limits   %s\n", strings.Join(all, ", "))
}
