package pop3

import (
	"time"

	"barid/mail"
)

// maxLogins is how many accounts are remembered for Settings.LoginDelay before those are forgotten whose time is over.
const maxLogins = 1024

// mayCome tells whether an account may log in again, and notes that it did (RFC 2449 §8.1.1).
func (srv *Server) mayCome(a mail.AccountID, now time.Time) bool {
	if srv.set.LoginDelay == 0 {
		return true
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if last, ok := srv.logins[a]; ok && now.Sub(last) < srv.set.LoginDelay {
		return false
	}
	if len(srv.logins) >= maxLogins {
		for id, last := range srv.logins {
			if now.Sub(last) >= srv.set.LoginDelay {
				delete(srv.logins, id)
			}
		}
	}
	srv.logins[a] = now
	return true
}
