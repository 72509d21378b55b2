package addr

// Kind tells what an Item is.
type Kind uint8

// The kinds of items. A group is GroupStart, its addresses, GroupEnd; "undisclosed-recipients:;" is the
// first and the last alone.
const (
	Address Kind = iota
	GroupStart
	GroupEnd
)

// Item is one element of an address list as RFC 5322 §3.4 and §4.4 have it, as it was written: nothing
// is canonical here, bytes above 127 are kept.
type Item struct {
	Kind Kind
	// Name is the display name: quotes and backslashes removed, runs of white space made one space,
	// encoded words (RFC 2047) left raw. Without one it is the last comment ("a@example.test (Info)").
	// Of a GroupStart it is the group's name.
	Name string
	// Route is an obsolete source route, "@a,@b", or "".
	Route string
	// Mailbox is the address as written: Local without quotes, Domain in its own case and labels. Domain
	// is "" if the address had none; both are "" for "<>" and for words that are no address.
	Mailbox Mailbox
	// Group is the name of the group the address stands in, or "".
	Group string
}

// Canonical gives the item's address in the canonical form that paths have.
func (it Item) Canonical() (Mailbox, error) {
	return canonical(it.Mailbox)
}

// ParseList reads an address list (RFC 5322 §3.4, obsolete forms of §4.4, and what is found in the
// wild) in time linear in s. It gives the best that can be made of any input; the only error is
// TooManyItems when there were more than max items, and then the first max of them are given.
func ParseList(s string, max int) ([]Item, error) {
	if items := parsePlain(s, max); items != nil {
		return items, nil
	}
	p := lister{s: s, max: max}
	return p.run()
}
