// Package outbound carries mail from the real barid to real servers of other domains, and to fake ones that are slow,
// rude, broken or hostile, over a DNS world on loopback.
//
// Each *.txtar file of the folder scenarios is one story; its name is a sentence. The text before the first file of the
// archive is a step a line:
//
//	# a comment
//	expire: 6s                       before the rest: how long mail is tried; an hour if it is not said
//	peer NAME N: STAGE BEHAVIOUR     a server at 127.0.4.N, or a new one in the place of an old one; see
//	                                 sink.ParseBehaviour. Before the colon: certificate=NAME (TLS with a certificate of an
//	                                 authority that is trusted), expired=NAME, without=CHUNKING,DSN
//	at NAME: STAGE BEHAVIOUR         what a server does at a stage from now on
//	dns NAME: KNOBS                  how a name answers from now on; see package world
//	send: RECIPIENT...               a login sends a message
//	arrives NAME: N                  the server has taken N messages, all of them whole
//	report: failed 5.1.1 RECIPIENT PATTERN   such a report is in the sender's INBOX; "none": nothing is there
//	queue: empty                     nothing waits; "2 PATTERN": two entries wait after an answer like that
//	trace: PATTERN                   a line of barid trace msg for the last message
//	memory: 400MB                    the process never had as much
//	retry:                           barid queue retry --all
//	forget: DOMAIN                   barid relay tls forget DOMAIN
//	restart:                         SIGKILL and a new start
//
// In a pattern "*" is any text. Files that are called zone or end in .zone are the DNS world, letter is what is sent.
//
// Life: outside. Promise: what a login was told is true: the message arrives byte for byte, or its sender gets a
// report. Limits: small loads; a step is waited for 40 s. Failure: the line, what was wanted, both servers' words.
package outbound
