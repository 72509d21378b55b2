package smtp

import (
	"strconv"

	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// maxReversePathLocal lets long local parts of forwarders and lists through (SRS, VERP), in octets.
const maxReversePathLocal = 128

func checkMail(_ *session, args []byte) error {
	if !hasWord(args, "FROM:") {
		return badArgument("say MAIL FROM:<address>")
	}
	return nil
}

// mail is MAIL: it begins a transaction (RFC 5321 §4.1.1.2).
func (s *session) mail(args []byte) error {
	path, _ := smtp.CutPath(string(args), "FROM:")
	from, rest, err := addr.ParsePath(path, addr.Options{
		Null: true, UTF8: s.ext&smtp.ExtUTF8 != 0, LongLocal: maxReversePathLocal,
	})
	if err != nil {
		return pathError(err, 7)
	}
	params, err := parameters(rest, s.ext, smtp.ParseMailParams)
	if err != nil {
		return err
	}
	if err := s.takes(path[:len(path)-len(rest)], params.UTF8); err != nil {
		return err
	}
	if params.Size > s.srv.set.MaxMessage {
		return messageTooBig()
	}
	if s.counts.transactions >= s.srv.set.MaxTransactions {
		return ended("too-many-transactions", tooManyTransactions())
	}
	tx, err := s.srv.in.Begin(s.ctx, s.client, from, params)
	if err != nil {
		return s.refusedMail(err)
	}
	s.counts.transactions++
	s.tx, s.params, s.phase = tx, params, mailed
	if tx.Priority() != params.Priority { // RFC 6710 §4.1: the code, the number, a blank, words
		return s.reply(250, "2.3.6", strconv.Itoa(int(tx.Priority()))+" is the priority that this login may have")
	}
	return s.reply(250, "2.1.0", "Ok")
}

// refusedMail ends sessions that try MAIL without end: one that policy refuses is of no use to anybody.
func (s *session) refusedMail(err error) error {
	if s.idled() > s.srv.set.MaxIdleCommands {
		return ended("idle-commands", tooManyCommands())
	}
	return err
}

// parameters reads what follows a path; a blank must stand between.
func parameters[P any](rest string, known smtp.Ext, parse func(string, smtp.Ext) (P, error)) (P, error) {
	var none P
	if rest != "" && rest[0] != ' ' {
		return none, badArgument("a blank must follow the address")
	}
	p, err := parse(rest, known)
	if err != nil {
		return none, paramError(err)
	}
	return p, nil
}

// takes tells whether a path may stand as written: one with other than ASCII needs SMTPUTF8 (RFC 6531 §3.3).
func (s *session) takes(path string, utf8 bool) error {
	if utf8 {
		return nil
	}
	for i := range len(path) {
		if path[i] >= 0x80 {
			return pathError(&addr.Error{Offset: i, Why: addr.NeedUTF8}, 0)
		}
	}
	return nil
}

func hasWord(args []byte, word string) bool {
	if len(args) < len(word) {
		return false
	}
	_, ok := smtp.CutPath(string(args[:len(word)]), word)
	return ok
}
