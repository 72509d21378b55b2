package imap

// NotifyEvents are events that NOTIFY asks for, as bits (RFC 5465 §5).
type NotifyEvents uint8

// The events.
const (
	MessageNew NotifyEvents = 1 << iota
	MessageExpunge
	FlagChange
	MailboxName
	SubscriptionChange
	MailboxMetadataChange
	ServerMetadataChange

	// MessageEvents are those about messages.
	MessageEvents = MessageNew | MessageExpunge | FlagChange
)

// NotifyNames are the events of NotifyEvents as BADEVENT tells them.
const NotifyNames = "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange"

// NotifyGroup is one event-group.
type NotifyGroup struct {
	Filter MailboxFilter
	Events NotifyEvents
	Fetch  []FetchItem // of MessageNew, for the selected mailbox only
}

// Notify is the argument of NOTIFY (RFC 5465 §3.1).
type Notify struct {
	None   bool
	Status bool
	Groups []NotifyGroup
	Bad    bool // an event that is none of NotifyEvents is asked for
}

// maxNotifyGroups bounds the groups of one NOTIFY.
const maxNotifyGroups = 64

// Notify reads "NONE" or "SET" [SP "STATUS"] SP event-groups, and checks what RFC 5465 §5 and §6.1 demand of them.
func (p *Parser) Notify() (n Notify) {
	switch p.Word() {
	case "NONE":
		n.None = true
		return n
	case "SET":
	default:
		p.fail("expected SET or NONE")
	}
	if p.SP().peek() != '(' {
		if p.Word() != "STATUS" {
			p.fail("expected STATUS or a group of events")
		}
		n.Status = true
		p.SP()
	}
	selected := 0
	for first := true; first || p.More(); first = false {
		if !first {
			p.SP()
		}
		g := p.notifyGroup(&n)
		if g.Filter.Kind == FilterSelected || g.Filter.Kind == FilterSelectedDelayed {
			selected++
		}
		n.Groups = append(n.Groups, g)
		if selected > 1 {
			p.fail("the selected mailbox can be given once")
		}
		if len(n.Groups) > maxNotifyGroups {
			p.fail("too many groups of events")
		}
	}
	return n
}

// notifyGroup reads "(" filter SP events ")".
func (p *Parser) notifyGroup(n *Notify) (g NotifyGroup) {
	p.want('(')
	g.Filter = p.MailboxFilter()
	if g.Filter.Kind == FilterSubtreeOne {
		p.fail("no such mailbox filter") // it is only of MULTISEARCH
	}
	if p.SP().peek() == '(' {
		count := 0
		p.List(func() { count++; p.notifyEvent(n, &g) })
		if count == 0 {
			p.fail("a list of events can not be empty")
		}
	} else if p.Word() != "NONE" {
		p.fail("expected events or NONE")
	}
	p.want(')')
	messages := g.Events & (MessageNew | MessageExpunge)
	switch {
	case messages != 0 && messages != MessageNew|MessageExpunge:
		p.fail("MessageNew and MessageExpunge go together")
	case g.Events&FlagChange != 0 && messages == 0:
		p.fail("FlagChange needs MessageNew and MessageExpunge")
	case g.Filter.Kind > FilterSelectedDelayed && g.Fetch != nil:
		p.fail("items are told of messages in the selected mailbox only")
	case g.Filter.Kind <= FilterSelectedDelayed && g.Events&^MessageEvents != 0:
		p.fail("the selected mailbox has message events only")
	}
	return g
}

func (p *Parser) notifyEvent(n *Notify, g *NotifyGroup) {
	switch p.Word() {
	case "MESSAGENEW":
		g.Events |= MessageNew
		if p.nextAre(" (") {
			g.Fetch = p.SP().FetchItems()
		}
	case "MESSAGEEXPUNGE":
		g.Events |= MessageExpunge
	case "FLAGCHANGE":
		g.Events |= FlagChange
	case "MAILBOXNAME":
		g.Events |= MailboxName
	case "SUBSCRIPTIONCHANGE":
		g.Events |= SubscriptionChange
	case "MAILBOXMETADATACHANGE":
		g.Events |= MailboxMetadataChange
	case "SERVERMETADATACHANGE":
		g.Events |= ServerMetadataChange
	default:
		n.Bad = true
		if p.nextAre(" (") {
			p.SP().List(func() { p.AString() })
		}
	}
}
