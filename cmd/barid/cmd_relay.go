package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func relayCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "relay", Short: "Send through other servers: routes, rules, source addresses",
		Long: "Mail for other domains goes to their own servers unless a rule sends it over a route: a chain of relays, of\n" +
			"which the first that works is used. A change counts at once, also for mail that is queued.",
		Example: "  barid relay set smtps://office@relay.example:465\n" +
			"  barid relay set gmail --user info@example.org --password-file app-password\n" +
			"  barid relay set ses --region eu-west-1 --user KEY --for-senders shop.example --name shop\n" +
			"  barid relay test default\n" +
			"  barid relay tls list",
	}
	c.AddCommand(
		relaySet(t), relayAdd(t),
		listCommand(t, "List routes", "  barid relay list --json", "relay.list", routeColumns, routeRow),
		relayShow(t), relayTest(t), relayRemove(t), relayPresets(t), relayWhich(t),
		relayRule(t), relaySource(t), relayTLS(t),
	)
	return c
}

const routeColumns = "ROUTE\tRELAYS\tFOR"

func routeRow(r manage.RouteInfo) string {
	var chain []string
	for _, x := range r.Relays {
		chain = append(chain, x.Relay)
	}
	return tabs(r.Name, strings.Join(chain, ", then "), dash(strings.Join(r.Rules, "; ")))
}

// relaySecrets are the flags of a relay's login.
type relaySecrets struct {
	pw                        *password
	refresh, secret           string // files
	clientID, tokenURL, scope string
}

func relayFlags(c *cobra.Command, in *manage.RelayChange) *relaySecrets {
	fl := c.Flags()
	fl.StringVar(&in.Name, "name", "", "name of the route (default \"default\")")
	fl.StringVar(&in.User, "user", "", "user name, if it is not in the address")
	fl.StringVar(&in.Region, "region", "", "region of a preset, e.g. eu-west-1")
	fl.StringVar(&in.TLS, "tls", "", "verified (STARTTLS), implicit, unverified, offered or none")
	fl.BoolVar(&in.DryRun, "dry-run", false, "show what would change, change nothing")
	s := &relaySecrets{pw: passwordFlags(c)}
	fl.StringVar(&s.refresh, "oauth-refresh-token-file", "", "file with an OAuth 2.0 refresh token, used instead of a password")
	fl.StringVar(&s.clientID, "oauth-client-id", "", "client id that the refresh token belongs to")
	fl.StringVar(&s.secret, "oauth-client-secret-file", "", "file with the client's secret")
	fl.StringVar(&s.tokenURL, "oauth-token-url", "", "where tokens are got, if it is not the preset's")
	fl.StringVar(&s.scope, "oauth-scope", "", "scope to ask for, if it is not the preset's")
	return s
}

// read puts the secrets into in. needed tells whether there is a user who has one.
func (s *relaySecrets) read(c *cobra.Command, t *terminal, in *manage.RelayChange, needed bool) (err error) {
	in.ClientID, in.TokenURL, in.Scope = s.clientID, s.tokenURL, s.scope
	if s.refresh != "" {
		if in.RefreshToken, err = secretFile(s.refresh); err == nil && s.secret != "" {
			in.ClientSecret, err = secretFile(s.secret)
		}
		return err
	}
	if needed || s.pw.given() && os.Getenv("BARID_PASSWORD") == "" {
		in.Password, err = s.pw.read(c, t)
	}
	return err
}

// secretFile gives the first line of a file.
func secretFile(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.New("B1009", "a file with a secret can not be read").Wrap(err).WithExit(fault.ExitUsage)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", fault.New("B1009", "%s begins with an empty line", file).WithExit(fault.ExitUsage)
	}
	return line, nil
}

// hasUser tells whether a login belongs to what was typed: a preset always has one.
func hasUser(in *manage.RelayChange) bool {
	_, rest, isAddress := strings.Cut(in.Target, "://")
	return in.Target != "direct" && (in.User != "" || !isAddress || strings.Contains(rest, "@"))
}

