package manage

import (
	"context"
	"encoding/json"
	"fmt"

	"barid/base/kv"
	"barid/mail"
)

// Folder is the input of operations that write to a folder of the server's machine.
type Folder struct {
	Path string `json:"path"`
}

// VerifyReport is what store.verify found.
type VerifyReport struct {
	Engine   json.RawMessage `json:"engine"`   // checksums and links, in the engine's words
	Accounts int             `json:"accounts"` // whose rows were recounted
	Problems int             `json:"problems"`
	Found    []string        `json:"found,omitempty"` // the first MaxFound problems
}

// MaxFound is how many problems a report names.
const MaxFound = 100

func storeOperations() []Operation {
	return []Operation{
		op("store.stats", func(ctx context.Context, m *Manager, _ None, _ Progress) (any, error) { return m.Engine.Stats(ctx) }),
		op("store.gc", func(ctx context.Context, m *Manager, _ None, _ Progress) (any, error) { return m.Engine.GC(ctx) }),
		op("store.backup", func(ctx context.Context, m *Manager, in Folder, p Progress) (any, error) {
			if m.Events != nil {
				if err := m.Events.Flush(ctx); err != nil {
					return nil, err
				}
			}
			return m.Engine.Backup(ctx, in.Path, p)
		}),
		op("store.verify", func(ctx context.Context, m *Manager, _ None, p Progress) (VerifyReport, error) {
			return m.verify(ctx, p)
		}),
	}
}

// verify checks the bytes (engine) and what the rows say of each other (mail/mailbox).
func (m *Manager) verify(ctx context.Context, p Progress) (VerifyReport, error) {
	var r VerifyReport
	report, problems, err := m.Engine.Verify(ctx, p)
	if err != nil {
		return r, err
	}
	if r.Engine, err = json.Marshal(report); err != nil {
		return r, err
	}
	r.Problems = problems
	err = m.KV.Parts(ctx, kv.Account, func(part kv.Part) error {
		found, err := m.Mail.Check(ctx, mail.AccountID(part.ID))
		if err != nil {
			return err
		}
		for _, f := range found {
			if r.Problems++; len(r.Found) < MaxFound {
				r.Found = append(r.Found, fmt.Sprintf("account %d: %s", part.ID, f))
			}
		}
		r.Accounts++
		p("accounts", int64(r.Accounts), 0)
		return nil
	})
	return r, err
}
