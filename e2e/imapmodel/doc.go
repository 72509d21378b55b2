// Package imapmodel lets several sessions of two accounts, which share mailboxes, act at random and holds every response
// against a model of RFC 3501 and RFC 9051 that is as simple as a list of messages.
//
// What: model_test.go is the model, bodies_test.go its messages, view_test.go what a client knows from the wire alone,
// op_*_test.go the commands that are made up, history_test.go plays them and makes a failing history short, wire_test.go
// parses responses and accepts nothing that RFC 9051 §9 does not have.
//
// Life: outside; tests only. The server runs in this process over store/memory or store/embedded, its connections are pipes in
// memory, and histories say when the index of texts takes messages in. Promise: a history depends on its seed and nothing else; a failure names the seed and shows the
// shortest dialog found that still fails. Limits: BARID_SEEDS=10000 plays that many histories, BARID_SEED=n only that
// one. Failure: the test fails with what was expected and the dialog.
// Standards: RFC 3501, RFC 3516, RFC 4314, RFC 4315, RFC 4469, RFC 4731, RFC 4978, RFC 5161, RFC 5182, RFC 5256, RFC 5267, RFC 5464,
// RFC 5465, RFC 6851, RFC 7162, RFC 7377, RFC 8437, RFC 8474, RFC 8514, RFC 8970, RFC 9051, RFC 9208, RFC 9586.
package imapmodel
