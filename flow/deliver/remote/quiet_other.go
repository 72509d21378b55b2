//go:build !unix

package remote

import "net"

// quiet believes that an idle connection stands; one that does not is found out by the first command.
func quiet(net.Conn) bool { return true }
