package manage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail/event"
)

// Status is one screen of what is going on.
type Status struct {
	Running   bool        `json:"running"` // a server answers; false when the folder was opened directly
	Version   string      `json:"version"`
	Started   time.Time   `json:"started"`
	Listeners []Listening `json:"listeners,omitempty"`
	Domains   int         `json:"domains"`
	Accounts  int         `json:"accounts"`
	Aliases   int         `json:"aliases"`
	Messages  int64       `json:"messages"`
	Bytes     int64       `json:"bytes"`
	Queue     QueueCounts `json:"queue"`
	Trouble   string      `json:"trouble,omitempty"`  // why mail can not be stored now
	Troubles  []EventInfo `json:"troubles,omitempty"` // the last refusals, deferrals and failed attempts

	Stages       []StageTime        `json:"stages,omitempty"` // how long things took, in the newest events
	Certificates []CertificateState `json:"certificates,omitempty"`
	Disk         *DiskState         `json:"disk,omitempty"`
	Hosts        []HostState        `json:"hosts_down,omitempty"` // other servers that can not be reached, the worst 10
	HostsDown    int                `json:"hosts_down_count"`
	CutOff       bool               `json:"cut_off"` // no other server could be reached since the start
}

// EventInfo is one thing that happened to a message.
type EventInfo struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	Session string    `json:"session"`
	From    string    `json:"from"`
	To      []string  `json:"to,omitempty"`
	Remote  string    `json:"remote,omitempty"`
	Size    int64     `json:"size,omitempty"`
	Status  string    `json:"status,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Stage   string    `json:"stage,omitempty"`
	Timing  string    `json:"timing,omitempty"`
	Host    string    `json:"host,omitempty"`   // other server of an attempt
	Answer  string    `json:"answer,omitempty"` // its words
}

func watchOperations() []Operation {
	return []Operation{
		op("status", func(ctx context.Context, m *Manager, _ None, _ Progress) (Status, error) { return m.status(ctx) }),
		op("trace.message", func(ctx context.Context, m *Manager, in TraceQuery, _ Progress) (Trace, error) {
			return m.trace(ctx, in)
		}),
	}
}

func (m *Manager) status(ctx context.Context) (Status, error) {
	st := Status{Version: m.Version, Started: m.Started}
	if m.Server != nil {
		st.Running, st.Listeners = true, m.Server()
	}
	if err := m.Ready(ctx); err != nil {
		st.Trouble = err.Error()
	}
	if err := m.holds(ctx, &st); err != nil {
		return st, err
	}
	if m.Queue != nil {
		var err error
		if st.Queue, err = m.queueCounts(ctx); err != nil {
			return st, err
		}
	}
	if st.Trouble == "" { // what happened a moment ago counts too, if the disk takes it
		wait, cancel := context.WithTimeout(ctx, readyWait)
		defer cancel()
		if err := m.Events.Flush(wait); err != nil {
			st.Trouble = err.Error()
		}
	}
	r, err := m.recently(ctx)
	st.Troubles, st.Stages = r.troubles, r.stageTimes()
	st.around(&m.Around)
	return st, err
}

// holds counts domains, accounts and their mail.
func (m *Manager) holds(ctx context.Context, st *Status) error {
	domains, err := m.domains(ctx)
	if err != nil {
		return err
	}
	st.Domains = len(domains)
	for _, d := range domains {
		st.Accounts, st.Aliases = st.Accounts+d.Accounts, st.Aliases+d.Aliases
	}
	accounts, err := m.Directory.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		use, err := m.Mail.Account(a.ID).Usage(ctx)
		if err != nil {
			return err
		}
		st.Messages, st.Bytes = st.Messages+use.Messages, st.Bytes+use.Bytes
	}
	return nil
}

// readyWait is how long the store may take for what should take a moment.
const readyWait = 2 * time.Second

// Ready tells whether mail can be stored: it makes an empty commit, which goes to the disk.
func (m *Manager) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	err := m.KV.Update(ctx, kv.Part{Kind: kv.Global}, func(kv.Txn) error { return nil })
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the store did not answer within %s: %w", readyWait, kv.ErrUnavailable)
	}
	return err
}

func eventInfo(e event.Event) EventInfo {
	info := EventInfo{
		Time: e.Time, Kind: e.Kind.String(), ID: e.ID, Session: e.Session, From: e.From, To: e.To,
		Size: e.Size, Reason: e.Reason, Stage: e.Stage,
	}
	if e.Remote.IsValid() {
		info.Remote = e.Remote.String()
	}
	if e.Code != 0 {
		info.Status = strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced))
	}
	if h := e.Hop; h != nil {
		info.Host, info.Answer = h.Host, h.Text
	}
	if t := e.Timing; t != (event.Timing{}) {
		info.Timing = fmt.Sprintf("receive %s, check %s, store %s, deliver %s", t.Receive, t.Check, t.Store, t.Deliver)
	}
	return info
}
