package imap

import (
	"errors"
	"slices"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// command describes one IMAP command. Each family of extensions has a slice of them, in commands_<family>.go.
type command struct {
	name    string // "UID X" is X with UIDs
	legal   state  // states in which it may come
	quiet   bool   // takes sequence numbers; EXPUNGE must not be told while it runs (RFC 3501 §7.4.1)
	numbers bool   // takes sequence numbers, but may tell EXPUNGE
	must    bool   // tells EXPUNGE whatever follows: its own work
	silent  bool   // no untagged updates at its end at all
	run     func(*session, *call) error
}

// call is one command being done.
type call struct {
	*imap.Parser
	tag      string
	name     string // as the tagged OK repeats it: "FETCH", "UID FETCH"
	uid      bool   // numbers are UIDs
	body     *imap.Literal
	code     string      // response code of the OK, "" for none
	text     string      // text of the OK; "" is "<name> completed"
	modseq   bool        // tell HIGHESTMODSEQ in the OK (RFC 7162 §3.2.7, §3.2.9), unless code is set
	quiet    bool        // as command.quiet, because of what the arguments hold
	whole    bool        // it must look at all messages, so that it is refused if that is too many (RFC 9738 §3.3)
	searched int         // messages it had to look at
	lowest   mailbox.UID // where the work stopped at Settings.CommandMessages; 0: it did not
}

// commandTable joins the families.
func commandTable() map[string]*command {
	all := slices.Concat(coreCommands(), mailboxCommands(), messageCommands(), searchCommands())
	out := make(map[string]*command, len(all))
	for i := range all {
		out[all[i].name] = &all[i]
	}
	return out
}

// knows reports whether there is a command of that name.
func (srv *Server) knows(name string) bool { return srv.commands[name] != nil || name == "UID" }

// newCall begins a command and finds what does it, nil if nothing does.
func (s *session) newCall(in imap.Command) (*call, *command) {
	c := &call{Parser: imap.NewParser(in.Args, s.in.Limits()), tag: in.Tag, name: in.Name, body: in.Body}
	c.UTF8 = s.out.UTF8
	if in.Name == "UID" {
		c.name, c.uid = "UID "+c.Word(), true
		c.SP()
	}
	return c, s.srv.commands[c.name]
}

// execute checks that a command may come now and does it.
func (s *session) execute(in imap.Command) {
	began := time.Now()
	c, cmd := s.newCall(in)
	s.job = job{tag: in.Tag, told: s.srv.Now()}
	if s.revoked() {
		return
	}
	err := s.check(cmd)
	if err == nil {
		err = cmd.run(s, c)
	}
	s.conclude(c, cmd, err, time.Since(began))
}

// conclude tells what changed while a command was done, and ends it. took is 0 for one that waited.
func (s *session) conclude(c *call, cmd *command, err error, took time.Duration) {
	if err == nil || !isConnection(err) {
		if err2 := s.dropBody(c); err2 != nil {
			s.lost(err2)
		}
	}
	s.commands++
	if errors.Is(err, errAnswered) {
		return
	}
	if err != nil && isConnection(err) {
		s.connectionError(err)
		return
	}
	if cmd != nil && !cmd.silent && s.sel != nil && (cmd.must || s.hearsSelected()) {
		s.update(!c.quiet && s.mayExpunge(cmd))
	}
	if cmd != nil && !cmd.silent && !s.ended {
		s.tellNews()
	}
	s.complete(c, cmd, err, took)
}

// check is the pure part: may this come now?
func (s *session) check(cmd *command) error {
	switch {
	case cmd == nil:
		return badf("unknown command")
	case cmd.legal&s.state() != 0:
		return s.checkNumbers(cmd)
	case s.state() == notAuthenticated:
		return badf("log in first")
	case cmd.legal == inMailbox:
		return badf("select a mailbox first")
	}
	return badf("already logged in")
}

// checkNumbers refuses sequence numbers to a client that gave them up (RFC 9586 §3).
func (s *session) checkNumbers(cmd *command) error {
	if s.has(extUIDOnly) && (cmd.quiet || cmd.numbers) {
		return errUIDRequired
	}
	return nil
}

var errUIDRequired = refusal{bad: true, code: "UIDREQUIRED", text: "message numbers are not allowed"}

// mayExpunge reports whether EXPUNGE may be told at the end of cmd. It waits while a command with sequence
// numbers has come already: its numbers are those of before (RFC 3501 §5.5, RFC 9051 §5.5).
func (s *session) mayExpunge(cmd *command) bool {
	if cmd.quiet || cmd.must {
		return cmd.must
	}
	next := s.srv.commands[s.in.NextName()]
	return next == nil || !next.quiet && !next.numbers
}

// dropBody reads past a message that the command did not want.
func (s *session) dropBody(c *call) error {
	if c.body == nil {
		return nil
	}
	return c.body.Refuse()
}

// complete writes the tagged response.
func (s *session) complete(c *call, cmd *command, err error, took time.Duration) {
	label := c.name
	if cmd == nil {
		label = "unknown"
	}
	if err == nil {
		s.bad = max(0, s.bad-1)
		s.tagged(c.tag, okLine(s.tellLimit(c, s.codeOf(c)), s.textOf(c)))
		s.srv.Metrics.done(label, "ok", took)
		return
	}
	r := s.inWords(s.answer(err), err)
	if r.code == codeGone {
		r.code = s.tellLimit(c, r.code)
	}
	s.tagged(c.tag, r.line())
	s.srv.Metrics.done(label, r.word(), took)
	if r.bad || r.junk {
		s.countBad()
	}
}

// codeOf gives the response code of the OK.
func (s *session) codeOf(c *call) string {
	if c.code == "" && s.has(extQResync) && s.sel != nil && (c.modseq || s.sel.vanished) {
		s.sel.vanished = false
		return highestCode(s.sel.view)
	}
	return c.code
}

// textOf gives the text of the OK.
func (s *session) textOf(c *call) string {
	if c.text != "" {
		return s.said(c.text)
	}
	return c.name + " " + s.said("completed")
}
