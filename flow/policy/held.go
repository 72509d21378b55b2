package policy

import "barid/rfc/addr"

// Outcome is how a transaction ended.
type Outcome struct {
	Accepted bool
	Rcpts    []addr.Mailbox // that the message was accepted for
	Size     int64          // octets received
}

// Holding is what a check holds for a transaction, such as a place within a limit.
type Holding interface {
	// End is called once, when the transaction is over. It must not block.
	End(o Outcome)
}

// Held are the holdings of one transaction, by the name of the check that holds. The zero value is empty. Only
// quick checks may use it: it is for the session's goroutine.
type Held struct {
	names []string
	by    []Holding
}

// Get gives what a check holds, or nil.
func (h *Held) Get(check string) Holding {
	for i, n := range h.names {
		if n == check {
			return h.by[i]
		}
	}
	return nil
}

// Put notes what a check holds. It may hold one thing.
func (h *Held) Put(check string, x Holding) {
	h.names, h.by = append(h.names, check), append(h.by, x)
}

// End tells all holdings how the transaction ended, and forgets them: the first call counts.
func (h *Held) End(o Outcome) {
	by := h.by
	h.names, h.by = nil, nil
	for _, x := range by {
		x.End(o)
	}
}
