package smtp

import (
	"barid/mail"
)

// phase is a state of a session. The legal states of a verb are a set of them.
type phase uint8

const (
	start  phase = 1 << iota // before HELO, EHLO or LHLO, and after STARTTLS
	idle                     // no transaction
	mailed                   // MAIL was taken, no recipient yet
	ready                    // one recipient at least was taken
	chunks                   // a message is coming in by BDAT
	always = start | idle | mailed | ready | chunks
)

// flags are what holds for a verb whatever its arguments are.
type flags uint8

const (
	wantsTLS     flags = 1 << iota // on submission, not before TLS (RFC 8314 §3.3, duty D37)
	wantsLogin                     // on submission, not before AUTH (RFC 6409 §4.3)
	countsAsIdle                   // does nothing for a message: limited by Settings.MaxIdleCommands
	endsChunks                     // breaks off a message that comes in by BDAT
	longLine                       // may be as long as AUTH
	noArgs                         // takes no argument
)

// verb describes one SMTP command. check changes nothing; both may be nil.
type verb struct {
	name    string
	legal   phase
	flags   flags
	check   func(s *session, args []byte) error // may it happen?
	proceed func(s *session, args []byte) error // make it happen
}

// commands are the verbs of all roles. Verbs we know and do not do have no proceed (502).
func commands() []verb {
	return []verb{
		{"HELO", always, countsAsIdle | endsChunks, checkHelo, (*session).helo},
		{"EHLO", always, countsAsIdle | endsChunks, checkHelo, (*session).ehlo},
		{"LHLO", always, countsAsIdle | endsChunks, checkHelo, (*session).ehlo},
		{"MAIL", idle, wantsTLS | wantsLogin, checkMail, (*session).mail},
		{"RCPT", mailed | ready, 0, checkRcpt, (*session).rcpt},
		{"DATA", ready, noArgs, checkData, (*session).data},
		{"BDAT", always, 0, nil, (*session).bdat},                           // sees to its order itself: the chunk must be read in any case
		{"BURL", always, wantsTLS | wantsLogin, checkBURL, (*session).burl}, // sees to its order as BDAT does
		{"RSET", always, countsAsIdle | endsChunks | noArgs, nil, (*session).rset},
		{"NOOP", always, countsAsIdle, nil, (*session).noop},
		{"HELP", always, countsAsIdle, nil, (*session).help},
		{"VRFY", always, countsAsIdle, checkVrfy, (*session).vrfy},
		{"QUIT", always, endsChunks | noArgs, nil, (*session).quit},
		{"STARTTLS", idle, noArgs, checkStartTLS, (*session).startTLS},
		{"AUTH", idle, longLine, checkAuth, (*session).authLogin},
		{name: "EXPN"},
		{name: "ETRN"},
		{name: "TURN"},
		{name: "SEND"},
		{name: "SOML"},
		{name: "SAML"},
	}
}

// verbsOf gives the verbs that sessions of a role know; urls: BURL is done.
func verbsOf(r mail.Role, urls bool) map[string]*verb {
	m := make(map[string]*verb)
	for _, v := range commands() {
		switch v.name {
		case "LHLO":
			if r != mail.RoleLMTP {
				continue
			}
		case "BURL":
			if r != mail.RoleSubmission || !urls {
				v = verb{name: v.name}
			}
		case "HELO", "EHLO":
			if r == mail.RoleLMTP { // RFC 2033 §4.1: must not be taken
				continue
			}
		}
		m[v.name] = &v
	}
	return m
}
