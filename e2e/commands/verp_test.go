package commands

import (
	"strings"
	"testing"

	"barid/e2e/server"
)

// TestReturnPathsAreShown: what --verp said is in the tables, where an administrator looks.
func TestReturnPathsAreShown(t *testing.T) {
	needTime(t)
	s := server.Prepare(t, server.Options{})
	info := "info@" + server.Domain
	s.Must("app-password", "add", info, "--name", "shop", "--verp", "off")
	for _, x := range []struct{ args, object, want string }{
		{"domain set " + server.Domain + " --verp on", server.Domain, "on"},
		{"domain list", server.Domain, "on"},
		{"account show " + info, info, "-"},
		{"account set " + info + " --verp off", info, "off"},
		{"account list", info, "off"},
		{"app-password list " + info, info, "off"},
		{"app-password set " + info + " shop --verp default", info, "-"},
	} {
		out := s.Must(strings.Fields(x.args)...)
		if got := cell(out, x.object, "VERP"); got != x.want {
			t.Errorf("barid %s shows %q, want %q:\n%s", x.args, got, x.want, out)
		}
	}
}

// cell gives what a table says of an object in a column, which begins where its title does.
func cell(table, object, title string) string {
	head, rows, _ := strings.Cut(table, "\n")
	at := strings.Index(head, title)
	for row := range strings.Lines(rows) {
		if at >= 0 && len(row) > at && strings.HasPrefix(row, object+" ") {
			return strings.Fields(row[at:])[0]
		}
	}
	return ""
}
