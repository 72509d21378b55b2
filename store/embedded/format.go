package embedded

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatVersion is the version of everything in the folder that Pebble's own version does not cover.
const formatVersion = 1

// maxFormatFile bounds what is read of FORMAT, in bytes.
const maxFormatFile = 4 << 10

// openFormat reads the FORMAT file or, in a folder without data, makes it. It gives the store's identity.
//
//	barid store
//	format 1
//	id 3f0c...
func openFormat(fs vfs.FS, dir string) (id [16]byte, err error) {
	text, err := readSmall(fs, fs.PathJoin(dir, "FORMAT"), maxFormatFile)
	if err == nil {
		return parseFormat(dir, string(text))
	}
	if !isNotExist(err) {
		return id, storageError("read FORMAT", err)
	}
	for _, sub := range []string{"rows", "bodies"} {
		names, err := fs.List(fs.PathJoin(dir, sub))
		if err != nil && !isNotExist(err) {
			return id, storageError("list "+sub, err)
		}
		if len(names) > 0 {
			return id, fmt.Errorf("%s holds data but no FORMAT file: %w", dir, ErrFormat)
		}
	}
	return writeFormat(fs, dir)
}

func writeFormat(fs vfs.FS, dir string) (id [16]byte, err error) {
	_, _ = rand.Read(id[:]) // never fails on the systems Go supports
	text := fmt.Sprintf("barid store\nformat %d\nid %x\n", formatVersion, id)
	return id, storageError("write FORMAT", writeAtomic(fs, dir, "FORMAT", []byte(text)))
}

func parseFormat(dir, text string) (id [16]byte, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[0] != "barid store" {
		return id, fmt.Errorf("%s is not a data folder of Barid: %w", dir, ErrFormat)
	}
	v, err := strconv.Atoi(strings.TrimPrefix(lines[1], "format "))
	if err != nil {
		return id, fmt.Errorf("%s: unreadable FORMAT file: %w", dir, ErrFormat)
	}
	if v > formatVersion {
		return id, fmt.Errorf("%s was written by a newer Barid (store format %d, this program knows up to %d); "+
			"start that version, or restore a backup into another folder: %w", dir, v, formatVersion, ErrFormat)
	}
	b, err := hex.DecodeString(strings.TrimPrefix(lines[2], "id "))
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%s: unreadable FORMAT file: %w", dir, ErrFormat)
	}
	return [16]byte(b), nil
}

// readSmall reads a whole file of at most limit bytes.
func readSmall(fs vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return b, err
}

// writeAtomic writes a file that is there whole, durably, or not at all.
func writeAtomic(fs vfs.FS, dir, name string, data []byte) error {
	tmp := fs.PathJoin(dir, name+".tmp")
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = fs.Remove(tmp)
		return err
	}
	if err := fs.Rename(tmp, fs.PathJoin(dir, name)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}
