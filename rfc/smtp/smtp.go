// Package smtp is the wire of SMTP and LMTP: command lines, parameters, replies, and the readers for
// lines, DATA and BDAT. Bytes and values in, values and bytes out.
//
// Life: serve/smtp reads peers with it, flow/intake receives the parameters of an envelope in its types,
// clients (the remote deliverer, barid send) speak through Conn.
// Promises: only CRLF ends a line; only CRLF.CRLF ends DATA; what follows a malformed or oversized
// message is never taken for commands before the real end; no allocation per line.
// Limits: each reader takes its limit from the caller, in octets; the constants below are the RFC's.
// Failure: the sentinel errors of reader.go and data.go, *SyntaxError for parameters, and whatever the
// io.Reader below returns; an end of file inside something is io.ErrUnexpectedEOF.
// Standards: RFC 5321, RFC 1870, RFC 2033, RFC 2034, RFC 2852, RFC 2920, RFC 3030, RFC 3461, RFC 4865,
// RFC 4954, RFC 6152, RFC 6531, RFC 6533, RFC 6710, RFC 8689, RFC 9422.
package smtp

import "time"

// Limits of RFC 5321 §4.5.3.1 and RFC 4954 §4, in octets with CRLF, and what extensions add to them.
const (
	MaxCommandLine = 512   // RFC 5321 §4.5.3.1.4, before extensions
	MaxReplyLine   = 512   // RFC 5321 §4.5.3.1.5
	MaxAuthLine    = 12288 // RFC 4954 §4: AUTH command and responses
	MaxMailLine    = 2048  // 512 + SIZE 26 + BODY 17 + DSN 108 + AUTH 500 + HOLDUNTIL 34 + BY 17 ... rounded up
)

// Body is the argument of the BODY parameter.
const (
	Body7Bit       = "7BIT"
	Body8BitMIME   = "8BITMIME"
	BodyBinaryMIME = "BINARYMIME"
)

// Ret is what a report should return of the message (RFC 3461 §4.3).
const (
	RetFull    = "FULL"
	RetHeaders = "HDRS"
)

// MailParams are the parameters of MAIL. The zero value is MAIL without parameters.
type MailParams struct {
	Size  int64  // octets declared (RFC 1870); 0 not given; values past 2^63-1 are 2^63-1
	Body  string // "", Body7Bit, Body8BitMIME or BodyBinaryMIME (RFC 6152, RFC 3030)
	UTF8  bool   // SMTPUTF8 (RFC 6531 §3.4)
	Ret   string // "", RetFull or RetHeaders (RFC 3461 §4.3)
	EnvID string // decoded, printable ASCII (RFC 3461 §4.4)
	Auth  string // decoded mailbox, or "<>" (RFC 4954 §5); "" not given

	HoldFor    time.Duration // wait before anything is delivered (RFC 4865 §4); 0 not given
	HoldUntil  time.Time     // the same as a point in time; zero: not given. Never both
	By         DeliverBy     // RFC 2852 §4
	Priority   int8          // MT-PRIORITY, -9 to 9 (RFC 6710 §3)
	RequireTLS bool          // REQUIRETLS (RFC 8689 §2)
}

// DeliverBy is the BY parameter (RFC 2852 §4). The zero value is none.
type DeliverBy struct {
	In    time.Duration // from MAIL on; not positive only with ByNotify: it was over before it came to us
	Mode  byte          // ByReturn or ByNotify; 0: none
	Trace bool          // the sender wants to know of every hop
}

// The modes of BY: what is to happen to a message that is late.
const (
	ByReturn = 'R' // it goes back
	ByNotify = 'N' // its sender is told
)

// Notify says when the sender of a recipient wants a report (RFC 3461 §4.1). Zero: not given.
type Notify uint8

// The values of NOTIFY; NotifyNever excludes the others.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// RcptParams are the parameters of RCPT. The zero value is RCPT without parameters.
type RcptParams struct {
	Notify Notify
	ORcpt  string // "rfc822;info@example.org": address type in lower case, address decoded (RFC 3461 §4.2, RFC 6533)
}

// Ext is a set of the extensions that are in force: only their parameters are known.
type Ext uint16

// The extensions that bring parameters with them.
const (
	ExtSize Ext = 1 << iota
	Ext8BitMIME
	ExtBinaryMIME
	ExtUTF8
	ExtDSN
	ExtAuth
	ExtHold      // FUTURERELEASE
	ExtDeliverBy // DELIVERBY
	ExtPriority  // MT-PRIORITY
	ExtTLS       // REQUIRETLS
)
