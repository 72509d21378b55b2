package embedded

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// Errors of this engine.
var (
	// ErrLocked: another process uses the folder. The text names it if the system tells.
	ErrLocked = errors.New("data folder is in use")
	// ErrFormat: the folder is not ours, or was written by a newer program.
	ErrFormat = errors.New("data folder has an unknown format")
	// ErrLimit: a row, a note or a transaction is over Caps.
	ErrLimit = errors.New("embedded: over the limit")
	// ErrBackup: a backup folder is incomplete, damaged or of another store.
	ErrBackup = errors.New("backup is not usable")

	errFenced = errors.New("embedded: this instance is fenced")
)

// storageError wraps a failure of the disk in what base/kv calls it. It keeps nil and kv's own errors.
func storageError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kv.ErrFull), errors.Is(err, kv.ErrUnavailable), errors.Is(err, kv.ErrCorrupt),
		errors.Is(err, kv.ErrClosed), errors.Is(err, kv.ErrNotFound):
		return fmt.Errorf("embedded: %s: %w", what, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("embedded: %s: %w: %w", what, kv.ErrFull, err)
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("embedded: %s: %w: %w", what, kv.ErrCorrupt, err)
	default:
		return fmt.Errorf("embedded: %s: %w: %w", what, kv.ErrUnavailable, err)
	}
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("embedded: "+format+": %w", append(args, kv.ErrCorrupt)...)
}
