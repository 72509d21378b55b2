// Package manage is what an administrator can do, as a table of named operations with JSON in and out.
//
// Life: beside a message's life, not in it. `barid domain add` and its like find an operation here; they
// reach it through the admin socket when the server runs, and directly on the opened data folder when not,
// so that a command means the same either way. The admin pages and the HTTP API will call the same table.
// Promise: an operation is checked wholly before it changes anything; what can not be done is a *fault.Fault.
// Limits: a request is at most MaxRequest bytes. Failure: the store's errors pass as B3001.
package manage

import (
	"context"
	"encoding/json"
	"errors"
	"sort"
	"strings"
	"time"

	"barid/base/fault"
	"barid/base/kv"
	"barid/flow/queue"
	"barid/mail/account"
	"barid/mail/allowance"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/mail/search"
)

// MaxRequest is the most bytes of one operation's input.
const MaxRequest = 1 << 20

// Progress is called now and then by an operation that takes long; total is 0 when not known.
type Progress func(what string, done, total int64)

// Caller runs an operation by name, here or in the running server. in and out are values that encode as JSON.
type Caller interface {
	Call(ctx context.Context, name string, in, out any, p Progress) error
}

// Engine is what the store under us can do beyond rows and bodies. Its results are shown as they are.
type Engine interface {
	Stats(ctx context.Context) (any, error)
	Verify(ctx context.Context, p Progress) (report any, problems int, err error)
	Backup(ctx context.Context, dst string, p Progress) (any, error)
	GC(ctx context.Context) (any, error)
}

// Manager holds what the operations work on. It is safe for concurrent use.
type Manager struct {
	Directory *account.Directory
	Mail      *mailbox.Store
	Events    *event.Log
	Engine    Engine
	KV        kv.KV
	Blobs     kv.Blobs
	Queue     *queue.Queue // running, or on an opened folder
	Started   time.Time
	Version   string
	Server    func() []Listening // nil when no server runs in this process
	Book      *allowance.Book    // what logins sent lately
	Host      string             // name of the server, as mail programs are told
	Doors     []Listening        // listeners of the configuration
	Relaying  Relaying
	Around    Around
	Probe     func() (p *Prober, done func(), err error) // nil: this installation can not look at other servers
	Search    *search.Index
}

// Listening is one open listener of the running server.
type Listening struct {
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	Sessions int    `json:"sessions"`
}

// Operation is one row of the table.
type Operation struct {
	Name string // "domain.add"
	run  func(ctx context.Context, m *Manager, in json.RawMessage, p Progress) (any, error)
}

// op makes a row out of a typed function.
func op[In, Out any](name string, f func(ctx context.Context, m *Manager, in In, p Progress) (Out, error)) Operation {
	return Operation{name, func(ctx context.Context, m *Manager, raw json.RawMessage, p Progress) (any, error) {
		var in In
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.DisallowUnknownFields()
		if len(raw) > 0 && string(raw) != "null" {
			if err := d.Decode(&in); err != nil {
				return nil, fault.New("B1004", "the input of %s can not be understood", name).WithFound("%v", err).WithExit(fault.ExitUsage)
			}
		}
		return f(ctx, m, in, p)
	}}
}

// None is the input or output of an operation that has none.
type None struct{}

// Operations lists all, by name.
func Operations() []Operation {
	var all []Operation
	all = append(all, domainOperations()...)
	all = append(all, accountOperations()...)
	all = append(all, aliasOperations()...)
	all = append(all, applicationOperations()...)
	all = append(all, allowanceOperations()...)
	all = append(all, storeOperations()...)
	all = append(all, indexOperations()...)
	all = append(all, watchOperations()...)
	all = append(all, probeOperations()...)
	all = append(all, queueOperations()...)
	all = append(all, relayOperations()...)
	all = append(all, relayRuleOperations()...)
	all = append(all, relayTLSOperations()...)
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Do runs the operation called name.
func (m *Manager) Do(ctx context.Context, name string, in json.RawMessage, p Progress) (any, error) {
	all := Operations()
	i := sort.Search(len(all), func(i int) bool { return all[i].Name >= name })
	if i == len(all) || all[i].Name != name {
		return nil, fault.New("B1004", "there is no operation %q", name).WithExit(fault.ExitUsage)
	}
	if p == nil {
		p = func(string, int64, int64) {}
	}
	out, err := all[i].run(ctx, m, in, p)
	return out, asFault(err)
}

// Call lets a Manager be used as a Caller in the same process.
func (m *Manager) Call(ctx context.Context, name string, in, out any, p Progress) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	res, err := m.Do(ctx, name, raw, p)
	if err != nil {
		return err
	}
	return recode(res, out)
}

// recode passes a value through JSON, so that a call in the process and one over the socket give the same.
func recode(res, out any) error {
	if out == nil {
		return nil
	}
	b, err := json.Marshal(res)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// asFault says in a person's words what the packages below answered.
func asFault(err error) error {
	var f *fault.Fault
	switch {
	case err == nil, errors.As(err, &f):
		return err
	case errors.Is(err, kv.ErrFull):
		return fault.New("B3002", "the disk is full").Wrap(err).WithMeans("new mail is deferred; what is stored can be read").
			WithFix("free space in the data folder; Barid goes on by itself")
	case errors.Is(err, kv.ErrUnavailable), errors.Is(err, kv.ErrClosed), errors.Is(err, kv.ErrCorrupt):
		return fault.New("B3001", "the store can not do this now").Wrap(err).WithFix("barid store verify")
	case errors.Is(err, context.Canceled):
		return fault.New("B1005", "interrupted").Wrap(err)
	}
	if f := relayFault(err); f != nil {
		return f
	}
	return directoryFault(err)
}
