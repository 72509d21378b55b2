package imap

// messageCapabilities are about messages: how they come in, are read, moved and changed.
func messageCapabilities() []capability {
	return []capability{
		{name: "UIDPLUS", when: afterLogin, rfc: "RFC 4315"},
		{name: "MOVE", when: afterLogin, rfc: "RFC 6851"},
		{name: "MULTIAPPEND", when: afterLogin, rfc: "RFC 3502"},
		{name: "BINARY", when: afterLogin, rfc: "RFC 3516"},
		{name: "UTF8=ACCEPT", when: afterLogin, rfc: "RFC 9755"},
		{name: "SAVEDATE", when: afterLogin, rfc: "RFC 8514"},
		{name: "PREVIEW", when: afterLogin, rfc: "RFC 8970"},
	}
}

// messageExtensions are what ENABLE may switch on here.
func messageExtensions() []extensionRow {
	return []extensionRow{
		{name: "UTF8=ACCEPT", bit: extUTF8, on: (*session).enableUTF8Names},
	}
}
