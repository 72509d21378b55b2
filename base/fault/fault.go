// Package fault is the form in which Barid tells a person at a keyboard what went wrong.
//
// Life: made by configuration, set-up, the operator's commands and the admin socket; printed by cmd,
// carried as JSON over the admin socket. Mail peers never see a Fault; they get a status.Error.
// Promise: a code that `barid explain` knows, what happened, the evidence, what it means, how to mend it.
// Failure: a plain error that reaches a person is wrapped as B9000 (internal), so nothing is lost.
package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes of the barid command.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitProblems    = 3 // a check found problems
	ExitUnreachable = 4 // the daemon, or the thing to talk to, is not reachable
)

// Fault is one thing that went wrong. The zero value of every field but Code and What is fine. Example:
//
//	&Fault{Code: "B1002", What: "unknown key \"hostnme\"", Found: "barid.toml:3:1", Fix: []string{"hostname = …"}}
type Fault struct {
	Code  string   `json:"code"`            // "B" and four digits, explained in ar, fa and en
	What  string   `json:"title"`           // one line, no full stop
	Found string   `json:"found,omitempty"` // the evidence: place, offending text, answer of a peer
	Means string   `json:"means,omitempty"` // consequence for the user
	Fix   []string `json:"fix,omitempty"`   // commands or lines that can be pasted
	Exit  int      `json:"exit,omitempty"`  // exit code of the command; 0 means ExitFailed
	Cause error    `json:"-"`               // for the log
}

// New makes a fault with a formatted first line.
func New(code, format string, args ...any) *Fault {
	return &Fault{Code: code, What: fmt.Sprintf(format, args...)}
}

// WithFound notes the evidence and returns f.
func (f *Fault) WithFound(format string, args ...any) *Fault {
	f.Found = fmt.Sprintf(format, args...)
	return f
}

// WithMeans notes the consequence and returns f.
func (f *Fault) WithMeans(s string) *Fault { f.Means = s; return f }

// WithFix adds one way to mend it and returns f.
func (f *Fault) WithFix(format string, args ...any) *Fault {
	f.Fix = append(f.Fix, fmt.Sprintf(format, args...))
	return f
}

// WithExit sets the exit code and returns f.
func (f *Fault) WithExit(code int) *Fault { f.Exit = code; return f }

// Wrap notes the cause and returns f.
func (f *Fault) Wrap(err error) *Fault { f.Cause = err; return f }

// Error gives one line: "B1002: unknown key …: cause".
func (f *Fault) Error() string {
	s := f.Code + ": " + f.What
	if f.Found != "" {
		s += " (" + f.Found + ")"
	}
	if f.Cause != nil {
		s += ": " + f.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Of gives the Fault inside err, or wraps err as an internal one.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return New("B9000", "something inside Barid failed").WithFound("%v", err).Wrap(err)
}

// ExitCode is what a command that failed with err exits with.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if f := Of(err); f.Exit != 0 {
		return f.Exit
	}
	return ExitFailed
}

// Print writes f as a person reads it:
//
//	error[B2104]: outgoing port 25 is blocked
//	  found   3 well-known MX hosts over IPv4 and IPv6, 10 s each: all timed out
//	  means   you can receive mail, but other servers will not get yours
//	  fix     1. ask your hosting provider to open port 25 outbound
//	          2. or send through a relay: …
//	  more    barid explain B2104            (English, العربية, فارسی)
func (f *Fault) Print(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "error[%s]: %s\n", f.Code, f.What)
	found := f.Found
	if found == "" && f.Cause != nil {
		found = f.Cause.Error()
	}
	line(&b, "found", found)
	line(&b, "means", f.Means)
	for i, fix := range f.Fix {
		label, text := "", fix
		if i == 0 {
			label = "fix"
		}
		if len(f.Fix) > 1 {
			text = fmt.Sprintf("%d. %s", i+1, fix)
		}
		line(&b, label, text)
	}
	line(&b, "more", "barid explain "+f.Code+"            (English, العربية, فارسی)")
	_, _ = io.WriteString(w, b.String())
}

func line(b *strings.Builder, label, text string) {
	if text == "" {
		return
	}
	for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(b, "  %-7s %s\n", label, l)
	}
}
