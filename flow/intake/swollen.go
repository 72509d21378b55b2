package intake

import (
	"sync"
	"time"

	"barid/mail"
)

// swollen remembers messages that came without SIZE and were too big for a mailbox at their end. By then all their
// recipients have to be refused, and they come again. The next time the full one is refused at its RCPT, and
// the others get their mail.
type swollen struct {
	mu   sync.Mutex
	seen map[swollenKey]swollenMessage
}

type swollenKey struct {
	from    string // reverse-path
	account mail.AccountID
}

type swollenMessage struct {
	size int64 // bytes
	at   time.Time
}

// Limits: how many messages are remembered, and for how long.
const (
	maxSwollen = 1024
	swollenFor = 6 * time.Hour
)

// note remembers that a message was too big for the mailboxes.
func (s *swollen) note(from string, full []mail.AccountID, size int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[swollenKey]swollenMessage{}
	}
	for _, id := range full {
		if len(s.seen) >= maxSwollen {
			s.forget(now)
		}
		s.seen[swollenKey{from, id}] = swollenMessage{size, now}
	}
}

// forget makes room: what is too old goes, and one of the others if that is nothing.
func (s *swollen) forget(now time.Time) {
	for k, m := range s.seen {
		if now.Sub(m.at) > swollenFor {
			delete(s.seen, k)
		}
	}
	for k := range s.seen {
		if len(s.seen) < maxSwollen {
			return
		}
		delete(s.seen, k)
	}
}

// size gives the size of what from last brought for one of the accounts and had to take back; 0: nothing.
func (s *swollen) size(from string, to []mail.AccountID, now time.Time) (size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return 0
	}
	for _, id := range to {
		if m, ok := s.seen[swollenKey{from, id}]; ok && now.Sub(m.at) <= swollenFor {
			size = max(size, m.size)
		}
	}
	return size
}

// sizeFor is what the message will have, as far as it is known before it comes.
func (tx *Tx) sizeFor(to []mail.AccountID) int64 {
	if tx.params.Size > 0 || tx.c.Role == mail.RoleLMTP { // LMTP answers for each recipient at the end
		return tx.params.Size
	}
	return tx.in.swollen.size(tx.from.String(), to, tx.in.d.Now())
}
