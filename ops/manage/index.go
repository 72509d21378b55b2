package manage

import (
	"context"
	"fmt"

	"barid/mail/account"
	"barid/mail/search"
)

// IndexSelector chooses accounts by address; without one, all.
type IndexSelector struct {
	Account string `json:"account,omitempty"`
	Verify  bool   `json:"verify,omitempty"` // index.status: read every row and compare
}

// IndexInfo is how the search index of one account is.
type IndexInfo struct {
	Account string `json:"account"`
	search.Status
	Found []string `json:"found,omitempty"` // what Verify found
}

func indexOperations() []Operation {
	return []Operation{
		op("index.status", func(ctx context.Context, m *Manager, in IndexSelector, p Progress) ([]IndexInfo, error) {
			return m.eachIndex(ctx, in, func(a account.Account, n, of int64) (IndexInfo, error) {
				info, err := m.indexInfo(ctx, a)
				if err == nil && in.Verify {
					info.Found, err = m.Search.Account(a.ID).Verify(ctx)
					p("accounts", n+1, of)
				}
				return info, err
			})
		}),
		op("index.rebuild", func(ctx context.Context, m *Manager, in IndexSelector, p Progress) ([]IndexInfo, error) {
			return m.eachIndex(ctx, in, func(a account.Account, n, of int64) (IndexInfo, error) {
				use, err := m.Mail.Account(a.ID).Usage(ctx)
				if err != nil {
					return IndexInfo{}, err
				}
				what := fmt.Sprintf("%s (%d of %d)", unicode(a.Name), n+1, of)
				err = m.Search.Account(a.ID).Rebuild(ctx, func(done int64) { p(what, min(done, use.Messages), use.Messages) })
				if err != nil {
					return IndexInfo{}, err
				}
				return m.indexInfo(ctx, a)
			})
		}),
	}
}

// eachIndex calls f for the accounts chosen; n counts them from 0.
func (m *Manager) eachIndex(ctx context.Context, in IndexSelector, f func(a account.Account, n, of int64) (IndexInfo, error)) ([]IndexInfo, error) {
	all, err := m.Directory.Accounts(ctx)
	if in.Account != "" {
		var a account.Account
		a, err = m.Directory.ByName(ctx, in.Account)
		all = []account.Account{a}
	}
	if err != nil {
		return nil, err
	}
	out := make([]IndexInfo, 0, len(all))
	for i, a := range all {
		info, err := f(a, int64(i), int64(len(all)))
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

func (m *Manager) indexInfo(ctx context.Context, a account.Account) (IndexInfo, error) {
	s, err := m.Search.Account(a.ID).Status(ctx)
	return IndexInfo{Account: unicode(a.Name), Status: s}, err
}
