package remote

import (
	"net/netip"
	"strings"
	"time"
)

// Settings shape a Deliverer. The zero value of every field but HeloName is a good default.
type Settings struct {
	HeloName string   // said in EHLO (RFC 5321 §4.1.1.1), ASCII; a name that leads to the address we come from
	Sources  []Source // addresses that mail leaves from; none: the system chooses
	Port     uint16   // of mail exchangers; 0: 25

	OwnNames []string         // further names of ours, A-labels: an MX of such a name is ourselves
	Listen   []netip.AddrPort // where we take mail; an MX there is ourselves. Port 0 is every port; an unspecified address every address of the machine
	MaxHops  int              // Received fields after which a message is in a loop (RFC 5321 §6.3); 0: 100

	AllowPrivate  bool // loopback, private and reserved addresses may be mail exchangers: tests, islands
	AllowLiterals bool // mail to user@[192.0.2.1] is sent (RFC 5321 §4.1.3), not refused

	Timeouts Timeouts

	MaxHosts    int           // mail exchangers and relays tried in one attempt; 0: 10
	MaxAddrs    int           // addresses of one host tried in one attempt; 0: 8
	MaxRcpts    int           // recipients of one transaction; 0: 100 (RFC 5321 §4.5.3.1.8)
	MaxPerHost  int           // connections to one host at once; 0: 20
	MinPerHost  int           // connections to a host that we know nothing of; it grows with success; 0: 5
	Steady      time.Duration // a host that refused one connection too many is tried with no more for so long; 0: 1 min
	MaxIdle     int           // idle connections in all; 0: 200, negative: none
	IdleTime    time.Duration // a connection is kept for this long without work; 0: 10 s
	MaxMessages int           // messages over one connection; 0: 100
	MaxLife     time.Duration // of a connection; 0: 10 min
	DownFor     time.Duration // a host that can not be reached is tried last for this long; 0: 5 min

	NoChunking     bool          // never BDAT
	DowngradeAfter time.Duration // a message that waited this long for a lost level of TLS fails; 0: 3 days
}

// A Source is an address that mail leaves from, and the name said there.
type Source struct {
	Addr    netip.Addr
	Helo    string   // "": Settings.HeloName
	Domains []string // of senders (A-labels) whose mail leaves here; none: everybody's who has no source of his own
}

// Timeouts are the longest times we wait for a peer (RFC 5321 §4.5.3.2). A peer can not make a stage longer by
// answering slowly: the time counts from the stage's beginning. Zero values are the defaults.
type Timeouts struct {
	Connect   time.Duration // TCP; 0: 30 s
	Stagger   time.Duration // before the next address is tried beside the first (RFC 8305 §5); 0: 250 ms
	Greeting  time.Duration // 0: 5 min (§4.5.3.2.1)
	Hello     time.Duration // EHLO, HELO, RSET, AUTH; 0: 5 min
	TLS       time.Duration // STARTTLS and the handshake; 0: 1 min
	Mail      time.Duration // 0: 5 min (§4.5.3.2.2)
	Rcpt      time.Duration // a RCPT, or all of a pipelined group; 0: 5 min (§4.5.3.2.3)
	DataInit  time.Duration // 0: 2 min (§4.5.3.2.4)
	DataBlock time.Duration // one block of 64 KiB; 0: 3 min (§4.5.3.2.5)
	DataEnd   time.Duration // 0: 10 min (§4.5.3.2.6)
	Quit      time.Duration // 0: 1 s
	Attempt   time.Duration // after it no further host is tried; 0: 30 min
}

// withDefaults fills in what is zero and brings names into one form.
func (s Settings) withDefaults() Settings {
	set(&s.Port, 25)
	set(&s.MaxHops, 100)
	set(&s.MaxHosts, 10)
	set(&s.MaxAddrs, 8)
	set(&s.MaxRcpts, 100)
	set(&s.MaxPerHost, 20)
	set(&s.MinPerHost, min(5, s.MaxPerHost))
	set(&s.MaxIdle, 200)
	set(&s.IdleTime, 10*time.Second)
	set(&s.Steady, time.Minute)
	set(&s.MaxMessages, 100)
	set(&s.MaxLife, 10*time.Minute)
	set(&s.DownFor, 5*time.Minute)
	set(&s.DowngradeAfter, 72*time.Hour)
	s.Timeouts = s.Timeouts.withDefaults()
	names := []string{hostName(s.HeloName)}
	for _, n := range s.OwnNames {
		names = append(names, hostName(n))
	}
	s.OwnNames = names
	return s
}

func (t Timeouts) withDefaults() Timeouts {
	set(&t.Connect, 30*time.Second)
	set(&t.Stagger, 250*time.Millisecond)
	set(&t.Greeting, 5*time.Minute)
	set(&t.Hello, 5*time.Minute)
	set(&t.TLS, time.Minute)
	set(&t.Mail, 5*time.Minute)
	set(&t.Rcpt, 5*time.Minute)
	set(&t.DataInit, 2*time.Minute)
	set(&t.DataBlock, 3*time.Minute)
	set(&t.DataEnd, 10*time.Minute)
	set(&t.Quit, time.Second)
	set(&t.Attempt, 30*time.Minute)
	return t
}

// set gives a zero value its default.
func set[T comparable](v *T, standard T) {
	var zero T
	if *v == zero {
		*v = standard
	}
}

// hostName brings a host name into the form we compare.
func hostName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
