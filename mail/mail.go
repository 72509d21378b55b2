// Package mail holds the nouns that the whole of Barid speaks in: who owns a mailbox, what an envelope is.
//
// Life: made by the front ends and flow/intake, carried through policy, route and deliver, kept by the
// packages below this one. No sockets, no files, no SQL here.
package mail

import (
	"net/netip"
	"strconv"
	"time"

	"barid/base/kv"
)

// AccountID is the number of an account, never used again after the account is removed. Zero is nobody.
type AccountID uint64

// Part is the partition that holds everything the account owns.
func (a AccountID) Part() kv.Part { return kv.Part{Kind: kv.Account, ID: uint64(a)} }

// String gives the number in decimal.
func (a AccountID) String() string { return strconv.FormatUint(uint64(a), 10) }

// ApplicationID is the number of an application password among those of its account, never used again. Zero is
// none: the account's own password.
type ApplicationID uint32

// Role is what a listener or session is for.
type Role byte

// The roles of RFC 5598's agents that a session can play with us.
const (
	RoleMX         Role = iota // from the world, port 25
	RoleSubmission             // from people and programs that log in, 587 and 465
	RoleLMTP                   // from a trusted MTA, RFC 2033
	RoleLocal                  // from programs on this machine, through a socket that only they can open (sendmail)
)

// String gives the role's name in configuration, logs and metrics.
func (r Role) String() string {
	return [...]string{"mx", "submission", "lmtp", "local", "unknown"}[min(r, RoleLocal+1)]
}

// Client is what is known of the peer of a session. It is filled by a front end and read by everything
// behind it. The zero Login means nobody logged in.
type Client struct {
	Session string // correlation id of the session, as base/id makes it
	Role    Role
	Remote  netip.AddrPort // the real peer (after PROXY)
	Local   netip.AddrPort
	Helo    string    // argument of HELO, EHLO or LHLO as given; "" before
	ESMTP   bool      // EHLO or LHLO was used
	TLS     string    // "" or e.g. "TLS1.3 TLS_AES_128_GCM_SHA256" for Received and the log
	Login   AccountID // who logged in; 0 nobody
	User    string    // the name that was used to log in; of RoleLocal the user of the machine, "" if not known
	Started time.Time

	// The application password that logged in; zero and "" for the account's own password.
	Application     ApplicationID
	ApplicationName string
}

// Known tells whether the peer is one of ours: it logged in, or is a program on this machine. It may send to
// everywhere, and is told what became of it.
func (c *Client) Known() bool { return c.Login != 0 || c.Role == RoleLocal }

// Protocol is the "with" word of Received: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, LMTP...; utf8 gives the
// UTF8 forms (RFC 3848, RFC 6531 §4.3).
func (c *Client) Protocol(utf8 bool) string {
	s := "SMTP"
	switch {
	case c.Role == RoleLMTP:
		s = "LMTP"
	case utf8:
		s = "SMTP"
	case c.ESMTP:
		s = "ESMTP"
	}
	if utf8 {
		s = "UTF8" + s
	}
	if c.TLS != "" {
		s += "S"
	}
	if c.Login != 0 {
		s += "A"
	}
	return s
}
