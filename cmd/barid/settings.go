package main

import (
	"context"
	"os"

	"barid/app"
	"barid/app/config"
	"barid/ops/manage"

	"github.com/spf13/cobra"
)

// settings are the flags of every command that needs a configuration.
type settings struct {
	file, data string
	sets       []string
}

func (s *settings) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.file, "config", "c", "", "configuration file (else $BARID_CONFIG, ./barid.toml, /etc/barid/barid.toml)")
	c.Flags().StringVar(&s.data, "data", "", "data folder, instead of the configured one")
	c.Flags().StringArrayVar(&s.sets, "set", nil, "override one setting, e.g. --set limits.recipients=200")
}

// load reads the configuration that the flags and the environment name.
func (s *settings) load() (*config.Config, error) {
	file := s.file
	if file == "" {
		file = os.Getenv("BARID_CONFIG")
	}
	for _, usual := range []string{"barid.toml", "/etc/barid/barid.toml"} {
		if _, err := os.Stat(usual); file == "" && err == nil {
			file = usual
		}
	}
	sets := s.sets
	if s.data != "" {
		sets = append(sets, "data="+s.data)
	}
	return config.Load(file, os.Environ(), sets)
}

// with calls f with a way to operate the configured server, running or not.
func (s *settings) with(ctx context.Context, f func(manage.Caller) error) error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	caller, done, err := app.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	err = f(caller)
	if closeErr := done(); err == nil {
		err = closeErr
	}
	return err
}

// call runs one operation and returns its result.
func call[Out any](ctx context.Context, s *settings, t *terminal, name string, in any) (Out, error) {
	var out Out
	err := s.with(ctx, func(c manage.Caller) error { return c.Call(ctx, name, in, &out, t.progress) })
	return out, err
}
