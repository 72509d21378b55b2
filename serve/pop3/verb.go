package pop3

import (
	"context"

	"barid/rfc/pop3"
)

// phase is a state of a session (RFC 1939 §3), as a bit. The UPDATE state is part of QUIT.
type phase uint8

const (
	authorization phase = 1 << iota
	transaction
)

// verb describes one command.
type verb struct {
	name    string
	legal   phase // states in which it may come
	args    int   // most arguments; -1: the rest of the line as it is
	proceed func(ctx context.Context, s *session, args []string) error
}

// verbTable is every command there is.
func verbTable() []verb {
	return []verb{
		{"RETR", transaction, 1, verbRetr},
		{"DELE", transaction, 1, verbDele},
		{"TOP", transaction, 2, verbTop},
		{"UIDL", transaction, 1, verbUidl},
		{"LIST", transaction, 1, verbList},
		{"STAT", transaction, 0, verbStat},
		{"NOOP", transaction, 0, verbNoop},
		{"RSET", transaction, 0, verbRset},
		{"QUIT", authorization | transaction, 0, verbQuit},
		{"CAPA", authorization | transaction, 0, verbCapa},
		{"USER", authorization, -1, verbUser},
		{"PASS", authorization, -1, verbPass},
		{"AUTH", authorization, 2, verbAuth},
		{"STLS", authorization, 0, verbStls},
		{"UTF8", authorization, 0, verbUtf8},
		{"LANG", authorization | transaction, 1, verbLang},
	}
}

// find gives the index of a verb in the table, -1 if we do not know it.
func (srv *Server) find(name string) int {
	for i := range srv.verbs {
		if srv.verbs[i].name == name {
			return i
		}
	}
	return -1
}

// check says whether a command may come now, and splits its arguments. It changes nothing.
func (v *verb) check(now phase, c pop3.Command) ([]string, error) {
	if v.legal&now == 0 {
		if now == authorization {
			return nil, errNotYet
		}
		return nil, errNotAnyMore
	}
	if v.args < 0 {
		if c.Args == "" {
			return nil, errArguments
		}
		return []string{c.Args}, nil
	}
	args := pop3.Words(c.Args)
	if len(args) > v.args {
		return nil, errArguments
	}
	return args, nil
}
