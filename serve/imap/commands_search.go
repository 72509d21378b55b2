package imap

// searchCommands are about finding and ordering messages.
func searchCommands() []command {
	return []command{
		{name: "SEARCH", legal: inMailbox, quiet: true, run: cmdSearch},
		{name: "UID SEARCH", legal: inMailbox, run: cmdSearch},
	}
}
