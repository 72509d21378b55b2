package imap

// searchCapabilities are about finding and ordering messages.
func searchCapabilities() []capability {
	return []capability{
		{name: "ESEARCH", when: afterLogin, rfc: "RFC 4731"},
		{name: "SEARCHRES", when: afterLogin, rfc: "RFC 5182"},
		{name: "WITHIN", when: afterLogin, rfc: "RFC 5032"},
		{name: "PARTIAL", when: afterLogin, rfc: "RFC 9394"},
		{name: "SORT", when: afterLogin, rfc: "RFC 5256 §3"},
		{name: "SORT=DISPLAY", when: afterLogin, rfc: "RFC 5957"},
		{name: "ESORT", when: afterLogin, rfc: "RFC 5267 §3.1"},
		{name: "THREAD=ORDEREDSUBJECT", when: afterLogin, rfc: "RFC 5256 §3"},
		{name: "THREAD=REFERENCES", when: afterLogin, rfc: "RFC 5256 §3"},
		{name: "THREAD=REFS", when: afterLogin, rfc: "draft-ietf-morg-inthread §3"},
		{name: "CONTEXT=SEARCH", when: afterLogin, rfc: "RFC 5267 §4"},
		{name: "CONTEXT=SORT", when: afterLogin, rfc: "RFC 5267 §4"},
		{name: "MULTISEARCH", when: afterLogin, rfc: "RFC 7377"},
		{name: "SEARCH=FUZZY", when: afterLogin, rfc: "RFC 6203", able: hasIndex},
		{name: "UIDONLY", when: afterLogin, rfc: "RFC 9586"},
		{name: "I18NLEVEL=2", when: afterLogin, rfc: "RFC 5255 §4.4"},
		{name: "LANGUAGE", when: always, rfc: "RFC 5255 §3", able: speaks},
		{name: "MESSAGELIMIT", when: afterLogin, rfc: "RFC 9738 §3", able: limitsCommands, value: messageLimitValue},
		{name: "SAVELIMIT", when: afterLogin, rfc: "RFC 9738 §3", able: limitsSaving, value: saveLimitValue},
		{name: "INPROGRESS", when: afterLogin, rfc: "RFC 9585"},
	}
}

// searchExtensions are what ENABLE may switch on here.
func searchExtensions() []extensionRow {
	return []extensionRow{
		{name: "UIDONLY", bit: extUIDOnly, on: (*session).dropNumberContexts},
	}
}
