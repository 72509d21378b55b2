// Command barid is a complete mail system in one program.
//
// Every subcommand has a file cmd_<verb>.go: flags in, one call, exit code out. What a command does lives in
// app and ops. Exit codes: 0 ok, 1 failed, 2 usage, 3 a check found problems, 4 nobody to talk to, 130
// interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"barid/base/fault"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var code int
	if s, ok := shimCalled(os.Args[0]); ok {
		code = runShim(ctx, s)
	} else {
		code = run(ctx, os.Args[1:])
	}
	stop()
	os.Exit(code)
}

// exitInterrupted is what shells expect of a command that SIGINT ended.
const exitInterrupted = 130

func run(ctx context.Context, args []string) int {
	io := &terminal{out: os.Stdout, err: os.Stderr}
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var code exited
	if errors.As(err, &code) {
		return int(code)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		io.say("interrupted")
		return exitInterrupted
	}
	io.json = io.json || slices.Contains(args, "--json") // a flag that is wrong ends the parsing before it
	io.fail(err)
	return fault.ExitCode(err)
}

// newRoot is the tree of commands.
func newRoot(io *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "barid",
		Short: "A complete mail system in one program",
		Long: "Barid (بريد, \"post\") receives mail, keeps it, and lets people read it over IMAP and POP3.\n" +
			"Every command takes --json for programs and --help for people.",
		Example:       "  barid dev                       a local mail world, no configuration\n  barid setup you@example.org     set up a server\n  barid serve                     run it",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.PersistentFlags().BoolVar(&io.json, "json", false, "print results as JSON, lists one object on each line")
	root.PersistentFlags().BoolVarP(&io.quiet, "quiet", "q", false, "print nothing but results and errors")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", err) })
	for _, add := range []func(*terminal) *cobra.Command{
		serveCommand, devCommand, setupCommand,
		domainCommand, accountCommand, applicationCommand, aliasCommand, queueCommand, relayCommand, shimCommand,
		statusCommand, healthCommand, traceCommand, probeCommand, sendCommand,
		storeCommand, indexCommand, backupCommand, restoreCommand,
		configCommand, explainCommand, versionCommand,
	} {
		root.AddCommand(add(io))
	}
	unknownCommandsAreUsageErrors(root)
	return root
}

// usage is the error of a command that was called in a wrong way.
func usage(c *cobra.Command, format string, args ...any) error {
	f := fault.New("B1007", "%s", fmt.Sprintf(format, args...)).WithExit(fault.ExitUsage)
	if c.Example != "" {
		f.WithFound("usage: %s\n%s", c.UseLine(), c.Example)
	} else {
		f.WithFound("usage: %s", c.UseLine())
	}
	return f.WithFix("%s --help", c.CommandPath())
}

// unknownVerb is the error of a group that was called with a verb it does not have.
func unknownVerb(c *cobra.Command, verb string) error {
	f := fault.New("B1007", "%s has no command %q", c.CommandPath(), verb).WithExit(fault.ExitUsage)
	if near := c.SuggestionsFor(verb); len(near) > 0 {
		f.WithFix("did you mean %q?", c.CommandPath()+" "+near[0])
	} else if other, _, err := c.Root().Find([]string{verb}); err == nil && other != c.Root() {
		f.WithFix("did you mean %q?", other.CommandPath())
	}
	return f.WithFix("%s --help", c.CommandPath())
}

// unknownCommandsAreUsageErrors makes every group answer an unknown or missing verb with the verbs it has, and every
// command a missing flag or argument with its usage.
func unknownCommandsAreUsageErrors(c *cobra.Command) {
	for _, sub := range c.Commands() {
		unknownCommandsAreUsageErrors(sub)
	}
	if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
		c.Args = cobra.ArbitraryArgs
		c.SuggestionsMinimumDistance = 2 // letters that may be wrong; cobra sets it only where it suggests by itself
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownVerb(c, args[0])
		}
		c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
			if args := c.Flags().Args(); c.HasSubCommands() && len(args) > 0 {
				return unknownVerb(c, args[0]) // the flag is one of the verb that is missing
			}
			return usage(c, "%v", err)
		})
	}
	if c.RunE != nil && c.PreRunE == nil {
		c.PreRunE = func(c *cobra.Command, _ []string) error { // cobra's own check comes later, and is a plain error
			if err := c.ValidateRequiredFlags(); err != nil {
				return usage(c, "%v", err)
			}
			return nil
		}
	}
	if c.Args != nil && !c.HasSubCommands() {
		check := c.Args
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				var f *fault.Fault
				if errors.As(err, &f) {
					return err
				}
				return usage(c, "%s takes %s; given: %s", c.CommandPath(), wants(c), orNothing(strings.Join(args, " ")))
			}
			return nil
		}
	}
}

// wants names the arguments of a command, as its usage line does.
func wants(c *cobra.Command) string {
	return orNothing(strings.TrimSpace(strings.TrimPrefix(c.Use, c.Name())))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
