package manage

import (
	"context"
	"time"

	"barid/base/fault"
	"barid/flow/deliver/remote"
	"barid/flow/queue"
	"barid/rfc/addr"
)

// Levels is what is remembered of how well domains were reached. *remote.Levels is one.
type Levels interface {
	Level(ctx context.Context, domain string) (remote.Level, time.Time, error)
	Forget(ctx context.Context, domain string) error
	All(ctx context.Context, f func(remote.Remembered) bool) error
}

// TLSInfo is what is remembered of one domain: mail for it is not sent with less.
type TLSInfo struct {
	Domain string    `json:"domain"`
	Level  string    `json:"level"` // "encrypted" or "verified"
	Last   time.Time `json:"last"`  // when that was last seen, to the day
}

// TLSForgotten is the output of relay.tls.forget.
type TLSForgotten struct {
	TLSInfo
	Queued int `json:"queued"` // entries of the queue that are tried now
}

func relayTLSOperations() []Operation {
	return []Operation{
		op("relay.tls.list", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]TLSInfo, error) {
			out := []TLSInfo{}
			err := m.Relaying.Levels.All(ctx, func(r remote.Remembered) bool {
				out = append(out, TLSInfo{Domain: r.Domain, Level: r.Level.String(), Last: r.Last})
				return true
			})
			return out, err
		}),
		op("relay.tls.forget", func(ctx context.Context, m *Manager, in Named, _ Progress) (TLSForgotten, error) {
			return m.forgetTLS(ctx, in.Name)
		}),
	}
}

// forgetTLS accepts that a domain is reached with less TLS than before, and tries at once what waits for it.
func (m *Manager) forgetTLS(ctx context.Context, name string) (out TLSForgotten, err error) {
	domain, err := addr.ParseDomain(name)
	if err != nil {
		return out, fault.New("B4003", "%q is not a domain", name).Wrap(err)
	}
	level, last, err := m.Relaying.Levels.Level(ctx, domain)
	if err != nil {
		return out, err
	}
	if level == remote.Clear {
		return out, fault.New("B4002", "no TLS is remembered of %q", name).WithFix("barid relay tls list")
	}
	if err := m.Relaying.Levels.Forget(ctx, domain); err != nil {
		return out, err
	}
	out.TLSInfo = TLSInfo{Domain: domain, Level: level.String(), Last: last}
	if m.Queue != nil {
		r, err := m.Queue.Retry(ctx, queue.Selector{Domain: domain}, false)
		out.Queued = r.Matched
		return out, err
	}
	return out, nil
}
