package policy

// Links are the checks of an installation by their place in the chain. A nil link is left out. The fields
// stand in the order in which a transaction meets them; Order gives the same as a slice.
type Links struct {
	RateLimit []Check // memory only, so it comes first: what it refuses costs nothing more
	IPRev     Check   // who the peer's address says it is
	Sender    []Check // may this login use this sender (envelope, header)
	Quota     Check   // has the mailbox room
	Allowance []Check // may this login send so much; last, so that it holds no place for what others refuse
}

// Order is the chain: which check comes before which. Findings keep this order, and among refusals of the
// same weight the first in the chain is the answer.
func Order(l Links) []Check {
	chain := make([]Check, 0, 8)
	chain = append(chain, l.RateLimit...) // Mail, Rcpt
	chain = append(chain, l.IPRev)        // Connect
	chain = append(chain, l.Sender...)    // Mail, Data
	chain = append(chain, l.Quota)        // Rcpt
	chain = append(chain, l.Allowance...) // Mail, Rcpt, Data
	return present(chain)
}

// present leaves out what is not wired.
func present(chain []Check) []Check {
	kept := chain[:0]
	for _, c := range chain {
		if c != nil {
			kept = append(kept, c)
		}
	}
	return kept
}
