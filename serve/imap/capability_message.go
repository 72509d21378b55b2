package imap

// messageCapabilities are about messages: how they come in, are read, moved and changed.
func messageCapabilities() []capability {
	return []capability{
		{name: "UIDPLUS", when: afterLogin, rfc: "RFC 4315"},
		{name: "MOVE", when: afterLogin, rfc: "RFC 6851"},
		{name: "MULTIAPPEND", when: afterLogin, rfc: "RFC 3502"},
	}
}

// messageExtensions are what ENABLE may switch on here.
func messageExtensions() []extensionRow { return nil }
