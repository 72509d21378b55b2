package remote

import "context"

// verp tells whether a server is told a reverse-path of its own for every recipient.
func (a *attempt) verp(ctx context.Context, s *session) bool {
	if s.key.mode != direct || len(a.open) == 0 {
		return false
	}
	_, ok := a.bounce(ctx, a.open[0])
	return ok
}

// bounce gives the reverse-path for one recipient.
func (a *attempt) bounce(ctx context.Context, place int) (string, bool) {
	if !a.e.VERP || a.e.From.Null || a.d.Bounce == nil {
		return "", false
	}
	m, ok := a.d.Bounce(ctx, a.e, a.rcpt(place).To.Mailbox)
	if !ok {
		return "", false
	}
	return "<" + m.String() + ">", true
}

// reversePath gives what MAIL says for a batch, and how much of the batch that is for: with VERP one recipient.
func (a *attempt) reversePath(ctx context.Context, s *session, f *form, batch []int) (string, []int) {
	if s.key.mode == direct && len(batch) > 0 {
		if from, ok := a.bounce(ctx, batch[0]); ok {
			return from, batch[:1]
		}
	}
	return f.from, batch
}
