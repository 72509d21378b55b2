package imap

import (
	"errors"
	"time"

	"barid/rfc/imap"
)

// command describes one IMAP command.
type command struct {
	legal  state // states in which it may come
	quiet  bool  // EXPUNGE must not be told while it runs (RFC 3501 §7.4.1)
	silent bool  // no untagged updates at its end at all
	run    func(*session, *call) error
}

// call is one command being done.
type call struct {
	*imap.Parser
	tag  string
	name string // as the tagged OK repeats it: "FETCH", "UID FETCH"
	uid  bool   // numbers are UIDs
	body *imap.Literal
	code string // response code of the OK, "" for none
	text string // text of the OK; "" is "<name> completed"
}

// commandTable lists every command. "UID X" is the entry for X as a UID command.
func commandTable() map[string]*command {
	return map[string]*command{
		"CAPABILITY":   {legal: anyState, run: cmdCapability},
		"NOOP":         {legal: anyState, run: cmdNoop},
		"LOGOUT":       {legal: anyState, silent: true, run: cmdLogout},
		"ID":           {legal: anyState, run: cmdID},
		"STARTTLS":     {legal: notAuthenticated, run: cmdStartTLS},
		"AUTHENTICATE": {legal: notAuthenticated, run: cmdAuthenticate},
		"LOGIN":        {legal: notAuthenticated, run: cmdLogin},
		"ENABLE":       {legal: loggedIn, run: cmdEnable},
		"NAMESPACE":    {legal: loggedIn, run: cmdNamespace},
		"SELECT":       {legal: loggedIn, silent: true, run: cmdSelect},
		"EXAMINE":      {legal: loggedIn, silent: true, run: cmdExamine},
		"CREATE":       {legal: loggedIn, run: cmdCreate},
		"DELETE":       {legal: loggedIn, run: cmdDelete},
		"RENAME":       {legal: loggedIn, run: cmdRename},
		"SUBSCRIBE":    {legal: loggedIn, run: cmdSubscribe},
		"UNSUBSCRIBE":  {legal: loggedIn, run: cmdUnsubscribe},
		"LIST":         {legal: loggedIn, run: cmdList},
		"LSUB":         {legal: loggedIn, run: cmdLsub},
		"STATUS":       {legal: loggedIn, run: cmdStatus},
		"APPEND":       {legal: loggedIn, run: cmdAppend},
		"IDLE":         {legal: loggedIn, run: cmdIdle},
		"CHECK":        {legal: inMailbox, run: cmdCheck},
		"CLOSE":        {legal: inMailbox, silent: true, run: cmdClose},
		"UNSELECT":     {legal: inMailbox, silent: true, run: cmdUnselect},
		"EXPUNGE":      {legal: inMailbox, run: cmdExpunge},
		"SEARCH":       {legal: inMailbox, quiet: true, run: cmdSearch},
		"FETCH":        {legal: inMailbox, quiet: true, run: cmdFetch},
		"STORE":        {legal: inMailbox, quiet: true, run: cmdStore},
		"COPY":         {legal: inMailbox, quiet: true, run: cmdCopy},
		"MOVE":         {legal: inMailbox, run: cmdMove},
		"UID EXPUNGE":  {legal: inMailbox, run: cmdExpunge},
		"UID SEARCH":   {legal: inMailbox, run: cmdSearch},
		"UID FETCH":    {legal: inMailbox, run: cmdFetch},
		"UID STORE":    {legal: inMailbox, run: cmdStore},
		"UID COPY":     {legal: inMailbox, run: cmdCopy},
		"UID MOVE":     {legal: inMailbox, run: cmdMove},
	}
}

// execute checks that a command may come now, does it, tells what changed meanwhile, and ends it.
func (s *session) execute(in imap.Command) {
	began := time.Now()
	c := &call{Parser: imap.NewParser(in.Args, s.in.Limits()), tag: in.Tag, name: in.Name, body: in.Body}
	if in.Name == "UID" {
		c.name, c.uid = "UID "+c.Word(), true
		c.SP()
	}
	cmd := s.srv.commands[c.name]
	err := s.check(cmd, c)
	if err == nil {
		err = cmd.run(s, c)
	}
	if err2 := s.dropBody(c); err2 != nil {
		s.lost(err2)
	}
	s.commands++
	if errors.Is(err, errAnswered) {
		return
	}
	if err != nil && isConnection(err) {
		s.connectionError(err)
		return
	}
	if cmd != nil && !cmd.silent && s.sel != nil {
		s.update(!cmd.quiet, false)
	}
	s.complete(c, cmd, err, time.Since(began))
}

// check is the pure part: may this come now?
func (s *session) check(cmd *command, c *call) error {
	switch {
	case cmd == nil:
		return badf("unknown command")
	case cmd.legal&s.state() != 0:
		return nil
	case s.state() == notAuthenticated:
		return badf("log in first")
	case cmd.legal == inMailbox:
		return badf("select a mailbox first")
	}
	return badf("already logged in")
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
		text := c.text
		if text == "" {
			text = c.name + " completed"
		}
		s.tagged(c.tag, okLine(c.code, text))
		s.srv.Metrics.done(label, "ok", took)
		return
	}
	r := s.answer(err)
	s.tagged(c.tag, r.line())
	s.srv.Metrics.done(label, r.word(), took)
	if r.bad || r.junk {
		s.countBad()
	}
}
