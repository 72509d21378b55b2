package smtp

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"time"

	"barid/mail"
)

// greet runs the connection's policy and sends the banner (RFC 5321 §3.1, §4.2); the last one is sent when
// the first command is awaited.
func (s *session) greet() error {
	if !s.welcome() {
		return ended("stranger", lmtpStranger())
	}
	if err := s.earlyTalk(); err != nil {
		return err
	}
	if err := s.srv.in.Connect(s.ctx, s.client); err != nil {
		return ended("refused", s.bannerError(err))
	}
	text := s.srv.set.Hostname + " ESMTP Barid"
	if s.srv.set.Role == mail.RoleLMTP {
		text = s.srv.set.Hostname + " LMTP Barid"
	}
	return s.reply(220, "", text)
}

// welcome tells whether the peer may speak the protocol of this listener at all. LMTP is for our own front server:
// whoever speaks it passes by what a stranger has to go through (RFC 2033 §5).
func (s *session) welcome() bool {
	if s.srv.set.Role != mail.RoleLMTP || !s.client.Remote.IsValid() {
		return true
	}
	ip := s.client.Remote.Addr().Unmap().WithZone("")
	if s.srv.set.Networks == nil {
		return ip.IsLoopback()
	}
	return slices.ContainsFunc(s.srv.set.Networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// earlyTalk waits for a while and refuses a peer that talks before it was greeted: mail servers wait,
// programs that only send do not.
func (s *session) earlyTalk() error {
	wait := s.srv.set.EarlyWait
	if wait <= 0 {
		return nil
	}
	s.timing.command = time.Now().Add(wait - s.srv.set.CommandTimeout) // so that the deadline is wait from now
	s.conn.Interruptible(true)
	switch err := s.r.Fill(); {
	case err == nil:
		return ended("early-talker", earlyTalker())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	default:
		return lost(err)
	}
}
