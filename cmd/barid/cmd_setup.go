package main

import (
	"fmt"
	"io"

	"barid/app"

	"github.com/spf13/cobra"
)

func setupCommand(t *terminal) *cobra.Command {
	var o app.SetupOptions
	c := &cobra.Command{
		Use:   "setup YOU@DOMAIN",
		Short: "Set up a server: configuration, domain, first account, certificate",
		Long: "Writes barid.toml and a data folder, hosts the domain, makes the first account and a self-signed\n" +
			"certificate, then prints what to do next. Nothing that exists is overwritten; when a step fails,\n" +
			"what was made is taken away again. Without a password (see barid account add) one is made up and shown once.",
		Example: "  sudo barid setup you@example.org\n  barid setup you@example.org --dir ./mail --hostname mail.example.org",
		Args:    cobra.ExactArgs(1),
	}
	pw := passwordFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		o.Address = args[0]
		if pw.given() {
			secret, err := pw.read(c, t)
			if err != nil {
				return err
			}
			o.Password = secret
		}
		done, err := app.Setup(c.Context(), o)
		if err != nil {
			return err
		}
		return t.result(done, func(w io.Writer) { printSetup(w, done) })
	}
	c.Flags().StringVar(&o.Dir, "dir", "/etc/barid", "folder for barid.toml and certificates")
	c.Flags().StringVar(&o.Data, "data", "", "data folder (default /var/lib/barid, or DIR/data with --dir)")
	c.Flags().StringVar(&o.Hostname, "hostname", "", "name of this server (default mail.DOMAIN)")
	return c
}

func printSetup(w io.Writer, d app.SetupDone) {
	fmt.Fprintf(w, "Created\n")
	for _, f := range d.Created {
		fmt.Fprintf(w, "  %s\n", f)
	}
	fmt.Fprintf(w, "\nAccount\n  %s\n", d.Account)
	if d.Password != "" {
		fmt.Fprintf(w, "  password %s   (shown only now)\n", d.Password)
	}
	fmt.Fprintf(w, "\nAdd these records at your DNS host\n")
	for _, r := range d.Records {
		fmt.Fprintf(w, "  %s\n", r)
	}
	fmt.Fprintf(w, "\nNext\n")
	for i, n := range d.Next {
		fmt.Fprintf(w, "  %d. %s\n", i+1, n)
	}
}
