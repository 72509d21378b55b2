package imap

import "strconv"

// messageCapabilities are about messages: how they come in, are read, moved and changed.
func messageCapabilities() []capability {
	return []capability{
		{name: "UIDPLUS", when: afterLogin, rfc: "RFC 4315"},
		{name: "MOVE", when: afterLogin, rfc: "RFC 6851"},
		{name: "MULTIAPPEND", when: afterLogin, rfc: "RFC 3502"},
		{name: "CATENATE", when: afterLogin, rfc: "RFC 4469"},
		{name: "REPLACE", when: afterLogin, rfc: "RFC 8508"},
		{name: "URLAUTH", when: afterLogin, rfc: "RFC 4467"},
		{name: "COMPRESS=DEFLATE", when: afterLogin, rfc: "RFC 4978", able: isPlain},
		{name: "UNAUTHENTICATE", when: afterLogin, rfc: "RFC 8437", able: isPlain},
		{name: "APPENDLIMIT", when: afterLogin, rfc: "RFC 7889", value: appendLimit},
		{name: "BINARY", when: afterLogin, rfc: "RFC 3516"},
		{name: "UTF8=ACCEPT", when: afterLogin, rfc: "RFC 9755"},
		{name: "OBJECTID", when: afterLogin, rfc: "RFC 8474"},
		{name: "SAVEDATE", when: afterLogin, rfc: "RFC 8514"},
		{name: "PREVIEW", when: afterLogin, rfc: "RFC 8970"},
	}
}

// appendLimit is the size of the largest message that APPEND takes, for all mailboxes (RFC 7889 §3).
func appendLimit(s *session) string { return strconv.FormatInt(s.srv.set.MaxMessageBytes, 10) }

// messageExtensions are what ENABLE may switch on here.
func messageExtensions() []extensionRow {
	return []extensionRow{
		{name: "UTF8=ACCEPT", bit: extUTF8, on: (*session).enableUTF8Names},
	}
}
