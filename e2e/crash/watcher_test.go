package crash

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// watcher is an IMAP client that remembers every UID it was ever shown.
type watcher struct {
	account, mailbox string

	mu       sync.Mutex
	validity string
	ids      map[uint32]string
	next     uint32
	last     uint32 // the highest UID seen
}

func newWatcher(account string) *watcher {
	return &watcher{account: account, mailbox: "INBOX", ids: map[uint32]string{}}
}

// tailWatched is how many of the latest messages are looked at again after each restart.
const tailWatched = 100

// watch is a session: it looks again at what it saw last, then at what comes.
func (w *watcher) watch(c *client) error {
	conn, err := wire.LoginIMAP(c.s.Addr["imaps"], c.from, w.account, server.Password)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	if err := w.open(conn); err != nil {
		return err
	}
	w.mu.Lock()
	from := uint32(1)
	if w.last > tailWatched {
		from = w.last - tailWatched
	}
	w.mu.Unlock()
	for {
		if err := w.look(conn, from); err != nil {
			return err
		}
		w.mu.Lock()
		from = w.last + 1
		w.mu.Unlock()
		if !c.pause(80) {
			return nil
		}
	}
}

// open selects the mailbox and holds UIDVALIDITY and UIDNEXT against what they were.
func (w *watcher) open(conn *wire.IMAP) error {
	r, err := conn.Do("SELECT " + w.mailbox)
	if err != nil {
		return err
	}
	if !r.OK() {
		return &wire.Unexpected{What: "SELECT", Got: r.Tagged}
	}
	validity, next := code(r, "UIDVALIDITY"), code(r, "UIDNEXT")
	n, err := strconv.ParseUint(next, 10, 32)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil || validity == "":
		return fmt.Errorf("SELECT told UIDVALIDITY %q and UIDNEXT %q", validity, next)
	case w.validity != "" && w.validity != validity:
		return fmt.Errorf("UIDVALIDITY of %s went from %s to %s", w.account, w.validity, validity)
	case uint32(n) < w.next || uint32(n) <= w.last:
		return fmt.Errorf("UIDNEXT of %s is %d; it was %d, and UID %d was seen", w.account, n, w.next, w.last)
	}
	w.validity, w.next = validity, uint32(n)
	return nil
}

// code gives the value of a response code such as [UIDNEXT 5].
func code(r wire.Result, name string) string {
	for _, line := range append(r.Untagged, r.Tagged) {
		if _, rest, ok := strings.Cut(line, "["+name+" "); ok {
			value, _, _ := strings.Cut(rest, "]")
			return value
		}
	}
	return ""
}

// look fetches the ids of all messages from UID from on. What was seen before must be there as it was.
func (w *watcher) look(conn *wire.IMAP, from uint32) error {
	r, err := conn.Do(fmt.Sprintf("UID FETCH %d:* (UID BODY.PEEK[HEADER.FIELDS (%s)])", from, idField))
	if err != nil {
		return err
	}
	fetched, err := r.Fetches()
	if err != nil || !r.OK() {
		return fmt.Errorf("UID FETCH: %q %w", r.Tagged, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := map[uint32]bool{}
	for _, f := range fetched {
		uid, id := f.UID(), field([]byte("\r\n"+f.Items["BODY[HEADER.FIELDS ("+strings.ToUpper(idField)+")]"].Text), idField)
		now[uid] = true
		if old, ok := w.ids[uid]; ok && old != id {
			return fmt.Errorf("UID %d of %s was %q and is %q", uid, w.account, old, id)
		}
		w.ids[uid], w.last = id, max(w.last, uid)
	}
	for uid := from; uid <= w.last; uid++ {
		if id, ok := w.ids[uid]; ok && !now[uid] {
			return fmt.Errorf("UID %d of %s (%s) was shown and is gone", uid, w.account, id)
		}
	}
	return nil
}

// confirm compares everything that was ever seen with the ids by UID that are there in the end.
func (w *watcher) confirm(found map[uint32]string) (wrong []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for uid, id := range w.ids {
		if found[uid] != id {
			wrong = append(wrong, fmt.Sprintf("UID %d of %s was shown as %q and is %q", uid, w.account, id, found[uid]))
		}
	}
	return wrong
}
