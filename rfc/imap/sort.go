package imap

// SortField is what messages are ordered by.
type SortField uint8

// The sort criteria of RFC 5256 §3, RFC 5957 §3 and RFC 6203 §5.
const (
	SortArrival SortField = iota
	SortCc
	SortDate
	SortFrom
	SortSize
	SortSubject
	SortTo
	SortDisplayFrom
	SortDisplayTo
	SortRelevancy
)

// SortKey is one criterion.
type SortKey struct {
	Field   SortField
	Reverse bool
}

var sortFields = map[string]SortField{
	"ARRIVAL": SortArrival, "CC": SortCc, "DATE": SortDate, "FROM": SortFrom, "SIZE": SortSize,
	"SUBJECT": SortSubject, "TO": SortTo, "DISPLAYFROM": SortDisplayFrom, "DISPLAYTO": SortDisplayTo,
	"RELEVANCY": SortRelevancy,
}

// maxSortKeys bounds the criteria of one SORT.
const maxSortKeys = 32

// SortKeys reads "(" criteria ")"; REVERSE stands before the criterion it turns round.
func (p *Parser) SortKeys() (out []SortKey) {
	reverse := false
	p.List(func() {
		word := p.Word()
		if word == "REVERSE" && !reverse {
			reverse = true
			return
		}
		field, ok := sortFields[word]
		if !ok || len(out) == maxSortKeys {
			p.fail("no such sort criterion")
		}
		out = append(out, SortKey{field, reverse})
		reverse = false
	})
	if reverse || len(out) == 0 {
		p.fail("a sort criterion is missing")
	}
	return out
}
