package imap

// searchCommands are about finding and ordering messages.
func searchCommands() []command {
	return []command{
		{name: "SEARCH", legal: inMailbox, quiet: true, run: cmdSearch},
		{name: "UID SEARCH", legal: inMailbox, run: cmdSearch},
		{name: "ESEARCH", legal: loggedIn, run: cmdESearch},
		{name: "LANGUAGE", legal: anyState, run: cmdLanguage},
		{name: "COMPARATOR", legal: loggedIn, run: cmdComparator},
		{name: "CANCELUPDATE", legal: inMailbox, run: cmdCancelUpdate},
		{name: "SORT", legal: inMailbox, quiet: true, run: cmdSort},
		{name: "UID SORT", legal: inMailbox, run: cmdSort},
		{name: "THREAD", legal: inMailbox, quiet: true, run: cmdThread},
		{name: "UID THREAD", legal: inMailbox, run: cmdThread},
	}
}
