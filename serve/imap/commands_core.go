package imap

// coreCommands are the session's own, and those about what changes in a mailbox.
func coreCommands() []command {
	return []command{
		{name: "CAPABILITY", legal: anyState, run: cmdCapability},
		{name: "NOOP", legal: anyState, run: cmdNoop},
		{name: "LOGOUT", legal: anyState, silent: true, run: cmdLogout},
		{name: "ID", legal: anyState, run: cmdID},
		{name: "STARTTLS", legal: notAuthenticated, run: cmdStartTLS},
		{name: "AUTHENTICATE", legal: notAuthenticated, run: cmdAuthenticate},
		{name: "LOGIN", legal: notAuthenticated, run: cmdLogin},
		{name: "ENABLE", legal: loggedIn, run: cmdEnable},
		{name: "SELECT", legal: loggedIn, silent: true, run: cmdSelect},
		{name: "EXAMINE", legal: loggedIn, silent: true, run: cmdExamine},
		{name: "IDLE", legal: loggedIn, run: cmdIdle},
		{name: "CHECK", legal: inMailbox, run: cmdCheck},
		{name: "CLOSE", legal: inMailbox, silent: true, run: cmdClose},
		{name: "UNSELECT", legal: inMailbox, silent: true, run: cmdUnselect},
		{name: "EXPUNGE", legal: inMailbox, must: true, run: cmdExpunge},
		{name: "UID EXPUNGE", legal: inMailbox, must: true, run: cmdExpunge},
	}
}
