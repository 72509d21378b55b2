package sender

import (
	"context"
	"errors"
	"strings"
	"testing"

	"barid/flow/policy"
	"barid/mail"
	"barid/rfc/addr"
)

// own owns what ends in "@own.test"; "down@..." can not be asked.
type own struct{}

func (own) MaySend(_ context.Context, _ mail.AccountID, _ mail.ApplicationID, a addr.Mailbox) (bool, error) {
	if a.Local == "down" {
		return false, errors.New("directory down")
	}
	return a.Domain == "own.test", nil
}

func path(t *testing.T, s string) addr.Path {
	t.Helper()
	if s == "" {
		return addr.Path{Null: true}
	}
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		t.Fatal(err)
	}
	return addr.Path{Mailbox: m}
}

func TestEnvelope(t *testing.T) {
	check := Checks(own{})[0]
	for _, c := range []struct {
		from  string
		login mail.AccountID
		want  string
		err   bool
	}{
		{"info@own.test", 1, "", false},
		{"info@other.test", 1, "sender-envelope", false},
		{"", 1, "", false}, // read receipts, RFC 8098 §3
		{"info@other.test", 0, "", false},
		{"down@own.test", 1, "", true},
	} {
		tx := &policy.Tx{Client: &mail.Client{Login: c.login}, From: path(t, c.from)}
		found, err := check.Run(t.Context(), tx)
		expect(t, c.from, found, err, c.want, c.err)
	}
}

func TestAuthor(t *testing.T) {
	check := Checks(own{})[1]
	many := "From: " + strings.Repeat("info@own.test, ", MaxAddresses+1) + "info@own.test\r\n\r\n"
	for _, c := range []struct {
		name, header string
		null         bool
		want         string
		err          bool
	}{
		{"own", "From: Info <info@own.test>\r\nTo: a@other.test\r\n\r\n", false, "", false},
		{"two of its own", "From: info@own.test, sales@own.test\r\nSender: info@own.test\r\n\r\n", false, "", false},
		{"foreign", "From: info@other.test\r\n\r\n", false, "sender-header", false},
		{"foreign Sender", "From: info@own.test\r\nSender: <info@other.test>\r\n\r\n", false, "sender-header", false},
		{"foreign second address", "From: info@own.test, info@other.test\r\n\r\n", false, "sender-header", false},
		{"foreign second field", "From: info@own.test\r\nSubject: x\r\nFROM: info@other.test\r\n\r\n", false, "sender-header", false},
		{"foreign in a group", "From: team: info@own.test, info@other.test;\r\n\r\n", false, "sender-header", false},
		{"foreign behind a fold", "From: info@own.test,\r\n info@other.test\r\n\r\n", false, "sender-header", false},
		{"foreign behind a comment", "From: (info@own.test) info@other.test\r\n\r\n", false, "sender-header", false},
		{"own address as name", "From: \"info@own.test\" <info@other.test>\r\n\r\n", false, "sender-header", false},
		{"space before the colon", "From : info@other.test\r\n\r\n", false, "sender-header", false},
		{"behind a line that is no field", "no field here\r\nFrom: info@other.test\r\n\r\n", false, "sender-header", false},
		{"foreign resender", "From: info@own.test\r\nResent-From: info@other.test\r\n\r\n", false, "sender-header", false},
		{"nobody", "From: undisclosed:;\r\n\r\n", false, "sender-unreadable", false},
		{"no address", "From: Info\r\n\r\n", false, "sender-unreadable", false},
		{"too many", many, false, "sender-unreadable", false},
		{"fold in the name of the field", "Subject: x\r\nFrom\r\n : info@other.test\r\n\r\n", false, "sender-unreadable", false},
		{"control character in the name", "From: info@own.test\r\nFrom\x0b: info@other.test\r\n\r\n", false, "sender-unreadable", false},
		{"no-break space in the name", "From: info@own.test\r\nFrom\u00a0: info@other.test\r\n\r\n", false, "sender-unreadable", false},
		{"zero-width space in the name", "From: info@own.test\r\n\u200bSender: info@other.test\r\n\r\n", false, "sender-unreadable", false},
		{"odd lines of no concern", "From: info@own.test\r\nno field\r\nX Y: info@other.test\r\n\r\n", false, "", false},
		{"no From: intake adds the reverse-path", "Subject: x\r\n\r\n", false, "", false},
		{"no From and no reverse-path", "Subject: x\r\n\r\n", true, "sender-unreadable", false},
		{"in the body only", "Subject: x\r\n\r\nFrom: info@other.test\r\n", false, "", false},
		{"directory down", "From: down@own.test\r\n\r\n", false, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := "info@own.test"
			if c.null {
				from = ""
			}
			tx := &policy.Tx{Client: &mail.Client{Login: 1}, From: path(t, from), Header: []byte(c.header)}
			found, err := check.Run(t.Context(), tx)
			expect(t, c.name, found, err, c.want, c.err)
			tx.Client.Login = 0
			if found, err := check.Run(t.Context(), tx); found != nil || err != nil {
				t.Errorf("mail from the world: %v %v", found, err)
			}
		})
	}
}

func expect(t *testing.T, name string, found []policy.Finding, err error, want string, wantErr bool) {
	t.Helper()
	switch {
	case (err != nil) != wantErr:
		t.Errorf("%s: error %v", name, err)
	case want == "" && found != nil, want != "" && (len(found) != 1 || found[0].Reason != want):
		t.Errorf("%s: found %+v, want %q", name, found, want)
	}
}
