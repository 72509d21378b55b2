// Package commands runs the barid command as a person or a script does: its help, its exit codes, its JSON, the
// local mail world of "barid dev", and the same work with the server running and not. It holds tests only.
//
// Life: outside. Promise: every command of the tree is walked; one that is added is tested without being named
// here. Limits: loopback, ports the system chooses. Failure: the test shows what the command printed.
package commands
