package diag

import (
	"regexp"
	"strconv"
	"strings"
)

// meanings are the enhanced codes that people meet (RFC 3463 §3), in words.
var meanings = map[string]string{
	"1.1":  "that address does not exist there: check the spelling",
	"1.2":  "that domain does not exist or takes no mail",
	"1.3":  "the address is not written in a form the server understands",
	"1.7":  "the sender's address is not written in a form the server understands",
	"1.8":  "the sender's domain does not exist",
	"1.10": "that domain says that it takes no mail at all (null MX)",
	"2.1":  "the mailbox is switched off",
	"2.2":  "the mailbox is full",
	"2.3":  "the message is larger than that mailbox takes",
	"3.1":  "the server has no room left; it should work later",
	"3.2":  "the server takes no messages at the moment",
	"3.4":  "the message is larger than the server takes",
	"4.0":  "the server can not send it on to its next stop",
	"4.1":  "the next server does not answer",
	"4.6":  "the message goes round in circles",
	"4.7":  "it was tried too long",
	"5.1":  "the command came at a wrong time",
	"5.2":  "the server did not understand the command",
	"5.3":  "too many recipients at once",
	"5.4":  "a parameter of the command is wrong",
	"6.0":  "the server does not like the content",
	"6.7":  "the server can not handle addresses that are not ASCII",
	"6.11": "the message holds a bare CR, LF or NUL; every line must end with CRLF",
	"7.0":  "a security rule forbids it",
	"7.1":  "the sender may not do that: log in, or use an address of your own",
	"7.8":  "user name or password is wrong",
	"7.11": "a password is only taken inside TLS",
	"7.25": "the sending server has no reverse DNS",
	"7.28": "too many messages; the server asks to slow down",
}

var replyForm = regexp.MustCompile(`^([245])(\d\d)[ -](?:([245])\.(\d{1,3}\.\d{1,3}))?`)

// Explain says in words what a reply that is a refusal means; "" for one that is not, or not known.
// Example: "550 5.1.1 no such user" gives "that address does not exist there: check the spelling".
func Explain(reply string) string {
	m := replyForm.FindStringSubmatch(reply)
	if m == nil || m[1] == "2" {
		return ""
	}
	words := meanings[m[4]]
	if words == "" {
		return ""
	}
	if m[1] == "4" {
		words += " (temporary: try again later)"
	}
	return words
}

func itoa(n int) string { return strconv.Itoa(n) }

func has8bit(b []byte) bool {
	return strings.IndexFunc(string(b), func(r rune) bool { return r > 126 }) >= 0
}
