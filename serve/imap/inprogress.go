package imap

import "time"

// job is what a command that takes long tells meanwhile (RFC 9585).
type job struct {
	tag   string
	told  time.Time // when the client last heard of it
	steps int
}

const (
	progressTime  = 10 * time.Second // between two notices (RFC 9585 §4)
	progressSteps = 64               // steps between two looks at the clock
)

// working is called at each step of long work, done of goal messages having been looked at. Every few seconds
// it tells the client so (RFC 9585 §3), which also keeps the connection open. It ends work that nobody waits
// for any more.
func (s *session) working(done, goal int) error {
	if s.job.steps++; s.job.steps%progressSteps != 0 {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	if s.job.tag == "" || now.Sub(s.job.told) < progressTime {
		return nil
	}
	s.job.told = now
	s.out.S("* OK [INPROGRESS (").Str(s.job.tag).C(' ').N(uint64(done)).C(' ').N(uint64(goal)).C(')')
	s.note("still working")
	return s.out.Flush()
}
