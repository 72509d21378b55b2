package imapmodel

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"barid/base/id"
	"barid/base/kv"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/mime"
	"barid/serve/imap"
	"barid/store/embedded"
	"barid/store/memory"
)

const (
	user     = "info@example.test"
	password = "secret"
)

// engine is a store of rows and bodies.
type engine interface {
	kv.KV
	kv.Blobs
	Close() error
}

// world is a server over a store, with one account.
type world struct {
	dir    string // of store/embedded; "": store/memory
	store  engine
	mail   *mailbox.Store
	id     mail.AccountID
	acct   *mailbox.Account
	imap   *imap.Server
	ctx    context.Context
	cancel context.CancelFunc
	conns  sync.WaitGroup
}

func newWorld(dir string) *world {
	w := &world{dir: dir}
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
	w.mail = mailbox.Open(w.store, w.store, mailbox.Options{})
	who := w.account()
	set := imap.DefaultSettings("mail.example.test")
	set.PlainLogin = true
	w.imap = imap.New(imap.Deps{
		Mail: w.mail, Blobs: w.store, Accounts: who, IDs: id.NewSource(time.Now),
		Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})),
	}, set)
}

// account opens the directory, with the account in it.
func (w *world) account() *account.Directory {
	dir, err := account.Open(w.store, account.Options{Hash: account.HashCost{Memory: 8, Time: 1, Threads: 1}})
	check(err)
	a, err := dir.ByName(w.ctx, user)
	if err != nil {
		_, err = dir.AddDomain(w.ctx, account.Domain{Name: "example.test"})
		check(err)
		a, err = dir.AddAccount(w.ctx, account.Account{Name: user, Addresses: []string{user}}, password)
		check(err)
	}
	w.id, w.acct = a.ID, w.mail.Account(a.ID)
	check(w.acct.Init(w.ctx, mailbox.Quota{}))
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

// deliver brings a message from outside.
func (w *world) deliver(box, text string, f flags) {
	b, err := w.store.Create(w.ctx)
	check(err)
	defer b.Close()
	_, err = io.WriteString(b, text)
	check(err)
	blob, err := b.Commit(nil, nil)
	check(err)
	dst := mailbox.Destination{Account: w.id, Mailbox: box}
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
	check(err)
}

// systemBits are the store's bits of words.
var systemBits = []mailbox.Flags{mailbox.Answered, mailbox.Flagged, mailbox.Deleted, mailbox.Seen, mailbox.Draft}

// failure is what a history ends with when the server is not as the model.
type failure struct{ text string }

func (f failure) Error() string { return f.text }
