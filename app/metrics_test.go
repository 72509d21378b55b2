package app

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"barid/base/log"
)

// metricsPage lists what /metrics has. BARID_UPDATE=1 writes it again.
const metricsPage = "../docs/develop/metrics.md"

var describedAs = regexp.MustCompile(`fqName: "(barid_[^"]+)", help: "([^"]*)", .*variableLabels: \{([^}]*)\}`)

// TestMetricsPageIsComplete: every metric of a server that does everything has its row, and no other has one.
func TestMetricsPageIsComplete(t *testing.T) {
	cfg := devAt(t, t.TempDir())
	cfg.Hostname = "mx.example.test"
	cfg.Outbound.Enabled = true
	cfg.Resolver = []string{"127.0.0.1:1"} // nobody is asked
	s, err := open(t.Context(), cfg, log.Nothing(), opening{inMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	s.doors()
	rows := metricRows(s.reg)
	if len(rows) < 40 {
		t.Errorf("found %d metrics only", len(rows))
	}
	b, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(b), "| metric |")
	want := head + "| metric | labels | what |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n"
	if os.Getenv("BARID_UPDATE") != "" {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Errorf("%s is not what the server has: BARID_UPDATE=1 go test ./app -run Metrics writes it again\n%s", metricsPage, difference(string(b), want))
	}
}

func metricRows(reg *prometheus.Registry) (rows []string) {
	all := make(chan *prometheus.Desc)
	go func() { reg.Describe(all); close(all) }()
	for d := range all {
		if m := describedAs.FindStringSubmatch(d.String()); m != nil {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", m[1], strings.ReplaceAll(m[3], ",", " "), m[2]))
		}
	}
	slices.SortFunc(rows, func(a, b string) int { return cmp.Compare(a, b) })
	return slices.Compact(rows)
}

// difference gives the lines that only one of two texts has.
func difference(got, want string) string {
	var out []string
	for _, l := range strings.Split(got, "\n") {
		if !strings.Contains(want, l+"\n") {
			out = append(out, "- "+l)
		}
	}
	for _, l := range strings.Split(want, "\n") {
		if !strings.Contains(got, l+"\n") {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
