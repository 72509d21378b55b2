// Package log makes the structured logger that everything writes to.
//
// Life: one line a refusal, one a message, one at the end of a session, tied together by the ids of base/id.
// Promise: nothing that a user wrote or keeps secret is logged: no bodies, subjects, passwords. Keys are the
// field's own terms ("session", "tx", "from", "to", "status", "reason"); a test plants secrets and looks for them.
// Failure: a log that can not be written is not a reason to stop; the error is dropped.
package log

import (
	"io"
	"log/slog"
)

// New writes to w at level ("debug", "info", "warn", "error") as "text" or "json".
func New(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// Nothing is a logger that writes nothing.
func Nothing() *slog.Logger { return slog.New(slog.DiscardHandler) }
