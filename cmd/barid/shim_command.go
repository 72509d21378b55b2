package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"barid/base/fault"

	"github.com/spf13/cobra"
)

// exited is the end of a command that has said everything and wants this exit code.
type exited int

// Error is never shown.
func (e exited) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func shimCommand(t *terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "shim", Short: "Be sendmail, mailq and the like for programs of this machine",
		Long: "Called as sendmail, mailq, newaliases, postqueue or postsuper (through a link), barid behaves as that command\n" +
			"does, with its flags and exit codes. barid shim install makes the links; barid shim NAME does the same without.",
		Example: "  barid shim install --dir /usr/sbin --dry-run\n  echo \"all is well\" | barid shim sendmail info@example.org",
	}
	for _, s := range shims() {
		c.AddCommand(&cobra.Command{
			Use: s.name + " [ARGUMENTS]", Short: s.short, Example: "  barid shim " + s.name, DisableFlagParsing: true, Hidden: true, // its flags and exit codes are another family's
			RunE: func(c *cobra.Command, args []string) error {
				if len(args) == 1 && args[0] == "--help" {
					return c.Help()
				}
				if code := s.main(c.Context(), args, streams{c.InOrStdin(), t.out, t.err}); code != 0 {
					return exited(code)
				}
				return nil
			},
		})
	}
	c.AddCommand(shimInstall(t))
	return c
}

// linked is what became of one name.
type linked struct {
	Path   string `json:"path"`
	Target string `json:"target"`
	State  string `json:"state"` // "made", "there", "replaced"; in a dry run what would be
}

func shimInstall(t *terminal) *cobra.Command {
	var dir string
	var dry, force bool
	c := &cobra.Command{
		Use: "install", Short: "Link sendmail, mailq, newaliases, postqueue and postsuper to this program", Args: cobra.NoArgs,
		Long:    "Nothing is replaced unless --force says so, and never a folder.",
		Example: "  barid shim install --dir /usr/sbin --dry-run\n  sudo barid shim install --dir /usr/sbin",
		RunE: func(*cobra.Command, []string) error {
			made, err := installShims(dir, dry, force)
			if err != nil {
				return err
			}
			return list(t, made, "PATH\tTARGET\tSTATE", func(l linked) string { return tabs(l.Path, l.Target, l.State) })
		},
	}
	c.Flags().StringVar(&dir, "dir", "/usr/sbin", "folder in which programs look for sendmail")
	c.Flags().BoolVar(&dry, "dry-run", false, "tell what would be made, and change nothing")
	c.Flags().BoolVar(&force, "force", false, "replace what is there")
	return c
}

// installShims looks at all names first: either all can be made or nothing is.
func installShims(dir string, dry, force bool) ([]linked, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return nil, fault.New("B1010", "this program can not tell where it is").Wrap(err)
	}
	var out []linked
	for _, s := range shims() {
		l := linked{Path: filepath.Join(absolute(dir), s.name), Target: self}
		if l.State, err = linkState(l.Path, self, force); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if dry {
		return out, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New("B1010", "the folder %s can not be made", dir).Wrap(err).WithFix("sudo barid shim install --dir %s", dir)
	}
	for _, l := range out {
		if err := makeLink(l); err != nil {
			return nil, fault.New("B1010", "%s can not be made", l.Path).Wrap(err).WithFix("sudo barid shim install --dir %s", dir)
		}
	}
	return out, nil
}

func linkState(path, self string, force bool) (string, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "made", nil
	case err != nil:
		return "", fault.New("B1010", "%s can not be looked at", path).Wrap(err)
	}
	if to, err := filepath.EvalSymlinks(path); err == nil && to == self {
		return "there", nil
	}
	if fi.IsDir() || !force {
		return "", fault.New("B1010", "%s is there already", path).WithMeans("another mail system may need it; nothing was changed").
			WithFix("remove the other mail system").WithFix("barid shim install --dir %s --force", filepath.Dir(path)).
			WithFix("use another --dir that comes first in PATH")
	}
	return "replaced", nil
}

// makeLink puts the link in its place in one step.
func makeLink(l linked) error {
	if l.State == "there" {
		return nil
	}
	fresh := l.Path + ".barid-new"
	_ = os.Remove(fresh) // of a run that was interrupted
	if err := os.Symlink(l.Target, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.Path); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return nil
}

// runShim runs the shim that this program was called as.
func runShim(ctx context.Context, s shim) int {
	return s.main(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}
