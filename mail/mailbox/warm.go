package mailbox

import "context"

// Warm brings the figures of all mailboxes into memory in one transaction, so that Status of each of them
// afterwards takes no call of the store.
func (a *Account) Warm(ctx context.Context) error {
	return a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err != nil {
			return err
		}
		var cold []ID
		for id, i := range s.cat.byID {
			if i.shape == selectable && acc.box(id).pub.Load() == nil {
				cold = append(cold, id)
			}
		}
		if len(cold) == 0 {
			return nil
		}
		return acc.update(ctx, func(x *tx) error {
			for _, id := range cold {
				if i := x.cat.byID[id]; i != nil && i.shape == selectable {
					if _, err := x.open(i); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}
