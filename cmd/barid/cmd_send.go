package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"barid/base/fault"
	"barid/ops/diag"

	"github.com/spf13/cobra"
)

// sendFlags are the flags of barid send.
type sendFlags struct {
	send  diag.Send
	draft diag.Draft
	body  string
	data  string
	pw    *password
}

func sendCommand(t *terminal) *cobra.Command {
	var f sendFlags
	c := &cobra.Command{
		Use:   "send --to ADDRESS",
		Short: "Send a message by hand and show the dialogue",
		Long: "Speaks SMTP to any server, shows every line with its time and explains refusals.\n" +
			"Without --server it speaks to `barid dev` on this machine. Passwords are read as in barid account add.",
		Example: "  barid send --to demo@barid.test --subject \"سلام\"\n" +
			"  barid send --server mail.example.org:587 --tls starttls --user info@example.org --to info@example.org --attach report.pdf\n" +
			"  barid send --to demo@barid.test --data message.eml",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, t) },
	}
	fl := c.Flags()
	fl.StringVar(&f.send.Server, "server", "127.0.0.1:1025", "server to speak to, HOST:PORT")
	fl.StringArrayVar(&f.send.To, "to", nil, "recipient; may be given several times")
	fl.StringVar(&f.send.From, "from", "sender@barid.test", "sender; \"\" for the null reverse-path")
	fl.StringVar(&f.send.TLS, "tls", "auto", "auto, starttls, implicit or none")
	fl.BoolVar(&f.send.Verify, "tls-verify", false, "check the server's certificate")
	fl.StringVar(&f.send.User, "user", "", "log in as this user")
	fl.StringVar(&f.send.Helo, "helo", "", "name to give in EHLO (default: this machine's)")
	fl.StringVar(&f.send.QuitAt, "quit-after", "", "stop after connect, ehlo, tls, auth, mail or rcpt")
	fl.DurationVar(&f.send.Wait, "timeout", 30*time.Second, "how long a step may take")
	fl.StringVar(&f.draft.Subject, "subject", "test of barid send", "subject")
	fl.StringVar(&f.body, "body", "", "text of the message")
	fl.StringArrayVar(&f.draft.Headers, "header", nil, "a header field \"Name: value\"; may be given several times")
	fl.StringArrayVar(&f.draft.Attach, "attach", nil, "a file to attach; may be given several times")
	fl.StringVar(&f.data, "data", "", "send this file (- for standard input) as it is, instead of composing")
	f.pw = passwordFlags(c)
	return c
}

func (f *sendFlags) run(c *cobra.Command, t *terminal) error {
	if err := f.complete(c, t); err != nil {
		return err
	}
	var steps []diag.Step
	sent, err := f.send.Run(c.Context(), func(s diag.Step) {
		steps = append(steps, s)
		if !t.json && !t.quiet {
			printStep(t.out, s)
		}
	})
	if err != nil && !t.json {
		return err
	}
	result := struct {
		diag.Sent
		Steps []diag.Step  `json:"steps"`
		Error *fault.Fault `json:"error,omitempty"`
	}{sent, steps, nil}
	if err != nil {
		result.Error = fault.Of(err)
	}
	if perr := t.result(result, func(w io.Writer) {
		if f.send.QuitAt == "" {
			fmt.Fprintf(w, "accepted for %d recipients, refused for %d, in %.3fs: %s\n", sent.Accepted, sent.Refused, sent.Seconds, sent.Reply)
		}
	}); perr != nil {
		return perr
	}
	if err == nil && sent.Refused > 0 {
		return fault.New("B2002", "%d of %d recipients were refused", sent.Refused, sent.Refused+sent.Accepted)
	}
	return err
}

func printStep(w io.Writer, s diag.Step) {
	arrow := map[string]string{"C": "->", "S": "<-", "*": "=="}[s.Side]
	fmt.Fprintf(w, "%8.3f %s %s\n", s.At, arrow, s.Text)
	if s.Explain != "" {
		fmt.Fprintf(w, "            that is: %s\n", s.Explain)
	}
}

// complete checks the flags and makes the message.
func (f *sendFlags) complete(c *cobra.Command, t *terminal) error {
	if len(f.send.To) == 0 {
		return usage(c, "--to is needed")
	}
	switch f.send.TLS {
	case "auto", "starttls", "implicit", "none":
	default:
		return usage(c, "--tls can not be %q", f.send.TLS)
	}
	if f.send.Helo == "" {
		f.send.Helo = "localhost"
		if h, err := os.Hostname(); err == nil && h != "" {
			f.send.Helo = h
		}
	}
	if err := f.addresses(); err != nil {
		return err
	}
	if f.send.User != "" {
		var err error
		if f.send.Password, err = f.pw.read(c, t); err != nil {
			return err
		}
	}
	return f.message(c)
}

func (f *sendFlags) addresses() error {
	for i, a := range f.send.To {
		s, err := diag.CheckAddress(a)
		if err != nil {
			return err
		}
		f.send.To[i] = s
	}
	if f.send.From == "" {
		return nil
	}
	s, err := diag.CheckAddress(f.send.From)
	f.send.From = s
	return err
}

func (f *sendFlags) message(c *cobra.Command) error {
	var err error
	switch f.data {
	case "":
		f.draft.From, f.draft.To, f.draft.Text = f.send.From, f.send.To, f.body
		if f.draft.From == "" {
			f.draft.From = "postmaster@" + f.send.Helo
		}
		if f.draft.Text == "" {
			f.draft.Text = "This is a test message of barid send.\nهذه رسالة تجريبية.\nاین یک پیام آزمایشی است.\n"
		}
		f.send.Message, err = f.draft.Compose(time.Now(), f.send.Helo)
		return err
	case "-":
		f.send.Message, err = io.ReadAll(c.InOrStdin())
	default:
		f.send.Message, err = os.ReadFile(f.data)
	}
	if err != nil {
		return fault.New("B2009", "the message can not be read").Wrap(err).WithExit(fault.ExitUsage)
	}
	if !bytes.Contains(f.send.Message, []byte("\r\n")) { // a file of this system, not of the wire
		f.send.Message = []byte(strings.ReplaceAll(string(f.send.Message), "\n", "\r\n"))
	}
	return nil
}
