package app

import "barid/flow/queue"

// spooled gives the queue that operators' commands work on: the one that carries mail on if there is one. In a
// folder that was opened without a server, or where outbound is off, it is never started: its verbs change rows
// only, and what is due then waits for a server that carries mail on.
func (s *System) spooled() *queue.Queue {
	s.queueOnce.Do(func() {
		if s.outbound != nil {
			s.queue = s.outbound.queue
			return
		}
		s.queue = queue.New(queue.Deps{KV: s.engine, Events: s.events, Log: s.log})
	})
	return s.queue
}
