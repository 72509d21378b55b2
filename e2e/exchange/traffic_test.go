package exchange

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"barid/e2e/corpus"
	"barid/e2e/hostile/wire"
)

// Shares of messages, in percent.
const (
	secondRecipient = 40
	toNobody        = 5
	toAlias         = 8
	fromSales       = 15 // of those who can
)

// sessionMessages is how many messages a sender gives to one connection.
const sessionMessages = 12

// retryPause is the longest wait before a sender tries a message again.
const retryPause = 200 * time.Millisecond

// traffic is what all senders share.
type traffic struct {
	members []*member
	ledger  *ledger
	ctx     context.Context
	wg      sync.WaitGroup
}

// sender sends at one member.
type sender struct {
	*traffic
	at   *member
	rng  *rand.Rand
	conn *wire.Conn
	user string // of conn
	left int
}

// send starts a sender at each member, who sends every message of the corpus once.
func (tr *traffic) send(seed uint64, pace time.Duration) {
	for _, m := range tr.members {
		s := &sender{traffic: tr, at: m, rng: rand.New(rand.NewPCG(seed, uint64(m.number)))}
		tr.wg.Go(func() { s.all(pace) })
	}
}

func (s *sender) all(pace time.Duration) {
	defer s.hangUp()
	for n, i := range s.rng.Perm(len(letters())) {
		it := s.pick(n, letters()[i])
		for attempt := 1; ; attempt++ {
			if !s.at.gate.wait(s.ctx) {
				return
			}
			if s.try(it, attempt) || !s.pause(retryPause) {
				break
			}
		}
		if !s.pause(pace) {
			return
		}
	}
}

// letters are the messages of the corpus that SMTP takes. mbox_line begins with what is no field; behind our first
// field, where it does not stand in life, some take it for the end of the header section.
var letters = sync.OnceValue(func() []corpus.Message {
	var out []corpus.Message
	for _, m := range corpus.All() {
		if !m.Want.AppendOnly && m.Name != "mbox_line" {
			out = append(out, m)
		}
	}
	return out
})

func (s *sender) pause(limit time.Duration) bool {
	t := time.NewTimer(time.Duration(s.rng.Int64N(int64(limit))))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// item is what a sender wants to send: the same for all attempts.
type item struct {
	n    int
	m    corpus.Message
	user string
	to   []recipient
	utf8 bool
}

// pick addresses a message: the first recipient goes round the other four.
func (s *sender) pick(n int, m corpus.Message) item {
	it := item{n: n, m: m, user: info}
	if s.at.utf8 && s.rng.IntN(100) < fromSales {
		it.user = sales
	}
	others := s.others()
	it.add(s.recipient(others[n%len(others)]))
	if s.rng.IntN(100) < secondRecipient {
		it.add(s.recipient(others[s.rng.IntN(len(others))]))
	}
	it.utf8 = !ascii(it.user)
	for _, r := range it.to {
		it.utf8 = it.utf8 || !ascii(r.rcpt)
	}
	return it
}

// add adds a recipient, unless a mailbox of it is one already.
func (it *item) add(r recipient) {
	for _, old := range it.to {
		for _, a := range old.places {
			for _, b := range r.places {
				if a == b {
					return
				}
			}
		}
	}
	it.to = append(it.to, r)
}

func (s *sender) others() []*member {
	var out []*member
	for _, m := range s.members {
		if m != s.at {
			out = append(out, m)
		}
	}
	return out
}

// recipient picks a mailbox, an alias with members at other servers, or nobody.
func (s *sender) recipient(m *member) recipient {
	p := s.rng.IntN(100)
	if p < toNobody {
		return recipient{rcpt: "nobody@" + m.domain, places: []string{m.box("nobody")}}
	}
	if places := m.aliases[friends]; places != nil && p < toNobody+toAlias {
		return recipient{rcpt: friends + "@" + m.domain, places: places, alias: m}
	}
	boxes := m.boxes()
	if !s.at.utf8 {
		boxes = boxes[:2]
	}
	local := boxes[s.rng.IntN(len(boxes))]
	domain := m.domain
	if !ascii(local) && s.rng.IntN(2) == 0 {
		domain = m.shown
	}
	return recipient{rcpt: local + "@" + domain, places: []string{m.box(local)}}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// try sends an item once. It is done when the server took it or refused it for good.
func (s *sender) try(it item, attempt int) (done bool) {
	p := &parcel{id: fmt.Sprintf("%s-%d.%d", s.at.name, it.n, attempt), corpus: it.m.Name, by: s.at, from: s.at.box(it.user)}
	text := compose(p.id, it.user+"@"+s.at.domain, it.m.Raw)
	p.text = strings.ReplaceAll(text, "\r\n", "\n")
	if err := s.dial(it.user); err != nil {
		return false
	}
	r, err := s.envelope(p, it, text)
	if err == nil && r.Code == 354 {
		s.ledger.begin(p)
		r, err = s.conn.Ask(wire.Stuff(text) + ".")
	}
	switch {
	case err != nil || r.Code/100 == 4:
		s.hangUp()
		return false
	case r.Code == 250:
		s.ledger.acknowledged(p, r.String())
	default:
		s.hangUp()
		s.ledger.complain("%s refused %s (%s): %s", s.at.name, p.id, p.corpus, r)
	}
	return true
}

// envelope says MAIL, RCPT and DATA. Recipients that are refused for good are left out of the parcel: their sender knows.
func (s *sender) envelope(p *parcel, it item, text string) (wire.Reply, error) {
	mail := "MAIL FROM:<" + it.user + "@" + s.at.domain + ">"
	if it.utf8 {
		mail += " SMTPUTF8"
	}
	if !ascii(text) {
		mail += " BODY=8BITMIME"
	}
	r, err := s.conn.Ask(mail)
	if err != nil || r.Code != 250 {
		return r, err
	}
	for _, to := range it.to {
		r, err = s.conn.Ask("RCPT TO:<" + to.rcpt + ">")
		switch {
		case err != nil || r.Code/100 == 4:
			return r, err
		case r.Code == 250:
			p.to = append(p.to, to)
		default:
			return r, nil
		}
	}
	return s.conn.Ask("DATA")
}

func (s *sender) dial(user string) (err error) {
	if s.conn != nil && s.user == user && s.left > 0 {
		s.left--
		return nil
	}
	s.hangUp()
	if s.conn, err = s.at.connect(user); err != nil {
		s.conn = nil
		return err
	}
	s.user, s.left = user, sessionMessages
	return nil
}

func (s *sender) hangUp() {
	if s.conn != nil {
		_ = s.conn.Put("QUIT\r\n") // out of courtesy
		_ = s.conn.Close()
		s.conn = nil
	}
}

// ours are the fields that compose writes itself: a login may not use another's address.
func ours() []string { return []string{"message-id", "from", "sender"} }

// compose puts our Message-ID and From in the place of the message's own.
func compose(id, from string, raw []byte) string {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var out bytes.Buffer
	fmt.Fprintf(&out, "Message-ID: <%s@%s>\r\nFrom: <%s>\r\n", id, host, from)
	drop := false
	for line := range bytes.Lines(append(head, "\r\n"...)) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(string(line), ":")
			drop = slices.Contains(ours(), strings.ToLower(strings.TrimRight(name, " \t")))
		}
		if !drop {
			out.Write(line)
		}
	}
	out.WriteString("\r\n")
	out.Write(body)
	if !bytes.HasSuffix(out.Bytes(), []byte("\r\n")) {
		out.WriteString("\r\n")
	}
	return out.String()
}
