package imap

// coreCapabilities are the protocol itself, login, and what is told of a mailbox's changes.
func coreCapabilities() []capability {
	return []capability{
		{name: "IMAP4rev1", when: always, rfc: "RFC 3501"},
		{name: "IMAP4rev2", when: always, rfc: "RFC 9051", needs: rev2Needs()},
		{name: "LITERAL+", when: always, rfc: "RFC 7888 §5"},
		{name: "LITERAL-", when: always, rfc: "RFC 7888 §5", able: shortLiterals},
		{name: "SASL-IR", when: always, rfc: "RFC 4959"},
		{name: "ID", when: always, rfc: "RFC 2971"},
		{name: "ENABLE", when: always, rfc: "RFC 5161"},
		{name: "STARTTLS", when: beforeLogin, rfc: "RFC 3501 §6.2.1", able: canStartTLS},
		{name: "LOGINDISABLED", when: beforeLogin, rfc: "RFC 3501 §7.2.1", able: mayNotLogIn},
		{name: "AUTH=PLAIN", when: beforeLogin, rfc: "RFC 4616", able: (*session).mayLogIn},
		{name: "AUTH=LOGIN", when: beforeLogin, rfc: "RFC 3501 §6.2.2", able: (*session).mayLogIn},
		{name: "IDLE", when: afterLogin, rfc: "RFC 2177"},
		{name: "UNSELECT", when: afterLogin, rfc: "RFC 3691"},
		{name: "CONDSTORE", when: afterLogin, rfc: "RFC 7162 §3.1"},
		{name: "QRESYNC", when: afterLogin, rfc: "RFC 7162 §3.2"},
	}
}

// rev2Needs are the extensions that IMAP4rev2 took in (RFC 9051 appendix E): a server that tells it has them all.
func rev2Needs() []string {
	return []string{
		"NAMESPACE", "UNSELECT", "UIDPLUS", "ESEARCH", "SEARCHRES", "ENABLE", "IDLE", "SASL-IR", "LIST-EXTENDED",
		"LIST-STATUS", "MOVE", "BINARY", "SPECIAL-USE", "STATUS=SIZE",
	}
}

// shortLiterals: LITERAL- is told to those from whom LITERAL+ is hidden, never both (RFC 7888 §5).
func shortLiterals(s *session) bool { return s.hides("LITERAL+") }

func canStartTLS(s *session) bool { return s.conn.CanStartTLS() }

func mayNotLogIn(s *session) bool { return !s.mayLogIn() }

// mayLogIn reports whether a password may come over this connection.
func (s *session) mayLogIn() bool {
	_, secure := s.conn.TLS()
	return secure || s.srv.set.PlainLogin
}

// coreExtensions are what ENABLE may switch on here.
func coreExtensions() []extensionRow {
	return []extensionRow{
		{name: "CONDSTORE", bit: extCondstore, on: (*session).enableCondstore},
		{name: "QRESYNC", bit: extQResync, on: (*session).enableCondstore},
		{name: "IMAP4rev2", bit: extRev2, on: (*session).enableRev2},
	}
}
