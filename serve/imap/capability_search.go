package imap

// searchCapabilities are about finding and ordering messages.
func searchCapabilities() []capability {
	return []capability{
		{name: "ESEARCH", when: afterLogin, rfc: "RFC 4731"},
		{name: "SEARCHRES", when: afterLogin, rfc: "RFC 5182"},
		{name: "WITHIN", when: afterLogin, rfc: "RFC 5032"},
		{name: "PARTIAL", when: afterLogin, rfc: "RFC 9394"},
	}
}

// searchExtensions are what ENABLE may switch on here.
func searchExtensions() []extensionRow { return nil }
