package interop

import (
	"slices"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/server"
)

// TestFetchmailLeavesOrTakes reads INBOX with STLS and with TLS from the start, leaves the mail or takes it away;
// what a delete does is the account's choice.
func TestFetchmailLeavesOrTakes(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		name, protocol, keep, policy string
		inbox, trash                 int // afterwards
	}{
		{"keeps over STLS", "pop3", "keep", "delete", 2, 0},
		{"keeps over TLS", "pop3s", "keep", "delete", 2, 0},
		{"deletes over STLS", "pop3", "nokeep", "delete", 0, 0},
		{"deletes over TLS", "pop3s", "nokeep", "delete", 0, 0},
		{"deletes into Trash", "pop3s", "nokeep", "trash", 0, 2},
		{"deletes and nothing goes", "pop3s", "nokeep", "keep", 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			user := "demo@" + server.Domain
			s.Must("account", "set", user, "--pop3-delete", c.policy)
			m := imap.Dial(t, s, user)
			empty(m, "INBOX")
			empty(m, "Trash")
			mustAppend(t, m, "INBOX", ``, letter("there", 1))
			mustAppend(t, m, "INBOX", `\Seen`, letter("there", 2))
			got := readFetchmail(t, s, user, c.protocol, c.keep)
			want := []string{string(letter("there", 1)), string(letter("there", 2))}
			if !slices.Equal(sorted(got), want) {
				t.Errorf("fetchmail got %q", got)
			}
			if inbox, trash := m.Count("INBOX"), m.Count("Trash"); inbox != c.inbox || trash != c.trash {
				t.Errorf("%d messages are in INBOX and %d in Trash, want %d and %d", inbox, trash, c.inbox, c.trash)
			}
		})
	}
}

func sorted(raw [][]byte) []string {
	var out []string
	for _, b := range raw {
		out = append(out, string(b))
	}
	slices.Sort(out)
	return out
}

func empty(c *imap.Client, mailbox string) {
	c.Do("SELECT %q", mailbox)
	c.Do(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
	c.Do("CLOSE")
}
