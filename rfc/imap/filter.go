package imap

// FilterKind says which mailboxes a filter means.
type FilterKind uint8

// The filters of RFC 5465 §6 and RFC 7377 §2.2.
const (
	FilterSelected        FilterKind = iota
	FilterSelectedDelayed            // RFC 5465 §6.2
	FilterInboxes
	FilterPersonal
	FilterSubscribed
	FilterSubtree    // Names and all below them
	FilterSubtreeOne // Names and one level below them
	FilterMailboxes  // Names
)

// MailboxFilter is one filter-mailboxes.
type MailboxFilter struct {
	Kind  FilterKind
	Names []string
}

// MailboxFilter reads a filter: a word, or "subtree", "subtree-one" or "mailboxes" with one name or a list.
func (p *Parser) MailboxFilter() (f MailboxFilter) {
	switch p.Word() {
	case "SELECTED":
		f.Kind = FilterSelected
	case "SELECTED-DELAYED":
		f.Kind = FilterSelectedDelayed
	case "INBOXES":
		f.Kind = FilterInboxes
	case "PERSONAL":
		f.Kind = FilterPersonal
	case "SUBSCRIBED":
		f.Kind = FilterSubscribed
	case "SUBTREE":
		f.Kind, f.Names = FilterSubtree, p.SP().names()
	case "SUBTREE-ONE":
		f.Kind, f.Names = FilterSubtreeOne, p.SP().names()
	case "MAILBOXES":
		f.Kind, f.Names = FilterMailboxes, p.SP().names()
	default:
		p.fail("no such mailbox filter")
	}
	return f
}

// names reads one-or-more-mailbox.
func (p *Parser) names() (out []string) {
	if p.peek() != '(' {
		return []string{p.Name()}
	}
	p.List(func() { out = append(out, p.Name()) })
	if len(out) == 0 {
		p.fail("a list of mailboxes can not be empty")
	}
	return out
}

// SearchSources reads "IN (" filters ")" and the space behind it if that is next; given is false if not.
func (p *Parser) SearchSources() (out []MailboxFilter, given bool) {
	at := p.i
	if upper(p.span(isAtomChar)) != "IN" || p.peek() != ' ' {
		p.i = at
		return nil, false
	}
	p.SP().List(func() { out = append(out, p.MailboxFilter()) })
	if len(out) == 0 {
		p.fail("a list of sources can not be empty")
	}
	p.SP()
	return out, true
}
