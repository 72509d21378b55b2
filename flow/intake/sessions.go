package intake

import (
	"runtime"
	"sync"
	"weak"

	"barid/flow/policy"
	"barid/mail"
)

// session is what intake remembers of a connection between its transactions.
type session struct {
	txs   int                               // transactions begun, for their ids
	found [policy.Helo + 1][]policy.Finding // at Connect and Helo
}

// findings gives what was found before MAIL.
func (s *session) findings() []policy.Finding {
	var all []policy.Finding
	for _, fs := range s.found {
		all = append(all, fs...)
	}
	return all
}

// sessions finds the session of a client. An entry lives exactly as long as the front end's *mail.Client:
// when that is collected the entry goes, so nobody has to say goodbye and nothing can pile up.
type sessions struct{ m sync.Map } // weak.Pointer[mail.Client] -> *session

func (ss *sessions) of(c *mail.Client) *session {
	key := weak.Make(c)
	if s, ok := ss.m.Load(key); ok {
		return s.(*session)
	}
	s, had := ss.m.LoadOrStore(key, new(session))
	if !had {
		runtime.AddCleanup(c, func(k weak.Pointer[mail.Client]) { ss.m.Delete(k) }, key)
	}
	return s.(*session)
}
