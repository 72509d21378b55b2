package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"barid/base/fault"
	"barid/ops/sendmail"
)

// streams are what a command called by another name speaks through.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// shim is a command of other mail systems that old scripts call.
type shim struct {
	name, short string
	run         func(ctx context.Context, args []string, s streams) error
}

// shims lists the names under which this program is that command, when it is called so.
func shims() []shim {
	return []shim{
		{"sendmail", "Hand in a message, as programs of this machine do", sendmailShim},
		{"mailq", "List the queue as Postfix's mailq does", mailqShim},
		{"newaliases", "Nothing: aliases are in force when they are made (barid alias)", func(context.Context, []string, streams) error { return nil }},
		{"postqueue", "List or try what waits: -p, -j, -f, -i ID, -s SITE", postqueueShim},
		{"postsuper", "Change the queue: -d, -h, -H, -r, -e with an ID, ALL or -", postsuperShim},
	}
}

// shimCalled gives the shim that a path of a program names.
func shimCalled(path string) (shim, bool) {
	for _, s := range shims() {
		if s.name == filepath.Base(path) {
			return s, true
		}
	}
	return shim{}, false
}

// main runs the shim as a program and gives its exit code, one of sysexits.h.
func (s shim) main(ctx context.Context, args []string, io streams) int {
	err := s.run(ctx, args, io)
	if err == nil {
		return sendmail.OK
	}
	fmt.Fprintf(io.err, "%s: %s\n", s.name, strings.ReplaceAll(plain(err.Error()), "\n", " "))
	return shimExit(err)
}

// shimExit gives the code of sysexits.h that an error means.
func shimExit(err error) int {
	var exit *sendmail.Exit
	if errors.As(err, &exit) {
		return exit.Code
	}
	switch f := fault.Of(err); f.Code {
	case "B1001", "B1002", "B1003":
		return sendmail.Config
	case "B1004", "B1007", "B4003", "B4010":
		return sendmail.Usage
	case "B1006", "B3001", "B3002", "B3004", "B4011":
		return sendmail.TempFail
	case "B3005":
		return sendmail.NoPerm
	case "B4012":
		return sendmail.DataErr
	}
	return sendmail.Software
}

// usualConfig is the configuration that shims read unless BARID_CONFIG names another. They never look into the
// folder in which they happen to run.
const usualConfig = "/etc/barid/barid.toml"

// shimSettings are the settings of the installation that shims work for.
func shimSettings() *settings {
	file := os.Getenv("BARID_CONFIG")
	if file == "" {
		file = usualConfig
	}
	return &settings{file: file}
}

// getopt calls flag with each flag of args, with its value if its letter is in withValue, and gives the other
// arguments.
func getopt(args []string, withValue string, flag func(f byte, value string) bool) (rest []string, err error) {
	wrong := func(format string, a ...any) error {
		return &sendmail.Exit{Code: sendmail.Usage, Text: fmt.Sprintf(format, a...)}
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(rest, args[i+1:]...), nil
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		for w := a[1:]; w != ""; {
			f, value := w[0], ""
			w = w[1:]
			if strings.IndexByte(withValue, f) >= 0 {
				if value, w = w, ""; value == "" {
					if i++; i == len(args) {
						return rest, wrong("-%c wants a value", f)
					}
					value = args[i]
				}
			}
			if !flag(f, value) {
				return rest, wrong("there is no flag -%c", f)
			}
		}
	}
	return rest, nil
}
