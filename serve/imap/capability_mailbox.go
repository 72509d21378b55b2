package imap

// mailboxCapabilities are about mailboxes: their names, rights, limits and what is told of them.
func mailboxCapabilities() []capability {
	return []capability{
		{name: "NAMESPACE", when: afterLogin, rfc: "RFC 2342"},
		{name: "CHILDREN", when: afterLogin, rfc: "RFC 3348"},
		{name: "SPECIAL-USE", when: afterLogin, rfc: "RFC 6154"},
	}
}

// mailboxExtensions are what ENABLE may switch on here.
func mailboxExtensions() []extensionRow { return nil }
