package embedded

import (
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// folderLock is held while the folder is open. The system drops it when the process ends, however it ends.
type folderLock struct{ c io.Closer }

func lockFolder(fs vfs.FS, dir string) (*folderLock, error) {
	path := fs.PathJoin(dir, "LOCK")
	c, err := fs.Lock(path)
	if err == nil {
		return &folderLock{c}, nil
	}
	if who := lockHolder(fs, path, err); who != "" {
		return nil, fmt.Errorf("%s is in use by %s: %w", dir, who, ErrLocked)
	}
	return nil, storageError("lock "+dir, err)
}

func (l *folderLock) Close() error { return l.c.Close() }

// ownLock is the text with which vfs tells that this very process holds a lock. It has no typed error.
const ownLock = "lock held by current process"
