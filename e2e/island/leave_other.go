//go:build !linux

package island

import (
	"errors"
	"fmt"
	"os"
)

func leave() int {
	fmt.Fprintln(os.Stderr, "island: namespaces are a thing of Linux")
	return 1
}

func reap() int { return 1 }

func settle() error { return errors.ErrUnsupported }
