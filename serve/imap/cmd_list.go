package imap

import (
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdList is LIST, RFC 3501 §6.3.8, with the attributes of RFC 3348 and RFC 6154; and extended, RFC 5258 and
// RFC 9051 §6.3.9, with STATUS (RFC 5819), MYRIGHTS (RFC 8440) and METADATA (RFC 9590) of each name.
func cmdList(s *session, c *call) error {
	l := &lister{s: s, List: c.ListArguments()}
	if err := c.End(); err != nil {
		return err
	}
	if err := s.admitStatus(l.Status); err != nil {
		return err
	}
	if !l.Extended && l.Patterns[0] == "" {
		s.out.S(`* LIST (\Noselect) "/" ""` + "\r\n")
		return nil
	}
	if err := l.run(); err != nil {
		return err
	}
	s.learnModSeqs(l.Status)
	return nil
}

// lister is one LIST under way.
type lister struct {
	s *session
	imap.List
	all      []named
	asked    []string // patterns with the reference in front, without those that are nothing
	patterns []*imap.Matcher
	below    map[string]kin // of RECURSIVEMATCH
}

// kin is what RECURSIVEMATCH knows of the names below a name.
type kin struct {
	meets   bool // one of them meets the criteria
	outside bool // one that does is not told itself, as no pattern matches it
}

func (l *lister) run() (err error) {
	if l.all, err = l.s.names(); err != nil {
		return err
	}
	for _, p := range l.Patterns {
		if p != "" || l.Ref != "" {
			l.asked = append(l.asked, l.Ref+p)
			l.patterns = append(l.patterns, imap.NewMatcher(l.Ref+p))
		}
	}
	switch {
	case l.Select&imap.ListRecursiveMatch != 0:
		l.findKin()
	case l.Select&^imap.ListRemote == 0:
		l.all = l.s.addLevels(l.all, l.asked...)
	}
	if err := l.warm(); err != nil {
		return err
	}
	for i := range l.all {
		if err := l.tell(&l.all[i]); err != nil {
			return err
		}
		if err := l.s.working(i, len(l.all)); err != nil {
			return err
		}
	}
	return l.aliases()
}

// matches reports whether a pattern matches the name.
func (l *lister) matches(name string) bool {
	for _, m := range l.patterns {
		if m.Match(name) {
			return true
		}
	}
	return false
}

// meets reports whether the name meets all selection criteria. Names that are only subscribed are seen only by who asks for
// subscriptions.
func (l *lister) meets(n *named) bool {
	switch {
	case l.Select&imap.ListSubscribed != 0 && !n.Subscribed,
		l.Select&imap.ListSpecialUse != 0 && n.Use == mailbox.UseNone,
		l.Select&imap.ListSubscribed == 0 && n.NonExistent:
		return false
	}
	return true
}

// findKin looks above each name that meets the criteria. Names above one that do not exist become known here.
func (l *lister) findKin() {
	l.below = make(map[string]kin)
	for i := range l.all {
		n := &l.all[i]
		if !l.meets(n) {
			continue
		}
		outside := !l.matches(n.Name)
		for j := range len(n.Name) {
			if n.Name[j] == imap.Delimiter {
				k := l.below[n.Name[:j]]
				l.below[n.Name[:j]] = kin{meets: true, outside: k.outside || outside}
			}
		}
	}
	l.addMissing()
}

// addMissing adds the names of below that are no names of a mailbox.
func (l *lister) addMissing() {
	have := make(map[string]bool, len(l.all))
	for i := range l.all {
		have[l.all[i].Name] = true
	}
	before := len(l.all)
	for name := range l.below {
		if !have[name] {
			l.all = append(l.all, named{Info: mailbox.Info{Name: name, NonExistent: true}})
		}
	}
	if len(l.all) > before {
		l.s.sortNames(l.all)
	}
}

// warm reads what STATUS needs of many mailboxes at once.
func (l *lister) warm() error {
	if l.Return&imap.ListStatus == 0 {
		return nil
	}
	for _, a := range ownersOf(l.all) {
		if err := a.Warm(l.s.ctx); err != nil {
			return err
		}
	}
	return nil
}

// tell tells a name if it is asked for, and what is to be told of it.
func (l *lister) tell(n *named) error {
	if !l.matches(n.Name) {
		return nil
	}
	kin, meets := l.below[n.Name], l.meets(n)
	if !meets && !kin.outside {
		return nil
	}
	st, err := l.standing(n)
	if err != nil {
		return err
	}
	l.s.writeListed(l.attributes(n), n.Name, childInfo(kin))
	if !meets || n.NonExistent {
		return nil
	}
	return l.details(n, st)
}

// standing reads what STATUS tells of a name; nil if that is not asked for or there is none. A mailbox that went meanwhile, or
// that may not be read, is \Noselect then, which is why it comes before the LIST response (RFC 5819 §2).
func (l *lister) standing(n *named) (*standing, error) {
	if l.Return&imap.ListStatus == 0 || n.NoSelect || n.NonExistent {
		return nil, nil
	}
	if n.at.need(mailbox.RightRead) != nil {
		n.NoSelect = true
		return nil, nil
	}
	st, err := l.s.standing(n.at, l.Status)
	if isGone(err) {
		n.NoSelect = true
		return nil, nil
	}
	return st, err
}

// details are the further responses of a name.
func (l *lister) details(n *named, st *standing) error {
	if l.Return&imap.ListMyRights != 0 && n.at.account != nil {
		l.s.tellMyRights(n.at, n.Name)
	}
	if st != nil {
		l.s.writeStatus(n.at, n.Name, l.Status, st)
	}
	if l.Return&imap.ListMetadata != 0 && n.at.account != nil && n.at.needAny(annotateRights) == nil {
		if _, err := l.s.tellMetadata(n.at, n.Name, &imap.GetMetadata{Entries: l.Entries}); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// childInfo is the extended data item of RFC 5258 §3.5, "" for none.
func childInfo(k kin) string {
	if k.meets {
		return `"CHILDINFO" ("SUBSCRIBED")`
	}
	return ""
}

func (l *lister) attributes(n *named) string {
	in := n.Info
	if n.level && (l.Extended || l.s.has(extRev2)) {
		in.NonExistent = true // RFC 5258 §3.5
	}
	a := attributes(in)
	if n.Subscribed && (l.Select|l.Return)&imap.ListSubscribed != 0 {
		a = join(`\Subscribed`, a)
	}
	return a
}

// aliases tells of a name asked for by itself, which is none but a usual name of a special-use mailbox: a
// client that looks whether its own name is there is told so. With IMAP4rev2 it is told the name, too.
func (l *lister) aliases() error {
	if l.Select != 0 {
		return nil
	}
	for _, p := range l.Patterns {
		asked := l.Ref + p
		if p == "" || strings.ContainsAny(asked, "*%") {
			continue
		}
		at, err := l.s.place(asked)
		if err != nil || !at.Alias || !at.Exists {
			continue
		}
		n := visible(l.all, at.shown())
		if n == nil {
			continue
		}
		if l.s.has(extRev2) {
			l.s.writeListed(l.attributes(n), n.Name, oldName(asked, true))
		} else {
			l.s.writeListed(l.attributes(n), asked, "")
		}
	}
	return nil
}

// oldName is the extended data item of RFC 9051 §7.3.1 for a name that the server knows by another.
func oldName(name string, utf8 bool) string {
	return `"OLDNAME" (` + string(imap.AppendName(nil, name, utf8)) + ")"
}

// attributes are those of a LIST response, without parentheses.
func attributes(in mailbox.Info) string {
	var a string
	switch {
	case in.NonExistent:
		a = `\NonExistent`
	case in.NoSelect:
		a = `\Noselect`
	}
	switch {
	case in.HasChildren:
		a = join(a, `\HasChildren`)
	case !in.NonExistent:
		a = join(a, `\HasNoChildren`)
	}
	return join(a, in.Use.Attr())
}

// join puts a space between two words that are not empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// writeListed writes a LIST response with extended data, "" for none.
func (s *session) writeListed(attrs, name, extended string) {
	s.out.S("* LIST (").S(attrs).S(`) "/" `).Name(name)
	if extended != "" {
		s.out.S(" (").S(extended).C(')')
	}
	s.out.CRLF()
}

func (s *session) writeName(verb, attrs, name string) {
	s.out.S("* ").S(verb).S(" (").S(attrs).S(`) "/" `).Name(name).CRLF()
}
