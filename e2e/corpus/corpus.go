// Package corpus holds messages that look like real ones, and what is true of each.
//
// Life: tests of parsers, delivery, IMAP and search read it; the demo mailboxes of "barid dev" may be filled
// from it. It is data: messages/<name>.eml are exact bytes, messages/<name>.json says what they hold.
//
// Promises: every message has a sidecar; TestCorpus in this folder reads each with rfc/mime and rfc/header and
// compares. Addresses are roles in .example and .test domains.
//
// Limits: small messages only, some hundred kilobytes in all. Failure: All panics if a sidecar is damaged,
// since it is compiled in.
//
// To add a message: put both files here; lines of the .eml end with CRLF.
package corpus

import (
	"embed"
	"encoding/json"
	"path"
	"strings"
)

//go:embed messages
var files embed.FS

// Message is one message of the corpus.
type Message struct {
	Name string // of its files, e.g. "eai"
	Raw  []byte
	Want Want
}

// Want is what is true of a message.
type Want struct {
	About   string   `json:"about"`   // what it shows, one line
	Subject string   `json:"subject"` // decoded
	From    []string `json:"from"`    // "decoded name <address as written>", "<address>" without a name
	Date    string   `json:"date"`    // RFC 3339, "" if there is none that can be read
	Text    string   `json:"text"`    // stands in the decoded text of the first text part
	Parts   []Part   `json:"parts"`   // in order, as mime.Message.Walk gives them

	// AppendOnly messages hold a NUL or line ends that SMTP refuses (RFC 5321 §2.3.8); IMAP APPEND may bring them.
	AppendOnly bool `json:"appendOnly"`
}

// Part is what is true of one part.
type Part struct {
	Path string `json:"path"` // section number, "" for a multipart that is all of the message
	Type string `json:"type"` // lower-case
	Size int64  `json:"size"` // bytes of the body
	Name string `json:"name"` // decoded file name
}

// All gives every message, sorted by name. The caller owns what it gets.
func All() []Message {
	entries, err := files.ReadDir("messages")
	if err != nil {
		panic("corpus: " + err.Error())
	}
	var out []Message
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".eml"); ok {
			out = append(out, load(name))
		}
	}
	return out
}

// Get gives the message with the name; ok is false if there is none.
func Get(name string) (m Message, ok bool) {
	if _, err := files.Open(path.Join("messages", name+".eml")); err != nil {
		return Message{}, false
	}
	return load(name), true
}

func load(name string) Message {
	m := Message{Name: name, Raw: read(name + ".eml")}
	if err := json.Unmarshal(read(name+".json"), &m.Want); err != nil {
		panic("corpus: " + name + ".json: " + err.Error())
	}
	return m
}

func read(name string) []byte {
	b, err := files.ReadFile(path.Join("messages", name))
	if err != nil {
		panic("corpus: " + err.Error())
	}
	return b
}
