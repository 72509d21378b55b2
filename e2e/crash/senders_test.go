package crash

import (
	"fmt"
	"strconv"
	"strings"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

const (
	info   = "info@" + server.Domain
	demo   = "demo@" + server.Domain
	sales  = "فروش@" + server.Domain
	sender = "sender@crash.example.com"
)

// loadPause is the longest wait between two messages of one sender, in milliseconds.
const loadPause = 24

// sessionMessages is how many messages a sender gives to one connection.
const sessionMessages = 100

// item is a message and the recipients it goes to.
type item struct {
	id   string
	to   []string
	text string
}

// pick makes a message for one or both accounts and notes it.
func (c *client) pick(from string) item {
	it := item{id: c.nextID(), to: [][]string{{info}, {demo}, {info, demo}}[c.rng.IntN(3)]}
	it.text = compose(c.rng, it.id, from, it.to[0])
	places := make([]place, len(it.to))
	for i, a := range it.to {
		places[i] = place{a, "INBOX"}
	}
	c.ledger.begin(it.id, places...)
	return it
}

// envelope are the commands of a transaction up to DATA, in one group (RFC 2920).
func (it item) envelope(from string) string {
	return "MAIL FROM:<" + from + ">\r\nRCPT TO:<" + strings.Join(it.to, ">\r\nRCPT TO:<") + ">\r\nDATA\r\n"
}

// mx sends from another server, each message and the commands of the next one in one write.
func mx(c *client) error {
	conn, err := wire.SMTP(c.s.Addr["smtp"], c.from, false)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	return c.pipeline(conn, sender)
}

// submit sends as a logged-in user.
func submit(c *client) error {
	conn, err := wire.Submission(c.s.Addr["submission"], c.from, info, server.Password, false)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	return c.pipeline(conn, info)
}

func (c *client) pipeline(conn *wire.Conn, from string) error {
	it := c.pick(from)
	if err := conn.Put(it.envelope(from)); err != nil {
		return err
	}
	for n := 1; ; n++ {
		if err := it.agreed(conn, 354); err != nil {
			return err
		}
		var next item
		group := wire.Stuff(it.text) + ".\r\n"
		if n < sessionMessages {
			next = c.pick(from)
			group += next.envelope(from)
		} else {
			group += "QUIT\r\n"
		}
		if err := conn.Put(group); err != nil {
			return err
		}
		if err := c.settled(conn, it); err != nil {
			return err
		}
		if n == sessionMessages {
			_, err := conn.Reply()
			return err
		}
		if it = next; !c.pause(loadPause) {
			return nil
		}
	}
}

// agreed reads the replies to an envelope, the last of which must be last.
func (it item) agreed(conn *wire.Conn, last int) error {
	for i := range len(it.to) + 2 {
		r, err := conn.Reply()
		if err != nil {
			return err
		}
		want := 250
		if i == len(it.to)+1 {
			want = last
		}
		if r.Code != want {
			return unexpected("envelope of "+it.id, r)
		}
	}
	return nil
}

// settled reads the one reply that promises a message to all its recipients.
func (c *client) settled(conn *wire.Conn, it item) error {
	r, err := conn.Reply()
	if err != nil {
		return err
	}
	if r.Code != 250 {
		return unexpected("data of "+it.id, r)
	}
	for i := range it.to {
		c.ledger.acknowledged(it.id, i)
	}
	return nil
}

// chunks sends by BDAT (RFC 3030), in pieces.
func chunks(c *client) error {
	conn, err := wire.SMTP(c.s.Addr["smtp"], c.from, false)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	for range sessionMessages {
		it := c.pick(sender)
		cut := c.rng.IntN(len(it.text))
		group := strings.TrimSuffix(it.envelope(sender), "DATA\r\n") + "BDAT " + strconv.Itoa(cut) + "\r\n" + it.text[:cut] +
			fmt.Sprintf("BDAT %d LAST\r\n%s", len(it.text)-cut, it.text[cut:])
		if err := conn.Put(group); err != nil {
			return err
		}
		if err := it.agreed(conn, 250); err != nil { // the first chunk is the last of these
			return err
		}
		if err := c.settled(conn, it); err != nil {
			return err
		}
		if !c.pause(loadPause) {
			return nil
		}
	}
	return nil
}

// lmtp sends by LMTP: one answer for each recipient (RFC 2033).
func lmtp(c *client) error {
	conn, err := wire.LMTP(c.s.Addr["lmtp"], c.from)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	for range sessionMessages {
		it := c.pick(sender)
		if err := conn.Put(it.envelope(sender)); err != nil {
			return err
		}
		if err := it.agreed(conn, 354); err != nil {
			return err
		}
		if err := conn.Put(wire.Stuff(it.text) + ".\r\n"); err != nil {
			return err
		}
		for i := range it.to {
			r, err := conn.Reply()
			if err != nil {
				return err
			}
			if r.Code != 250 {
				return unexpected("data of "+it.id, r)
			}
			c.ledger.acknowledged(it.id, i)
		}
		if !c.pause(loadPause) {
			return nil
		}
	}
	return nil
}

// appendMail files messages with IMAP APPEND.
func appendMail(c *client) error {
	conn, err := wire.LoginIMAP(c.s.Addr["imaps"], c.from, demo, server.Password)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	for range sessionMessages {
		where := place{demo, []string{"INBOX", "Archive"}[c.rng.IntN(2)]}
		id := c.nextID()
		message := compose(c.rng, id, demo, demo)
		c.ledger.begin(id, where)
		r, err := conn.Do("APPEND " + where.mailbox + ` (\Seen) ` + wire.Literal(message))
		if err != nil {
			return err
		}
		if !r.OK() {
			return &wire.Unexpected{What: "APPEND of " + id, Got: r.Tagged}
		}
		c.ledger.acknowledged(id, 0)
		if !c.pause(loadPause) {
			return nil
		}
	}
	return nil
}
