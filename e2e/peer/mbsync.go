package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"barid/e2e/server"
)

// MbsyncConfig writes dir/mbsyncrc, a channel "all" between an account over TLS at addr and maildirs in dir/mail, which
// it makes. certs is the folder of the server's certificate; channel is what else stands in the channel, e.g. "Patterns *\nSync
// All\n". It gives the path of the file.
func MbsyncConfig(t testing.TB, addr, user, certs, dir, channel string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Write(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(mbsyncConfig, Port(addr), user, server.Password, certs, dir, channel), 0o600)
}

const mbsyncConfig = `IMAPAccount barid
Host localhost
Port %s
User %s
Pass %s
SSLType IMAPS
CertificateFile %s/cert.pem

IMAPStore far
Account barid

MaildirStore near
Path %[5]s/mail/
Inbox %[5]s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
SyncState *
%[6]s`
