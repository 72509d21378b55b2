package pop3

import (
	"time"

	"barid/mail"
)

// maxLogins is how many accounts are remembered for Settings.LoginDelay before those are forgotten whose time is over.
const maxLogins = 1024

// mayCome tells whether an account may log in again (RFC 2449 §8.1.1).
func (srv *Server) mayCome(a mail.AccountID, now time.Time) bool {
	if srv.set.LoginDelay == 0 {
		return true
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	last, ok := srv.logins[a]
	return !ok || now.Sub(last) >= srv.set.LoginDelay
}

// came notes a login that was answered +OK: only from such a one the delay counts (RFC 2449 §6.5), not from one that found the
// maildrop in use.
func (srv *Server) came(a mail.AccountID, now time.Time) {
	if srv.set.LoginDelay == 0 {
		return
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if len(srv.logins) >= maxLogins {
		for id, last := range srv.logins {
			if now.Sub(last) >= srv.set.LoginDelay {
				delete(srv.logins, id)
			}
		}
	}
	srv.logins[a] = now
}