func relaySet(t *terminal) *cobra.Command {
	var s settings
	var in manage.RelayChange
	c := &cobra.Command{
		Use: "set ADDRESS|PRESET", Short: "Send mail over a relay: makes the route and its rule, or replaces them", Args: cobra.ExactArgs(1),
		Long: "ADDRESS is smtps://user@host:port (TLS at once) or smtp://user@host:port (STARTTLS with a good certificate).\n" +
			"PRESET is a provider of barid relay presets, with :port for another of its ports. Without --for-… the rule is\n" +
			"for all mail. The password is asked for, or read from --password-file, --password-stdin or BARID_PASSWORD.",
		Example: "  barid relay set smtps://user@relay.example:465 --password-file secret\n" +
			"  barid relay set smtp://10.0.0.25 --name office --for-recipients example.org --tls offered\n" +
			"  barid relay set outlook --user info@outlook.com --oauth-client-id ID --oauth-refresh-token-file token",
	}
	secrets := relayFlags(c, &in)
	c.Flags().StringSliceVar(&in.ForSenders, "for-senders", nil, "only mail from these domains")
	c.Flags().StringSliceVar(&in.ForRecipients, "for-recipients", nil, "only mail to these domains")
	c.Flags().BoolVar(&in.NoRule, "no-rule", false, "make the route only")
	c.RunE = func(c *cobra.Command, args []string) error {
		return relayChange(c, &s, t, "relay.set", args[0], &in, secrets)
	}
	s.flags(c)
	return c
}

func relayAdd(t *terminal) *cobra.Command {
	var s settings
	var in manage.RelayChange
	c := &cobra.Command{
		Use: "add ADDRESS|PRESET|direct", Short: "Add a relay to a route: it is used while those before it do not work", Args: cobra.ExactArgs(1),
		Long:    "Takes what barid relay set takes. The word direct stands for the recipients' own servers.",
		Example: "  barid relay add smtps://user@second.example --password-file secret\n  barid relay add direct --name office",
	}
	secrets := relayFlags(c, &in)
	c.RunE = func(c *cobra.Command, args []string) error {
		return relayChange(c, &s, t, "relay.add", args[0], &in, secrets)
	}
	s.flags(c)
	return c
}

func relayChange(c *cobra.Command, s *settings, t *terminal, op, target string, in *manage.RelayChange, secrets *relaySecrets) error {
	in.Target = target
	if err := secrets.read(c, t, in, hasUser(in) && !strings.Contains(passwordIn(target), ":")); err != nil {
		return err
	}
	return showChanges(c, s, t, op, in)
}

// passwordIn gives the user part of an address, so that one with a password is refused before another is asked for.
func passwordIn(target string) string {
	_, rest, _ := strings.Cut(target, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return ""
	}
	return rest[:at]
}

// showChanges runs an operation on routes and tells what became different.
func showChanges(c *cobra.Command, s *settings, t *terminal, op string, in any) error {
	out, err := call[manage.RelayChanged](c.Context(), s, t, op, in)
	if err != nil {
		return err
	}
	return t.result(out, func(w io.Writer) {
		would := ""
		if out.DryRun {
			would = "would be "
		}
		for _, x := range out.Changes {
			fmt.Fprintf(w, "%s %s: %s%s\n", x.Kind, x.Name, would, x.What)
		}
		if len(out.Changes) == 0 {
			fmt.Fprintln(w, "nothing is different")
		}
		for _, note := range out.Notes {
			fmt.Fprintln(w, "note: "+note)
		}
		if out.Queued > 0 {
			fmt.Fprintf(w, "entries of the queue tried now: %d\n", out.Queued)
		}
	})
}

func relayRemove(t *terminal) *cobra.Command {
	var s settings
	var in manage.RelayRemoval
	c := &cobra.Command{
		Use: "rm ROUTE", Short: "Remove a route", Args: cobra.ExactArgs(1), Aliases: []string{"remove", "delete"},
		Example: "  barid relay rm office --with-rules --dry-run",
		RunE: func(c *cobra.Command, args []string) error {
			in.Name = args[0]
			return showChanges(c, &s, t, "relay.rm", in)
		},
	}
	c.Flags().BoolVar(&in.WithRules, "with-rules", false, "remove the rules to it too; their mail takes the next rule that fits")
	c.Flags().BoolVar(&in.DryRun, "dry-run", false, "show what would change, change nothing")
	s.flags(c)
	return c
}

func relayShow(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "show ROUTE", Short: "Show one route: its relays, how they are, its rules", Args: cobra.ExactArgs(1),
		Example: "  barid relay show default --json",
		RunE: func(c *cobra.Command, args []string) error {
			out, err := call[manage.RouteInfo](c.Context(), &s, t, "relay.show", manage.Named{Name: args[0]})
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) { printRoute(w, &out) })
		},
	}
	s.flags(c)
	return c
}

func printRoute(w io.Writer, r *manage.RouteInfo) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "route\t%s\nfor\t%s\n", r.Name, dash(strings.Join(r.Rules, "; ")))
	_ = tw.Flush()
	fmt.Fprintln(tw, "  RELAY\tTLS\tLOGIN\tPRESET\tTROUBLE")
	for i, x := range r.Relays {
		fmt.Fprintln(tw, tabs(fmt.Sprint(i+1, " ", x.Relay), dash(x.TLS), x.Login, dash(x.Preset), dash(x.Trouble)))
	}
	_ = tw.Flush()
}
