package imap

// mailboxCommands are about mailboxes: their names, rights, limits and what is told of them.
func mailboxCommands() []command {
	return []command{
		{name: "NAMESPACE", legal: loggedIn, run: cmdNamespace},
		{name: "CREATE", legal: loggedIn, run: cmdCreate},
		{name: "DELETE", legal: loggedIn, run: cmdDelete},
		{name: "RENAME", legal: loggedIn, run: cmdRename},
		{name: "SUBSCRIBE", legal: loggedIn, run: cmdSubscribe},
		{name: "UNSUBSCRIBE", legal: loggedIn, run: cmdUnsubscribe},
		{name: "LIST", legal: loggedIn, run: cmdList},
		{name: "XLIST", legal: loggedIn, run: cmdXlist},
		{name: "LSUB", legal: loggedIn, run: cmdLsub},
		{name: "STATUS", legal: loggedIn, run: cmdStatus},
		{name: "GETQUOTA", legal: loggedIn, run: cmdGetQuota},
		{name: "GETQUOTAROOT", legal: loggedIn, run: cmdGetQuotaRoot},
		{name: "SETQUOTA", legal: loggedIn, run: cmdSetQuota},
		{name: "SETACL", legal: loggedIn, run: cmdSetACL},
		{name: "DELETEACL", legal: loggedIn, run: cmdDeleteACL},
		{name: "GETACL", legal: loggedIn, run: cmdGetACL},
		{name: "LISTRIGHTS", legal: loggedIn, run: cmdListRights},
		{name: "MYRIGHTS", legal: loggedIn, run: cmdMyRights},
		{name: "NOTIFY", legal: loggedIn, run: cmdNotify},
		{name: "GETMETADATA", legal: loggedIn, run: cmdGetMetadata},
		{name: "SETMETADATA", legal: loggedIn, run: cmdSetMetadata},
	}
}
