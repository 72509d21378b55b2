package imapmodel

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/mime"
	"barid/serve/imap"
	"barid/store/embedded"
	"barid/store/memory"
)

const (
	user     = "info@example.test"
	other    = "demo@example.test"
	password = "secret"
)

// engine is a store of rows and bodies.
type engine interface {
	kv.KV
	kv.Blobs
	Close() error
}

// users are the accounts.
var users = [2]string{user, other}

// world is a server over a store, with two accounts.
type world struct {
	dir    string // of store/embedded; "": store/memory
	kills  int
	clock  atomic.Int64  // seconds since it began
	awake  time.Duration // Settings.AwakeTime
	store  engine
	mail   *mailbox.Store
	ids    [2]mail.AccountID
	accts  [2]*mailbox.Account
	search *search.Index
	imap   *imap.Server
	ctx    context.Context
	cancel context.CancelFunc
	conns  sync.WaitGroup
}

// now is the store's time, which goes on from step to step.
func (w *world) now() time.Time { return time.Unix(1_700_000_000+w.clock.Load(), 0) }

func newWorld(dir string, awake time.Duration) *world {
	w := &world{dir: dir, awake: awake}
	w.open()
	return w
}

func (w *world) open() {
	w.ctx, w.cancel = context.WithCancel(context.Background())
	switch {
	case w.dir == "" && w.store == nil:
		w.store = memory.New()
	case w.dir != "":
		s, err := embedded.Open(w.dir, embedded.Options{})
		check(err)
		w.store = s
	}
	w.mail = mailbox.Open(w.store, w.store, mailbox.Options{Now: w.now})
	w.search = search.Open(w.store, w.mail, search.Options{}) // not started: histories say when messages are indexed
	who := w.accounts()
	set := imap.DefaultSettings("mail.example.test")
	set.PlainLogin, set.AwakeTime = true, w.awake
	w.imap = imap.New(imap.Deps{
		Mail: w.mail, Blobs: w.store, Accounts: who, Index: w.search, IDs: id.NewSource(time.Now),
		Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})),
	}, set)
}

// accounts opens the directory, with the accounts in it.
func (w *world) accounts() *account.Directory {
	dir, err := account.Open(w.store, account.Options{Hash: account.HashCost{Memory: 8, Time: 1, Threads: 1}})
	check(err)
	for i, name := range users {
		a, err := dir.ByName(w.ctx, name)
		if err != nil && i == 0 {
			_, err = dir.AddDomain(w.ctx, account.Domain{Name: "example.test"})
			check(err)
		}
		if a.ID == 0 {
			a, err = dir.AddAccount(w.ctx, account.Account{Name: name, Addresses: []string{name}}, password)
			check(err)
			check(w.mail.Account(a.ID).Init(w.ctx, mailbox.Quota{}))
		}
		w.ids[i], w.accts[i] = a.ID, w.mail.Account(a.ID)
	}
	return dir
}

// restart ends the server and begins another one over the same store.
func (w *world) restart() {
	w.stop()
	if w.dir != "" {
		check(w.store.Close())
	}
	w.open()
}

// kill ends the server as a killed process ends: what it has not given to the kernel is lost. The next one runs in a copy
// of the folder that was made before this one could tidy up.
func (w *world) kill() {
	if w.dir == "" {
		w.restart()
		return
	}
	w.conns.Wait()
	to := fmt.Sprintf("%s.%d", strings.TrimSuffix(w.dir, fmt.Sprintf(".%d", w.kills)), w.kills+1)
	w.kills++
	check(os.CopyFS(to, os.DirFS(w.dir)))
	w.stop()
	check(w.store.Close())
	check(os.RemoveAll(w.dir))
	w.dir = to
	w.open()
}

// stop ends the server. Connections must be closed before.
func (w *world) stop() {
	w.conns.Wait()
	w.cancel()
	w.mail.Close()
}

func (w *world) close() {
	w.stop()
	_ = w.store.Close()
}

// dial opens a connection and gives the client's end.
func (w *world) dial() pipe {
	up, down := newHalf(), newHalf()
	server := pipe{in: up, out: down}
	done := make(chan struct{})
	w.conns.Go(func() {
		defer close(done)
		defer server.Close()
		w.imap.ServeConn(w.ctx, server, server.peer())
	})
	return pipe{in: down, out: up, done: done}
}

// deliver brings a message from outside. The error is of its delivery.
func (w *world) deliver(box, text string, f flags) error {
	b, err := w.store.Create(w.ctx)
	check(err)
	defer b.Close()
	_, err = io.WriteString(b, text)
	check(err)
	blob, err := b.Commit(nil, nil)
	check(err)
	dst := mailbox.Destination{Account: w.ids[accountOf(box)], Mailbox: bare(box)}
	for i, word := range words {
		switch {
		case f&(1<<i) == 0:
		case system&(1<<i) == 0:
			dst.Keywords = append(dst.Keywords, word)
		default:
			dst.Flags |= systemBits[i]
		}
	}
	_, err = w.mail.Deliver(w.ctx, &mailbox.Message{
		Blob: blob, Size: int64(len(text)), Parsed: mime.Scan([]byte(text), mime.DefaultLimits()), Received: time.Now(),
	}, []mailbox.Destination{dst})
	return err
}

// systemBits are the store's bits of words.
var systemBits = []mailbox.Flags{mailbox.Answered, mailbox.Flagged, mailbox.Deleted, mailbox.Seen, mailbox.Draft}

// failure is what a history ends with when the server is not as the model.
type failure struct{ text string }

func (f failure) Error() string { return f.text }
