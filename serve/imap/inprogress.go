package imap

import (
	"strings"
	"time"
)

// job is what a command that takes long tells meanwhile (RFC 9585).
type job struct {
	tag   string
	told  time.Time // when the client last heard of it
	steps int
	done  int // told so far: it never falls
}

const (
	progressTime  = 10 * time.Second // between two notices (RFC 9585 §4)
	progressSteps = 64               // steps between two looks at the clock
)

// working is called at each step of long work, done of goal messages having been looked at. Every few seconds
// it tells the client so (RFC 9585 §4), which also keeps the connection open. It ends work that nobody waits
// for any more.
func (s *session) working(done, goal int) error {
	if s.job.steps++; s.job.steps%progressSteps != 0 {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	now := s.srv.Now()
	if s.job.tag == "" || done >= goal || now.Sub(s.job.told) < progressTime {
		return nil
	}
	s.job.told, s.job.done = now, max(s.job.done, done)
	s.out.S("* OK [INPROGRESS (").S(progressTag(s.job.tag)).C(' ').N(uint64(s.job.done)).C(' ').N(uint64(goal)).C(')')
	s.note("still working")
	return s.out.Flush()
}

// progressTag is the tag of a command as a notice has it: a "]" would end the response code (RFC 9585 §4).
func progressTag(tag string) string {
	if strings.IndexByte(tag, ']') >= 0 {
		return "NIL"
	}
	return `"` + tag + `"`
}
