package imap

// mailboxCapabilities are about mailboxes: their names, rights, limits and what is told of them.
func mailboxCapabilities() []capability {
	return []capability{
		{name: "NAMESPACE", when: afterLogin, rfc: "RFC 2342"},
		{name: "CHILDREN", when: afterLogin, rfc: "RFC 3348"},
		{name: "SPECIAL-USE", when: afterLogin, rfc: "RFC 6154"},
		{name: "CREATE-SPECIAL-USE", when: afterLogin, rfc: "RFC 6154 §3"},
		{name: "LIST-EXTENDED", when: afterLogin, rfc: "RFC 5258"},
		{name: "LIST-STATUS", when: afterLogin, rfc: "RFC 5819"},
		{name: "STATUS=SIZE", when: afterLogin, rfc: "RFC 8438"},
		{name: "QUOTA", when: afterLogin, rfc: "RFC 9208"},
		{name: "QUOTASET", when: afterLogin, rfc: "RFC 9208 §4.1.3", able: mayAdminister},
		{name: "QUOTA=RES-STORAGE", when: afterLogin, rfc: "RFC 9208 §5.1"},
		{name: "QUOTA=RES-MESSAGE", when: afterLogin, rfc: "RFC 9208 §5.2"},
		{name: "QUOTA=RES-MAILBOX", when: afterLogin, rfc: "RFC 9208 §5.3"},
		{name: "ACL", when: afterLogin, rfc: "RFC 4314"},
		{name: "RIGHTS=kxte", when: afterLogin, rfc: "RFC 4314 §2.2"},
		{name: "LIST-MYRIGHTS", when: afterLogin, rfc: "RFC 8440"},
		{name: "METADATA", when: afterLogin, rfc: "RFC 5464"},
		{name: "LIST-METADATA", when: afterLogin, rfc: "RFC 9590"},
		{name: "NOTIFY", when: afterLogin, rfc: "RFC 5465"},
		{name: "XLIST", when: afterLogin, rfc: "RFC 6154 §1"},
	}
}

// mailboxExtensions are what ENABLE may switch on here.
func mailboxExtensions() []extensionRow {
	return []extensionRow{
		{name: "METADATA", bit: extMetadata, on: (*session).enableMetadata},
	}
}

func mayAdminister(s *session) bool { return s.admin }
