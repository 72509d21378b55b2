package imap

// messageCommands are about messages: how they come in, are read, moved and changed.
func messageCommands() []command {
	return []command{
		{name: "APPEND", legal: loggedIn, run: cmdAppend},
		{name: "REPLACE", legal: inMailbox, numbers: true, must: true, run: cmdReplace},
		{name: "UID REPLACE", legal: inMailbox, must: true, run: cmdReplace},
		{name: "GENURLAUTH", legal: loggedIn, run: cmdGenURLAuth},
		{name: "RESETKEY", legal: loggedIn, run: cmdResetKey},
		{name: "URLFETCH", legal: loggedIn, run: cmdURLFetch},
		{name: "COMPRESS", legal: loggedIn, run: cmdCompress},
		{name: "UNAUTHENTICATE", legal: loggedIn, silent: true, run: cmdUnauthenticate},
		{name: "FETCH", legal: inMailbox, quiet: true, run: cmdFetch},
		{name: "UID FETCH", legal: inMailbox, run: cmdFetch},
		{name: "STORE", legal: inMailbox, quiet: true, run: cmdStore},
		{name: "UID STORE", legal: inMailbox, run: cmdStore},
		{name: "COPY", legal: inMailbox, quiet: true, run: cmdCopy},
		{name: "UID COPY", legal: inMailbox, run: cmdCopy},
		{name: "MOVE", legal: inMailbox, numbers: true, must: true, run: cmdMove},
		{name: "UID MOVE", legal: inMailbox, must: true, run: cmdMove},
	}
}
