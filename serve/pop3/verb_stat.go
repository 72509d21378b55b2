package pop3

import "context"

// verbStat tells how many messages there are that are not deleted, and their octets (RFC 1939 §5).
func verbStat(_ context.Context, s *session, _ []string) error {
	n, octets := s.drop.left()
	s.out.text("+OK ")
	s.out.number(int64(n))
	s.out.text(" ")
	s.out.number(octets)
	s.out.text("\r\n")
	return nil
}

// left is what is not deleted.
func (d *maildrop) left() (n int, octets int64) {
	n, octets = d.n, d.bytes
	for i := range d.deleted.all() {
		n--
		octets -= d.at(i).Size
	}
	return n, octets
}
