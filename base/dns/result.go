package dns

import "time"

// Meta is what is known of an answer beside its records.
type Meta struct {
	Name      string        // the name asked, lower case, no final dot
	Target    string        // where the records are: Name, or the end of its alias chain
	TTL       time.Duration // how long the records may be kept from now on; the smallest of the chain
	Authentic bool          // the resolver set AD in every answer used (RFC 4035 §3.2.3): as trustworthy as the way to it
	Stale     bool          // expired; given because all resolvers fail (RFC 8767)
	Cached    bool          // no question was sent for it
	Extended  []Extended    // RFC 8914; an answer may carry some too, e.g. 3 Stale Answer
}

// Result is a look-up that found records: at least one. Records belong to the caller.
type Result[T any] struct {
	Records []T
	Meta
}

// MX is a mail exchanger. Host "" is the null MX of RFC 7505: the domain takes no mail.
type MX struct {
	Preference uint16
	Host       string
}

// SRV is a service location (RFC 2782). Target "" means that the service is decidedly not there.
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string
}

// TLSA is a certificate association (RFC 6698 §2.1).
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}
