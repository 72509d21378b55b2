package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	manifestFormat = 1
	manifestName   = "BACKUP"
	maxManifest    = 256 << 20 // bytes
	chunkLen       = 4 << 20   // bytes of a file with one checksum
)

// manifest describes a backup. On disk: the SHA-256 of what follows, a line end, JSON.
type manifest struct {
	Format  int          `json:"format"`
	Store   string       `json:"store"`
	Run     int          `json:"run"`
	Created time.Time    `json:"created"`
	Files   []backupFile `json:"files"`
}

// backupFile is one file of a backup.
type backupFile struct {
	Path   string   `json:"path"`   // in the data folder
	Stored string   `json:"stored"` // in the folder "files" of the backup
	Size   int64    `json:"size"`
	Chunks []string `json:"chunks"` // SHA-256 of each 4 MiB, hex
}

func chunkSum(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

func (m *manifest) find(path string) *backupFile {
	for i := range m.Files {
		if m.Files[i].Path == path {
			return &m.Files[i]
		}
	}
	return nil
}

func writeManifest(fs vfs.FS, dir string, m manifest) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return writeAtomic(fs, dir, manifestName, append([]byte(chunkSum(text)+"\n"), text...))
}

// readManifest reads and checks a manifest. A missing one is an error that is os.ErrNotExist.
func readManifest(fs vfs.FS, dir string) (m manifest, err error) {
	b, err := readSmall(fs, fs.PathJoin(dir, manifestName), maxManifest)
	if err != nil {
		return m, fmt.Errorf("read backup manifest: %w", err)
	}
	sum, text, ok := strings.Cut(string(b), "\n")
	if !ok || sum != chunkSum([]byte(text)) {
		return m, fmt.Errorf("%s: manifest is damaged: %w", dir, ErrBackup)
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, fmt.Errorf("%s: manifest: %w: %w", dir, ErrBackup, err)
	}
	if m.Format > manifestFormat {
		return m, fmt.Errorf("%s was written by a newer Barid (backup format %d): %w", dir, m.Format, ErrBackup)
	}
	for _, f := range m.Files {
		if err := f.check(); err != nil {
			return m, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return m, nil
}

// check refuses names that would lead out of the folders they belong to, and sizes that do not add up.
func (f *backupFile) check() error {
	dir, name, ok := strings.Cut(f.Path, "/")
	known := ok && (dir == "rows" || dir == "bodies") && plainName(name) && plainName(f.Stored)
	if !known {
		return fmt.Errorf("file %q stored as %q: unexpected name: %w", f.Path, f.Stored, ErrBackup)
	}
	if f.Size < 0 || int64(len(f.Chunks)) != (f.Size+chunkLen-1)/chunkLen {
		return fmt.Errorf("file %q: size and checksums do not agree: %w", f.Path, ErrBackup)
	}
	return nil
}

// plainName says whether s is a file name of letters, digits, and ._- that does not begin with a dot.
func plainName(s string) bool {
	if s == "" || s[0] == '.' || len(s) > 200 {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
