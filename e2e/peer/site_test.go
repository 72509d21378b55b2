package peer

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"barid/e2e/island"
	"barid/e2e/world"
)

func TestMain(m *testing.M) { os.Exit(island.Main(m)) }

// TestSitesExchangeMail shows that the sites work by themselves, each with each, so that a failure elsewhere is ours.
func TestSitesExchangeMail(t *testing.T) {
	island.Need(t)
	var zones []string
	for i, d := range []string{"postfix", "exim", "opensmtpd"} {
		zones = append(zones, fmt.Sprintf("$ORIGIN %s.example.\n$TTL 0\n@ MX 10 mx\nmx A 127.0.1.%d\n", d, i+1))
	}
	w, err := world.Run(island.Resolver, zones...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	var sites []*Site
	for i, start := range []func(testing.TB, SiteOptions) *Site{PostfixSite, EximSite, OpenSMTPDSite} {
		name := []string{"postfix", "exim", "opensmtpd"}[i]
		sites = append(sites, start(t, SiteOptions{
			Domain: name + ".example", Addr: netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}), Users: []string{"info"},
		}))
	}
	for _, from := range sites {
		for _, to := range sites {
			Must(t, Command{Name: "swaks", Args: []string{
				"--server", from.Listen(), "--local-interface", "127.0.9.1", "--from", "info@" + from.Domain, "--to", "info@" + to.Domain,
				"--h-Subject", from.Name + " to " + to.Name, "--helo", "localhost",
			}})
		}
		r := Run(t, Command{Name: "swaks", Args: []string{
			"--server", from.Listen(), "--local-interface", "127.0.8.1", "--from", "x@example.com", "--to", "nobody@" + from.Domain, "--helo", "localhost",
		}})
		if r.Code == 0 || !strings.Contains(r.Out, "<** 5") {
			t.Errorf("%s takes mail for nobody: exit %d\n%s", from.Name, r.Code, r.Out)
		}
	}
	for _, to := range sites {
		for _, from := range sites {
			arrives(t, to, "Subject: "+from.Name+" to "+to.Name+"\n", from)
		}
	}
	// A recipient that nobody has comes back as a report.
	for i, from := range sites {
		to := sites[(i+1)%len(sites)]
		Must(t, Command{Name: "swaks", Args: []string{
			"--server", from.Listen(), "--local-interface", "127.0.9.1", "--from", "info@" + from.Domain, "--to", "nobody@" + to.Domain, "--helo", "localhost",
		}})
		arrives(t, from, "nobody@"+to.Domain, to)
	}
	// A site that was away is found again.
	for i, to := range sites {
		from := sites[(i+1)%len(sites)]
		to.Stop()
		Must(t, Command{Name: "swaks", Args: []string{
			"--server", from.Listen(), "--local-interface", "127.0.9.1", "--from", "info@" + from.Domain, "--to", "info@" + to.Domain,
			"--h-Subject", "while " + to.Name + " is away", "--helo", "localhost",
		}})
		to.Start()
		to.Freeze()
		to.Thaw()
		arrives(t, to, "Subject: while "+to.Name+" is away\n", from)
	}
	for _, s := range sites {
		for end := time.Now().Add(time.Minute); s.Queued() > 0; {
			if time.Now().After(end) {
				t.Errorf("%s still keeps %d messages\n%s", s.Name, s.Queued(), s.Log())
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// arrives waits for a message of info@ that holds a text.
func arrives(t *testing.T, at *Site, text string, from *Site) {
	t.Helper()
	begin := time.Now()
	for n := 0; time.Since(begin) < 90*time.Second; n++ {
		for _, m := range at.Mail("info") {
			if strings.Contains(strings.ReplaceAll(m, "\r\n", "\n"), text) {
				t.Logf("%q after %v", strings.TrimSpace(text), time.Since(begin))
				return
			}
		}
		if n%5 == 4 {
			from.Push()
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%q did not arrive\n%s\n%s", text, from.Log(), at.Log())
}
