package hostile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// oddLimit is what an odd message may cost the server.
const oddLimit = 5 * time.Second

// oddMessages are rows 17 and 24 to 27: each is taken, or refused with 552 5.3.4.
func oddMessages() map[string]string {
	var nested, headers strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	nested.WriteString("\r\ninside\r\n")
	for i := 4999; i >= 0; i-- {
		fmt.Fprintf(&nested, "--b%d--\r\n", i)
	}
	for i := range 100_000 {
		fmt.Fprintf(&headers, "X-%d: x\r\n", i)
	}
	var params strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&params, ";\r\n filename*%d=part%d", i, i)
	}
	mixed := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	return map[string]string{
		"a header line of 1 MB":            "Subject: " + strings.Repeat("x", 1<<20) + "\r\n\r\nx\r\n",
		"100,000 fields":                   headers.String() + "\r\nx\r\n",
		"a field of 4 MB, folded":          "X-Folded: x" + strings.Repeat("\r\n xxxxxxxxxxxx", 300_000) + "\r\n\r\nx\r\n",
		"a field of 400 kB, folded":        "X-Folded: x" + strings.Repeat("\r\n xxxxxxxxxxxx", 30_000) + "\r\n\r\nx\r\n",
		"multipart 5000 deep":              nested.String(),
		"message/rfc822 2000 deep":         strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 2000) + "Subject: inner\r\n\r\nx\r\n",
		"100,000 parts":                    mixed + strings.Repeat("--b\r\n\r\nx\r\n", 100_000) + "--b--\r\n",
		"100,000 empty parts":              mixed + strings.Repeat("--b\r\n", 100_000),
		"20,000 RFC 2231 parameters":       "Content-Type: text/plain\r\nContent-Disposition: attachment" + params.String() + "\r\n\r\nx\r\n",
		"500,000 comments":                 "To: " + strings.Repeat("(c)\r\n ", 500_000) + "info@example.test\r\n\r\nx\r\n",
		"130,000 comments":                 "From: " + strings.Repeat("(c)", 300) + " <a@elsewhere.example>\r\nTo: " + strings.Repeat("(c)\r\n ", 130_000) + "info@example.test\r\n\r\nx\r\n",
		"comments 200,000 deep":            "From: " + strings.Repeat("(", 200_000) + "\r\n\r\nx\r\n",
		"40,000 addresses":                 "To: " + strings.Repeat("a@elsewhere.example,\r\n ", 40_000) + "info@example.test\r\n\r\nx\r\n",
		"100,000 groups":                   "To: " + strings.Repeat("g:;", 100_000) + "\r\n\r\nx\r\n",
		"100,000 References":               "References: " + strings.Repeat("<a@b>\r\n ", 100_000) + "<c@d>\r\nMessage-ID: <x@y>\r\n\r\nx\r\n",
		"encoded words without end":        "Subject: " + strings.Repeat("=?utf-8?b?2YXYsdit2KjYpw==?=\r\n ", 10_000) + "\r\n\r\nx\r\n",
		"encoded words with line ends":     "Subject: =?utf-8?q?a=0D=0ABcc:_victim=40elsewhere.example=0D=0A?=\r\n\r\nx\r\n",
		"parts that hold each other":       "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--b--\r\n--a--\r\n--b--\r\n",
		"one boundary at all levels":       strings.Repeat("Content-Type: multipart/mixed; boundary=same\r\n\r\n--same\r\n", 500) + "\r\nx\r\n--same--\r\n",
		"an rfc822 that never ends":        mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n",
		"no boundary":                      "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx\r\n----\r\n",
		"an empty boundary":                "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n",
		"a boundary of 10,000 octets":      "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 10_000) + "\r\n\r\n--" + strings.Repeat("b", 10_000) + "\r\n\r\nx\r\n",
		"no header":                        "this is not a field\r\n\r\nx\r\n",
		"nothing":                          "",
		"only a header":                    "Subject: x\r\n",
		"a NUL charset and broken base64":  "Content-Type: text/plain; charset=\"\x01\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("=A=B=C", 5000) + "\r\n",
		"quotes and backslashes":           "Subject: \"\\\\\"\\\r\nFrom: \"a\\\"b\\\\\" <\"x\\\"y\"@elsewhere.example>\r\nContent-Type: text/plain; name=\"a\\\"b\\\\c\"\r\nContent-ID: <\"{5}\">\r\nContent-Description: {3}\r\n\r\nx\r\n",
		"8-bit in every field":             "Subject: \xd9\x85\xff\xfe\r\nFrom: \xff <\xff@elsewhere.example>\r\nMessage-ID: <\xff>\r\nContent-Type: te\xffxt/\xfe; na\xffme=\xfe\r\nContent-Disposition: \xff; x=\xfe\r\nContent-Language: \xff\r\nContent-Location: \xff\r\n\r\n\xff\r\n",
		"controls in every field":          "Subject: a\x01\x07\x1b[2J\x7f\r\nFrom: \x02 <\x03@elsewhere.example>\r\nContent-Type: text/pl\x04ain; x=\"\x05\"\r\n\r\nx\r\n",
		"right-to-left override in a name": "Content-Type: application/x; name=\"=?utf-8?q?invoice=E2=80=AEfdp.exe?=\"\r\nContent-Disposition: attachment; filename*=utf-8''invoice%E2%80%AEfdp.exe\r\n\r\nx\r\n",
		"paths as file names":              "Content-Type: application/x; name=\"../../../etc/passwd\"\r\nContent-Disposition: attachment; filename=\"C:\\\\..\\\\boot.ini\"\r\n\r\nx\r\n",
		"a zip bomb":                       mixed + "--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("UEsDBBQA", 9)+"\r\n", 1000) + "--b--\r\n",
		"1000 ARC sets":                    strings.Repeat("ARC-Seal: i=1; a=rsa-sha256; cv=none; d=x.example; s=s; b=AAAA\r\nARC-Message-Signature: i=1; b=AAAA\r\nARC-Authentication-Results: i=1; x\r\n", 1000) + "\r\nx\r\n",
		"2000 signatures":                  strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AAAA; b=AAAA\r\n", 2000) + "\r\nx\r\n",
	}
}

