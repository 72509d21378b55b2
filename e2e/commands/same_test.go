package commands

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"barid/e2e/server"
)

// TestCommandsWorkTheSameWithAndWithoutAServer does the same work on two installations: one runs, the other does
// not. Every answer, exit code and JSON is the same.
func TestCommandsWorkTheSameWithAndWithoutAServer(t *testing.T) {
	needTime(t)
	still := server.Prepare(t, server.Options{})
	running := server.Start(t, server.Options{})
	for _, line := range []string{
		"domain add example.org",
		"domain add example.org",
		"domain add مثال.إختبار",
		"domain set example.org --catch-all info@example.test --separator -",
		"domain show example.org",
		"domain show nowhere.example",
		"domain list",
		"account add team@example.org --display Team --locale ar --quota 10MiB --address crew@example.org",
		"account add team@example.org",
		"account add nobody@nowhere.example",
		"account add not-an-address",
		"account set team@example.org --quota 20MiB --pop3-delete trash",
		"account set team@example.org --pop3-delete burn",
		"account set team@example.org --locale klingon",
		"account password team@example.org",
		"account show team@example.org",
		"account show crew@example.org",
		"account show nobody@example.org",
		"account list",
		"alias add office@example.org team@example.org info@example.test",
		"alias add loop@example.org loop@example.org",
		"alias add office@example.org team@example.org",
		"alias set office@example.org team@example.org",
		"alias show office@example.org",
		"alias list",
		"relay set smtps://office@relay.example --name office",
		"relay set smtps://office@relay.example --name office --dry-run",
		"relay set smtps://office:secret@relay.example",
		"relay set gmial",
		"relay add direct --name office",
		"relay add direct --name ofice",
		"relay rule add --from shop.example --to مثال.إختبار --route office",
		"relay rule add --from shop.example --route nowhere",
		"relay rule list",
		"relay which --from info@shop.example --to info@مثال.إختبار",
		"relay source add 192.0.2.7 --helo out.example.org --senders shop.example",
		"relay source list",
		"relay source rm 192.0.2.7",
		"relay source rm 192.0.2.7",
		"relay tls list",
		"relay tls forget example.net",
		"relay list",
		"relay presets",
		"relay test nowhere",
		"relay rm office",
		"relay rm office --with-rules",
		"relay list",
		"trace msg 00000000000000000.1",
		"store verify",
		"alias rm office@example.org",
		"alias rm office@example.org",
		"domain rm example.org",
		"account rm team@example.org --yes",
		"account rm team@example.org --yes",
		"domain rm example.org",
		"domain list",
		"account list",
		"alias list",
	} {
		for _, form := range []string{"", " --json"} {
			if form == " --json" && !strings.Contains(line, " list") && !strings.Contains(line, " show") {
				continue // done once is done
			}
			args := strings.Fields(line + form)
			a, b := run(still, args), run(running, args)
			if a != b {
				t.Errorf("barid %s\nwithout a server: exit %d\n%s%s\nwith one: exit %d\n%s%s", line+form, a.code, a.out, a.errs, b.code, b.out, b.errs)
			}
			if form != "" && a.code == 0 {
				eachLineIsJSON(t, line, a.out)
			}
		}
	}
}

// moments are what differs between two runs of the same work: times, folders, and sizes on disk.
var moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|/tmp/[^ "\n]+|"(Rows|RecordBytes|Records|Segments)":\d+|(Rows|RecordBytes|Records) +\d+`)

func run(s *server.Server, args []string) result {
	out, errs, code := s.Run(args...)
	return result{moments.ReplaceAllString(out, "…"), moments.ReplaceAllString(errs, "…"), code}
}

func eachLineIsJSON(t *testing.T, line, out string) {
	t.Helper()
	for l := range strings.Lines(out) {
		var v map[string]any
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Errorf("%s --json printed %q: %v", line, l, err)
		}
	}
}

// TestStatusAndHealthTellWhetherItRuns is where the two must differ.
func TestStatusAndHealthTellWhetherItRuns(t *testing.T) {
	needTime(t)
	s := server.Prepare(t, server.Options{})
	var st struct {
		Running   bool
		Accounts  int
		Listeners []struct{ Protocol, Address string }
	}
	s.JSON(&st, "status")
	if st.Running || st.Accounts != 3 {
		t.Errorf("status without a server: %+v", st)
	}
	if _, errs, code := s.Run("health"); code != 4 {
		t.Errorf("health without a server: exit %d %s", code, errs)
	}
	s.Boot()
	s.JSON(&st, "status")
	if !st.Running || st.Accounts != 3 || len(st.Listeners) != len(s.Addr) {
		t.Errorf("status with a server: %+v", st)
	}
	for _, l := range st.Listeners {
		if s.Addr[l.Protocol] != l.Address {
			t.Errorf("%s is said to be at %s, not %s", l.Protocol, l.Address, s.Addr[l.Protocol])
		}
	}
	s.Must("health")
	if _, errs, code := s.Run("serve"); code != 1 || !strings.Contains(errs, "B3004") {
		t.Errorf("a second server on the folder: exit %d %s", code, errs)
	}
}
