// Package relay sends mail of a real barid through relays, and starts each of its roles alone.
//
// Life: outside; an operator changes routes while mail is submitted and queued. Promises: no message is lost or sent
// twice by a change of routes. Limits: loopback; relays are sinks of this process. Failure: the test fails with the
// server's log.
package relay
