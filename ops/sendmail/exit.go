// Package sendmail is what programs of this machine expect of a command called sendmail: its flags, its way to
// read a message, its exit codes.
//
// Life: before a message's life. The command (cmd/barid, called by that name or as barid shim sendmail) reads the
// whole message from standard input, finds sender and recipients, and hands it to the server by SMTP over a
// socket that only programs of this machine can open; from there on it is a message like every other.
//
// Promises: exit 0 means that the server has said 250 for every recipient; any other code, that nobody got it.
// Lines may end with LF, CRLF or CR: on the wire they end with CRLF. Addresses without a domain, in the envelope
// and in the header section, are completed with the name of the server. Bcc is removed by the server.
// With more recipients than the server takes at once, all are asked about before the first gets the message.
//
// Limits: the header section in bytes, recipients; a message longer than memoryBytes waits in a file without a
// name. Failure: *Exit with a code of sysexits.h and words for the log of whoever called.
//
// Standards: the flags of Sendmail 8 and Postfix; RFC 5321, RFC 5322 §3.6.3, §3.6.6; RFC 3461; RFC 6531.
package sendmail

import (
	"errors"
	"fmt"

	"barid/rfc/smtp"
)

// Exit codes of sysexits.h.
const (
	OK          = 0
	Usage       = 64 // flags or addresses in the arguments are wrong
	DataErr     = 65 // the message is
	NoUser      = 67 // a recipient does not exist
	NoHost      = 68 // the domain of one does not
	Unavailable = 69 // what was asked for is refused, or is not done here
	Software    = 70 // a fault of ours
	OSErr       = 71 // of the system
	TempFail    = 75 // try again later
	NoPerm      = 77 // not allowed
	Config      = 78 // the configuration can not be used
)

// Exit is why a command ends as it does.
type Exit struct {
	Code  int
	Text  string
	Cause error // may be nil
}

// Error gives the words with their cause.
func (e *Exit) Error() string {
	if e.Cause != nil {
		return e.Text + ": " + e.Cause.Error()
	}
	return e.Text
}

// Unwrap gives the cause.
func (e *Exit) Unwrap() error { return e.Cause }

func exit(code int, cause error, format string, args ...any) *Exit {
	return &Exit{code, fmt.Sprintf(format, args...), cause}
}

// CodeOf is what a command that failed with err exits with; an error without a code is ours.
func CodeOf(err error) int {
	var e *Exit
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.Code
	}
	return Software
}

// exitOf gives the code that tells what a server's refusal means.
func exitOf(r smtp.Reply) int {
	switch {
	case r.Code/100 == 4:
		return TempFail
	case r.Code/100 != 5:
		return Software
	}
	switch r.Enhanced {
	case "5.1.1", "5.1.6":
		return NoUser
	case "5.1.2", "5.1.10":
		return NoHost
	case "5.1.0", "5.1.3", "5.1.7", "5.1.8", "5.3.4", "5.6.0", "5.6.7", "5.6.11":
		return DataErr
	}
	if len(r.Enhanced) > 4 && r.Enhanced[:4] == "5.7." {
		return NoPerm
	}
	if r.Code == 552 {
		return DataErr
	}
	return Unavailable
}
