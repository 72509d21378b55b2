package mime

// Item is an address in an envelope.
type Item struct {
	Name    string
	Mailbox struct{ Local, Domain string }
	Group   string
}
