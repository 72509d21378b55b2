package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"barid/base/fault"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// password says where a password comes from. It never comes from the command line, which others can see.
type password struct {
	file  string
	stdin bool
}

func passwordFlags(c *cobra.Command) *password {
	var p password
	c.Flags().StringVar(&p.file, "password-file", "", "file whose first line is the password")
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
	return &p
}

func (p *password) read(c *cobra.Command, t *terminal) (string, error) {
	switch {
	case p.file != "":
		f, err := os.Open(p.file)
		if err != nil {
			return "", fault.New("B1009", "the password file can not be read").Wrap(err).WithExit(fault.ExitUsage)
		}
		defer f.Close()
		return firstLine(bufio.NewReader(f))
	case p.stdin:
		return firstLine(bufio.NewReader(c.InOrStdin()))
	case os.Getenv("BARID_PASSWORD") != "":
		return os.Getenv("BARID_PASSWORD"), nil
	case term.IsTerminal(int(os.Stdin.Fd())):
		return ask(t)
	}
	return "", fault.New("B1009", "no password was given").WithExit(fault.ExitUsage).
		WithFix("%s … --password-stdin", c.CommandPath()).WithFix("BARID_PASSWORD=… %s …", c.CommandPath())
}

func firstLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fault.New("B1009", "the password is empty").WithExit(fault.ExitUsage).Wrap(err)
	}
	return line, nil
}

// ask reads a password twice from the terminal.
func ask(t *terminal) (string, error) {
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Once more: "} {
		fmt.Fprint(t.err, prompt)
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(t.err)
		if err != nil {
			return "", fault.New("B1009", "the password could not be read").Wrap(err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] || typed[0] == "" {
		return "", fault.New("B1009", "the two passwords differ or are empty").WithExit(fault.ExitUsage)
	}
	return typed[0], nil
}

// given reports whether a password can be had without asking.
func (p *password) given() bool {
	return p.file != "" || p.stdin || os.Getenv("BARID_PASSWORD") != ""
}
