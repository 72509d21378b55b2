package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"barid/app"
	"barid/base/fault"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func statusCommand(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "status", Short: "One screen: is it running, what does it hold, what went wrong lately", Args: cobra.NoArgs,
		Example: "  barid status\n  barid status --json",
		RunE: func(c *cobra.Command, _ []string) error {
			out, err := call[manage.Status](c.Context(), &s, t, "status", manage.None{})
			if err != nil {
				return err
			}
			return t.result(out, func(w io.Writer) { printStatus(w, out) })
		},
	}
	s.flags(c)
	return c
}

func printStatus(w io.Writer, st manage.Status) {
	if st.Running {
		fmt.Fprintf(w, "running   %s, since %s (%s)\n", st.Version, st.Started.Local().Format(time.DateTime), time.Since(st.Started).Round(time.Second))
		for _, l := range st.Listeners {
			fmt.Fprintf(w, "  %-12s %-22s %d sessions\n", l.Protocol, l.Address, l.Sessions)
		}
	} else {
		fmt.Fprintf(w, "not running (the data folder was opened directly)\n")
	}
	fmt.Fprintf(w, "domains   %d\naccounts  %d\naliases   %d\nmessages  %d (%s)\n", st.Domains, st.Accounts, st.Aliases, st.Messages, manage.FormatBytes(st.Bytes))
	printCounts(w, st.Queue)
	printAround(w, st, time.Now())
	if st.Trouble != "" {
		fmt.Fprintf(w, "trouble   mail can not be stored now: %s\n", st.Trouble)
	}
	if len(st.Troubles) > 0 {
		fmt.Fprintf(w, "lately refused, deferred or not delivered (barid trace msg ID, barid explain REASON)\n")
		for _, e := range st.Troubles {
			fmt.Fprintf(w, "  %s\n", printable(eventLine(e)))
		}
	}
}

// soon is how long before its end a certificate is mentioned as a trouble.
const soon = 21 * 24 * time.Hour

// printAround prints times, disk, certificates, and other servers that are down.
func printAround(w io.Writer, st manage.Status, now time.Time) {
	if len(st.Stages) > 0 {
		var parts []string
		for _, s := range st.Stages {
			parts = append(parts, fmt.Sprintf("%s %s/%s", s.Stage, seconds(s.P50), seconds(s.P95)))
		}
		fmt.Fprintf(w, "stages    half/95%% of the newest took up to: %s\n", strings.Join(parts, ", "))
	}
	if d := st.Disk; d != nil {
		low := ""
		if d.Free < 2*d.Reserve {
			low = "  LOW: new mail is deferred below " + manage.FormatBytes(d.Reserve)
		}
		fmt.Fprintf(w, "disk      %s free of %s (%s)%s\n", manage.FormatBytes(d.Free), manage.FormatBytes(d.Total), d.Path, low)
	}
	for _, c := range st.Certificates {
		switch left := c.Expires.Sub(now); {
		case c.Trouble != "":
			fmt.Fprintf(w, "cert      %s  CAN NOT BE USED: %s\n", c.File, printable(c.Trouble))
		case left < soon:
			fmt.Fprintf(w, "cert      %s  EXPIRES %s (%s)\n", strings.Join(c.Names, ", "), c.Expires.Format(time.DateOnly), inDays(left))
		default:
			fmt.Fprintf(w, "cert      %s  until %s (%s)\n", strings.Join(c.Names, ", "), c.Expires.Format(time.DateOnly), inDays(left))
		}
	}
	if st.CutOff {
		fmt.Fprintf(w, "outgoing  no other server could be reached since the start. Is outgoing port 25 open? See: barid probe port25\n")
	}
	if st.HostsDown > 0 {
		fmt.Fprintf(w, "servers   %d can not be reached; others of their domains are tried first\n", st.HostsDown)
		for _, h := range st.Hosts {
			fmt.Fprintf(w, "  %s  %d times since %s: %s\n", printable(h.Host), h.Fails, h.Since.Local().Format(time.DateTime), printable(h.Why))
		}
	}
}

func seconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }

func healthCommand(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "health", Short: "Exit 0 if the server runs and can store mail, for containers and monitors", Args: cobra.NoArgs,
		Example: "  barid health --config /etc/barid/barid.toml",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			server, err := app.Dial(cfg)
			if err != nil {
				return err
			}
			var out manage.Status
			if err := server.Call(c.Context(), "status", manage.None{}, &out, nil); err != nil {
				return err
			}
			if out.Trouble != "" {
				return fault.New("B3001", "the server can not store mail now").WithFound("%s", out.Trouble)
			}
			return t.result(map[string]bool{"ok": true}, func(w io.Writer) { fmt.Fprintln(w, "ok") })
		},
	}
	s.flags(c)
	return c
}

func eventLine(e manage.EventInfo) string {
	parts := []string{e.Time.Local().Format(time.DateTime), e.Kind, e.ID, "from <" + e.From + ">"}
	if len(e.To) > 0 {
		parts = append(parts, "to <"+strings.Join(e.To, ">, <")+">")
	}
	if e.Remote != "" {
		parts = append(parts, "peer "+e.Remote)
	}
	if e.Host != "" {
		parts = append(parts, "at "+e.Host)
	}
	if e.Status != "" {
		parts = append(parts, e.Status)
	}
	if e.Answer != "" {
		parts = append(parts, e.Answer)
	}
	if e.Reason != "" {
		parts = append(parts, "("+e.Reason+")")
	}
	if e.Timing != "" {
		parts = append(parts, e.Timing)
	}
	return strings.Join(parts, "  ")
}

// printObject prints a JSON object one key a line.
func printObject(w io.Writer, raw json.RawMessage) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		fmt.Fprintln(w, string(raw))
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		b, err := json.Marshal(m[k])
		if err != nil {
			continue // it came out of JSON
		}
		fmt.Fprintf(w, "%-24s %s\n", k, strings.Trim(string(b), `"`))
	}
}

// absolute makes a path mean the same in the server as here.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
