package main

import (
	"fmt"
	"io"
	"os"

	"barid/app"
	"barid/app/config"
	"barid/base/log"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

func serveCommand(t *terminal) *cobra.Command {
	var s settings
	var show bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server in the foreground",
		Long: "Runs until SIGTERM or an interrupt, then finishes what is in progress within five seconds.\n" +
			"SIGKILL is safe at any time: what was acknowledged is on disk. SIGHUP reads the certificates again.",
		Example: "  barid serve --config /etc/barid/barid.toml\n  barid serve --data ./data --set hostname=mail.example.org --set listener=smtp=127.0.0.1:2525,imap=127.0.0.1:1143",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			if show {
				return printConfig(t, cfg)
			}
			logger := log.New(os.Stderr, cfg.Log.Level, cfg.Log.Format)
			return app.Serve(c.Context(), cfg, logger, func(open []manage.Listening) {
				if t.json {
					_ = t.result(map[string]any{"ready": true, "listeners": open}, nil)
				}
			})
		},
	}
	s.flags(c)
	c.Flags().BoolVar(&show, "print-config", false, "show every setting, its value and where it comes from, and stop")
	return c
}

// effective is one line of --print-config.
type effective struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

func printConfig(t *terminal, cfg *config.Config) error {
	var rows []effective
	for _, k := range config.Describe() {
		from := cfg.From[k.Name]
		if from == "" {
			from = "default"
		}
		rows = append(rows, effective{k.Name, config.Literal(cfg.Value(k.Name)), from})
	}
	return list(t, rows, "KEY\tVALUE\tFROM", func(e effective) string {
		return fmt.Sprintf("%s\t%s\t%s", e.Key, e.Value, e.From)
	})
}

func writeString(w io.Writer, s string) { _, _ = io.WriteString(w, s) }