// TestOddMessagesAreKeptAndDescribed sends each odd message and reads it in every way that makes the server
// look into it. Each answer is in time and in the form of RFC 3501; each message that was taken is kept octet for
// octet.
func TestOddMessagesAreKeptAndDescribed(t *testing.T) {
	b := begin(t, server.Options{})
	box := b.imap(t, "127.0.2.1", info)
	do(t, box, "SELECT INBOX")
	for name, message := range oddMessages() {
		t.Run(name, func(t *testing.T) {
			var r wire.Reply
			c := b.smtp(t, "127.0.2.2")
			b.within(t, oddLimit, "taking it", func() {
				var err error
				r, err = c.Send(stranger, []string{info}, wire.Stuff(message))
				if err != nil {
					t.Fatal(err)
				}
			})
			if r.Is("552 5.3.4 ") {
				t.Log(r)
				return
			}
			if r.Code != 250 {
				t.Fatalf("%s; an odd form is no reason to refuse", r)
			}
			read(t, b, box, message)
		})
		b.alive(t)
	}
	drop := b.pop3(t, "127.0.2.4", info)
	for _, command := range []string{"LIST", "UIDL"} {
		if line, ok, err := drop.Says(command); !ok || err != nil {
			t.Fatalf("%s: %q %v", command, line, err)
		}
		if _, err := drop.Lines(); err != nil {
			t.Fatal(err)
		}
	}
}

// read makes the server look into the latest message in every way.
func read(t *testing.T, b *bed, box *wire.IMAP, message string) {
	t.Helper()
	do(t, box, "NOOP")
	items := map[string]wire.Node{}
	for _, f := range []string{"ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "RFC822.HEADER", "BODY.PEEK[HEADER.FIELDS (Subject From To References X-Folded)]", "BODY.PEEK[HEADER.FIELDS.NOT (X-1)]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]", "BODY.PEEK[1.1.1.1.1.1]", "BODY.PEEK[2.HEADER]", "BODY.PEEK[99999.99999]"} {
		b.within(t, oddLimit, f, func() {
			fetched, err := do(t, box, "FETCH * ("+f+")").Fetches()
			if err != nil || len(fetched) != 1 {
				t.Fatalf("FETCH %s: %d responses, %v", f, len(fetched), err)
			}
			for k, v := range fetched[0].Items {
				items[k] = v
			}
		})
	}
	if err := wire.CheckEnvelope(items["ENVELOPE"]); err != nil {
		t.Errorf("ENVELOPE: %v", err)
	}
	for name, extended := range map[string]bool{"BODYSTRUCTURE": true, "BODY": false} {
		parts, err := wire.CheckStructure(items[name], extended)
		if err != nil || parts < 1 {
			t.Errorf("%s with %d parts: %v", name, parts, err)
		}
	}
	raw := items["BODY[]"].Text
	if !strings.HasSuffix(raw, message) && !strings.HasSuffix(raw, strings.TrimSuffix(message, "\r\n")+"\r\n") {
		t.Errorf("it was not kept as it came: %.300q ... %d octets of %d", raw, len(raw), len(message))
	}
	if items["RFC822.SIZE"].Text != fmt.Sprint(len(raw)) {
		t.Errorf("RFC822.SIZE is %s, BODY[] has %d", items["RFC822.SIZE"].Text, len(raw))
	}
	if items["BODY[HEADER]"].Text+items["BODY[TEXT]"].Text != raw {
		t.Error("BODY[HEADER] and BODY[TEXT] are not BODY[]")
	}
	for _, s := range []string{"TEXT needle", "BODY needle", "SUBJECT needle", "FROM needle", "HEADER X-Folded needle", "SENTSINCE 1-Jan-2020", "HEADER References needle"} {
		b.within(t, oddLimit, "SEARCH "+s, func() { do(t, box, "SEARCH "+s) })
	}
}
