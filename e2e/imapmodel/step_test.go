package imapmodel

import (
	"slices"
)

// step does one.
func (h *history) step(s *session, kind string) {
	switch {
	case kind == "deliver":
		h.deliver()
		return
	case kind == "quota":
		h.limit()
		return
	case kind == "restart":
		h.restart(h.w.restart)
		return
	case kind == "kill":
		h.restart(h.w.kill)
		return
	case s.ended || kind == "reconnect":
		h.reconnect(s)
		return
	}
	h.wake(s)
	switch {
	case s.ended:
		h.reconnect(s)
	case !s.usable():
		h.run(s, &command{text: "NOOP"}) // which is told that the mailbox was deleted
	case kind == "idle":
		h.idle(s)
	case kind == "pipeline":
		h.pipeline(s)
	case kind == "compress":
		h.compress(s)
	case kind == "unauthenticate":
		h.unauthenticate(s)
	case kind == "burst":
		h.burst()
	case kind == "enable":
		h.enable(s, []string{"CONDSTORE", "QRESYNC", "IMAP4rev2", "UIDONLY", "METADATA", "X-UNKNOWN"}[h.r.IntN(6)])
	default:
		if c := h.command(s, kind); c != nil {
			h.run(s, c)
		} else {
			h.selectOne(s)
		}
	}
}

// command makes up one of a kind, nil if it can not be now.
func (h *history) command(s *session, kind string) *command {
	switch kind {
	case "append":
		return h.appending(s)
	case "catenate":
		return h.catenating(s)
	case "multisearch":
		return h.multisearching(s)
	case "setmetadata":
		return h.setMetadata(s)
	case "getmetadata":
		return h.getMetadata(s)
	case "noop":
		return &command{text: "NOOP"}
	case "status":
		return h.status(s)
	case "create", "delete", "rename":
		return h.naming(s, map[string]string{"create": "CREATE", "delete": "DELETE", "rename": "RENAME"}[kind])
	case "notify":
		return h.notifying(s)
	case "setacl":
		return h.granting(s)
	case "myrights":
		return h.myRights(s)
	case "list":
		return h.list(s)
	case "getquota":
		return h.getQuota(s)
	case "select":
		return h.selecting(s, h.name())
	}
	if s.box == nil || s.lost() {
		return nil
	}
	return h.inMailbox(s, kind)
}

// inMailbox makes up a command for the mailbox that is selected.
func (h *history) inMailbox(s *session, kind string) *command {
	if numbered := kind == "store" || kind == "fetch" || kind == "copy" || kind == "move" || kind == "replace"; numbered {
		if s.uidOnly || len(s.msgs) == 0 {
			kind = "uid " + kind
		}
	}
	if kind == "search" && s.uidOnly {
		kind = "uid search"
	}
	switch kind {
	case "store", "uid store":
		return h.storing(s, kind == "uid store")
	case "fetch", "uid fetch":
		return h.fetching(s, kind == "uid fetch")
	case "copy", "uid copy", "move", "uid move":
		return h.copying(s, kind[:3] == "uid", kind[len(kind)-4:] == "move")
	case "replace", "uid replace":
		return h.replacing(s, kind == "uid replace")
	case "expunge", "uid expunge":
		return h.expunging(s, kind == "uid expunge")
	case "search", "uid search":
		return h.searching(s, kind == "uid search", false)
	case "sort":
		return h.searching(s, s.uidOnly || h.r.IntN(2) == 0, true)
	case "thread":
		if h.r.IntN(3) > 0 {
			return h.threaded(s)
		}
		return h.threading(s)
	case "context":
		return h.watching(s)
	case "close", "unselect":
		return h.closing(s, kind == "close")
	}
	return nil
}

// pipeline sends several commands at once. Sequence numbers come only where RFC 3501 §5.5 lets a client use them, or
// right behind a command whose EXPUNGEs this server holds back because they come.
func (h *history) pipeline(s *session) {
	if slices.ContainsFunc(h.sessions, func(x *session) bool { return x.idle != "" || x.notify != nil }) {
		return // what those are told between two commands can not be foretold
	}
	h.piped = true
	defer func() { h.piped = false }()
	var cs []*command
	for range 2 + h.r.IntN(4) {
		kind := pipelined[h.r.IntN(len(pipelined))]
		if c := h.command(s, kind); c != nil && mayFollow(cs, c) {
			cs = append(cs, c)
		}
		if n := len(cs); n > 0 && cs[n-1].modseqs && !s.condstore {
			break // what the next one is told depends on it
		}
	}
	if len(cs) > 0 {
		h.runAll(s, cs)
	}
}

var pipelined = []string{
	"noop", "fetch", "store", "uid fetch", "uid store", "uid expunge", "uid copy", "uid move", "search", "uid search", "status", "expunge",
}

// mayFollow reports whether the numbers of c are certain behind cs: all that may tell EXPUNGE are followed at once by
// a command that has numbers by its name, and none expunges itself.
func mayFollow(cs []*command, c *command) bool {
	if !c.numbers {
		return true
	}
	for i, x := range cs {
		next := c
		if i+1 < len(cs) {
			next = cs[i+1]
		}
		if x.must || !x.quiet && (!next.numbers || next.hidden) {
			return false
		}
	}
	return true
}
