package main

import (
	"fmt"
	"io"

	"barid/app/config"
	"barid/base/fault"

	"github.com/spf13/cobra"
)

func configCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Check and explain the configuration file",
		Example: "  barid config check --config barid.toml\n  barid config explain limits.recipients\n  barid config default > barid.toml",
	}
	c.AddCommand(configCheck(t), configExplain(t), configDefault(t))
	return c
}

func configCheck(t *terminal) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "check", Short: "Say whether the configuration can be used", Args: cobra.NoArgs,
		Example: "  barid config check --config barid.toml",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			return t.result(map[string]any{"ok": true, "file": cfg.File}, func(w io.Writer) {
				fmt.Fprintf(w, "the configuration is fine%s\n", map[bool]string{true: " (" + cfg.File + ")"}[cfg.File != ""])
			})
		},
	}
	s.flags(c)
	return c
}

func configExplain(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "explain [KEY]", Short: "Say what a key means and what its default is", Args: cobra.MaximumNArgs(1),
		Example: "  barid config explain limits.message_bytes",
		RunE: func(_ *cobra.Command, args []string) error {
			var rows []explained
			for _, k := range config.Describe() {
				if len(args) == 0 || args[0] == k.Name {
					rows = append(rows, explained{k.Name, config.Literal(k.Default), k.Doc})
				}
			}
			if len(rows) == 0 {
				f := fault.New("B1002", "unknown key %q", args[0]).WithExit(fault.ExitUsage)
				if near := config.Nearest(args[0]); near != "" {
					f.WithFix("barid config explain %s", near)
				}
				return f.WithFix("barid config explain    lists all keys")
			}
			return list(t, rows, "KEY\tDEFAULT\tMEANING", func(e explained) string {
				return e.Key + "\t" + e.Default + "\t" + e.Doc
			})
		},
	}
}

type explained struct {
	Key     string `json:"key"`
	Default string `json:"default"`
	Doc     string `json:"doc"`
}

func configDefault(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use: "default", Short: "Print a configuration file with every key, explained", Args: cobra.NoArgs,
		Example: "  barid config default > barid.toml",
		RunE: func(*cobra.Command, []string) error {
			return t.result(map[string]string{"toml": config.Annotated()}, func(w io.Writer) { writeString(w, config.Annotated()) })
		},
	}
}
