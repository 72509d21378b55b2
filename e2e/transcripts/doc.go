// Package transcripts plays dialogs with the real server: what clients of the world say, and what they must hear.
// Each *.txtar file of this folder is one; its name is a sentence. Nobody needs Go to read or write one.
//
// The text before the first file of the archive is the dialog, one step a line:
//
//	# a comment
//	domain: NAME                        before the server starts: barid domain add
//	account: ADDRESS [--flag value]...  before the server starts: barid account add; info@, demo@ and فروش@ exist
//	alias: ADDRESS TARGET...            before the server starts: barid alias add
//	mail: ADDRESS MAILBOX FILE [FLAG].. puts a file of the archive into a mailbox, byte for byte
//	connect: PROTOCOL                   opens a connection to a listener, with TLS where it begins with it
//	connect: PROTOCOL bare              without TLS in any case; "tls:" does the handshake later
//	tls:                                does the TLS handshake
//	C: text                             the client says a line
//	C< FILE                             ... the lines of a file
//	C. FILE                             ... the lines of a file with dots stuffed, and the final dot
//	C~ "octets"                         ... just these, quoted as in Go
//	C= text                             the client says a text in base64, as the answers of AUTH LOGIN
//	S: pattern                          the server says a line
//	S~ pattern                          ... after any number of other lines
//	S< FILE                             ... the lines of a file
//	closed:                             the server closes the connection
//	close:                              the client does
//	mailbox: ADDRESS MAILBOX holds N    so many messages are in it; "is empty" is 0
//	run: ARGUMENTS                      runs barid with the server's configuration; "run 2:" wants exit code 2
//	>: pattern                          the next line of what it printed; ">~ pattern" skips others
//	log: pattern                        the server's log has such a line; "nolog: pattern" has none
//	restart:                            SIGKILL and a new start
//
// "connect2:", "C2:", "S2:" and so on are a second connection. In a pattern "*" is any text, but for one that begins
// the line of an untagged IMAP response; "{{name}}" is any text that later lines may use by that name, and
// "{{size FILE}}" the octets of a file. Files of the archive have LF here and CRLF on the wire. The file "top.toml" is put at the beginning of the
// server's configuration, "tables.toml" at its end; "zone" is the DNS world that it asks.
//
// Life: outside, in front of every listener. Promise: each dialog has a server and data of its own.
// Limits: a line is waited for ten seconds. Failure: the line of the transcript, what came and what was wanted.
package transcripts
