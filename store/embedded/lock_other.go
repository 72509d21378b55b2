//go:build !unix

package embedded

import (
	"fmt"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lockHolder names who keeps us from locking path. This system does not tell the process.
func lockHolder(_ vfs.FS, _ string, cause error) string {
	if strings.Contains(cause.Error(), ownLock) {
		return fmt.Sprintf("this process (pid %d)", os.Getpid())
	}
	return "another process"
}
