package interop

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// ours are the trace fields that the server puts before a message, and nothing else (RFC 5321 §4.4, RFC 8601 §2).
// Groups: reverse-path, Authentication-Results, HELO, protocol, recipient.
var ours = regexp.MustCompile(`^Return-Path: <([^>\r\n]*)>\r\n` +
	`Authentication-Results: mx\.example\.test;((?:\r\n\t| )[^\r\n]+)\r\n` +
	`Received: from (\S+) \(\[127\.0\.0\.1\]\)\r\n` +
	`\tby mx\.example\.test with (\S+)(?: \([^)\r\n]+\))? id [0-9a-z.]+\r\n` +
	`\tfor <([^>\r\n]+)>;\r\n` +
	`\t(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n`)

// completed are the fields that a submission adds when the message has none (RFC 6409 §8.1 to §8.3).
var completed = regexp.MustCompile(`^(Date|From|Message-ID): [^\r\n]+\r\n`)

// byPostfix is the field that Postfix adds to what it relays.
var byPostfix = regexp.MustCompile(`^Received: from \S+ \(localhost \[127\.0\.0\.1\]\)\r\n` +
	`\tby postfix\.example\.com \(Postfix\) with (?:UTF8SMTP|ESMTP) id \S+\r\n` +
	`\tfor <[^>\r\n]+>; [^\r\n]+\r\n`)

// traced is a message without its trace fields, and what those said.
type traced struct {
	from, results, helo, protocol, to string
	rest                              []byte
}

func cutTrace(raw []byte) (traced, error) {
	m := ours.FindSubmatch(raw)
	if m == nil {
		return traced{}, fmt.Errorf("does not begin with our trace fields: %.400q", raw)
	}
	return traced{string(m[1]), string(m[2]), string(m[3]), string(m[4]), string(m[5]), raw[len(m[0]):]}, nil
}

// cutCompleted takes away fields that a submission added. Each may be there only if raw lacks it.
func cutCompleted(got, raw []byte) []byte {
	for {
		m := completed.FindSubmatch(got)
		if m == nil || hasField(raw, string(m[1])) {
			return got
		}
		got = got[len(m[0]):]
	}
}

// hasField looks for a field the way a person does, line by line.
func hasField(raw []byte, name string) bool {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for _, line := range strings.Split(string(head), "\r\n") {
		if key, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return true
		}
	}
	return false
}
