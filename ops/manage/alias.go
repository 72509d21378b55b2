package manage

import (
	"context"

	"barid/mail/account"
)

// AliasChange is the input of alias.add and alias.set.
type AliasChange struct {
	Address string   `json:"address"`
	Members []string `json:"members"`
}

// AliasInfo describes an alias.
type AliasInfo struct {
	Address string   `json:"address"`
	Members []string `json:"members"`
}

func aliasOperations() []Operation {
	return []Operation{
		op("alias.add", func(ctx context.Context, m *Manager, in AliasChange, _ Progress) (AliasInfo, error) {
			a, err := m.Directory.AddAlias(ctx, account.Alias{Address: in.Address, Members: in.Members})
			return aliasInfo(a), err
		}),
		op("alias.set", func(ctx context.Context, m *Manager, in AliasChange, _ Progress) (AliasInfo, error) {
			a, err := m.Directory.SetAlias(ctx, account.Alias{Address: in.Address, Members: in.Members})
			return aliasInfo(a), err
		}),
		op("alias.show", func(ctx context.Context, m *Manager, in Named, _ Progress) (AliasInfo, error) {
			a, err := m.Directory.Alias(ctx, in.Name)
			return aliasInfo(a), err
		}),
		op("alias.list", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]AliasInfo, error) {
			all, err := m.Directory.Aliases(ctx)
			out := make([]AliasInfo, 0, len(all))
			for _, a := range all {
				out = append(out, aliasInfo(a))
			}
			return out, err
		}),
		op("alias.rm", func(ctx context.Context, m *Manager, in Named, _ Progress) (None, error) {
			return None{}, m.Directory.RemoveAlias(ctx, in.Name)
		}),
	}
}

func aliasInfo(a account.Alias) AliasInfo {
	info := AliasInfo{Address: unicode(a.Address)}
	for _, s := range a.Members {
		info.Members = append(info.Members, unicode(s))
	}
	return info
}
