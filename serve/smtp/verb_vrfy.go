package smtp

func checkVrfy(_ *session, args []byte) error {
	if len(args) == 0 {
		return badArgument("give an address")
	}
	return nil
}

// vrfy is VRFY: it discloses nothing (RFC 5321 §3.5.3, §7.3).
func (s *session) vrfy([]byte) error {
	return s.reply(252, "2.1.5", "cannot verify, but will take mail and try to deliver it")
}
