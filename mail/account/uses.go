package account

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"barid/base/kv"
	"barid/mail"
)

const (
	useEvery = 5 * time.Minute // how often the last use of one application password is written
	maxUses  = 1 << 14         // application passwords whose last use is in memory
)

// uses remembers when application passwords were used, so that a program that logs in for every message does not
// write for every message.
type uses struct {
	mu   sync.Mutex
	last map[application]use
}

type application struct {
	account mail.AccountID
	id      mail.ApplicationID
}

type use struct {
	at, written time.Time
	remote      netip.Addr
}

func newUses() *uses { return &uses{last: make(map[application]use)} }

// note notes a use and tells whether it is to be written.
func (u *uses) note(p Application, remote netip.Addr, now time.Time) (use, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := application{p.Account, p.ID}
	l := u.last[k]
	due := now.Sub(l.written) >= useEvery
	l.at, l.remote = now, remote
	if due {
		l.written = now
	}
	if _, ok := u.last[k]; !ok && len(u.last) >= maxUses {
		clear(u.last) // they are written again a little early
	}
	u.last[k] = l
	return l, due
}

// latest fills in a use that is not written yet.
func (u *uses) latest(p *Application) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if l, ok := u.last[application{p.Account, p.ID}]; ok && l.at.After(p.LastUsed) {
		p.LastUsed, p.LastRemote = l.at.UTC().Truncate(time.Second), l.remote
	}
}

// used notes a login with an application password. A note that can not be written is no reason to refuse it.
func (d *Directory) used(ctx context.Context, p Application, remote netip.Addr) {
	u, due := d.uses.note(p, remote.Unmap().WithZone(""), d.now())
	if !due {
		return
	}
	// Not d.update: no address leads anywhere else after it.
	err := d.kv.Update(ctx, part, func(t kv.Txn) error {
		if _, ok, err := getApplication(t, p.Account, p.ID); err != nil || !ok {
			return err // removed meanwhile
		}
		putUsed(t, p.Account, p.ID, u)
		return nil
	})
	if err != nil {
		d.log.WarnContext(ctx, "use of an application password not noted", slog.String("application", p.Name), slog.Any("error", err))
	}
}
