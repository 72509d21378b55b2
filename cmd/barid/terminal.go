package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"barid/base/fault"
)

// terminal is where a command speaks: results to out, talk to err.
type terminal struct {
	out, err    io.Writer
	json, quiet bool
}

// fail prints an error the way the person or program asked for.
func (t *terminal) fail(err error) {
	f := fault.Of(err)
	if !t.json {
		f.Print(t.err)
		return
	}
	if f.Found == "" && f.Cause != nil {
		f.Found = f.Cause.Error()
	}
	_ = json.NewEncoder(t.err).Encode(map[string]any{"error": f})
}

// say prints talk for people.
func (t *terminal) say(format string, args ...any) {
	if !t.quiet && !t.json {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// result prints one value: as JSON, or by the text function.
func (t *terminal) result(v any, text func(w io.Writer)) error {
	if t.json {
		return json.NewEncoder(t.out).Encode(v)
	}
	text(t.out)
	return nil
}

// list prints one JSON object on each line, or a table.
func list[T any](t *terminal, items []T, columns string, row func(T) string) error {
	if t.json {
		e := json.NewEncoder(t.out)
		for _, x := range items {
			if err := e.Encode(x); err != nil {
				return err
			}
		}
		return nil
	}
	if len(items) == 0 {
		t.say("none")
		return nil
	}
	w := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, columns)
	for _, x := range items {
		fmt.Fprintln(w, row(x))
	}
	return w.Flush()
}

// progress shows how far a long operation is, on a terminal only and never in JSON.
func (t *terminal) progress(what string, done, total int64) {
	if t.quiet || t.json || !isTerminal(os.Stderr) {
		return
	}
	if total > 0 {
		fmt.Fprintf(t.err, "\r%s %d of %d (%d%%)   ", what, done, total, done*100/total)
		if done >= total {
			fmt.Fprintln(t.err)
		}
		return
	}
	fmt.Fprintf(t.err, "\r%s %d   ", what, done)
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
