package outbound

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// atOnce is how many scenarios are played at a time: they mostly wait.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestScenarios plays every file of scenarios: what other servers and the DNS do, and what must come of it. Each
// ends with the queue as it has to be and with a sender who knows.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("the real program is not run with -short")
	}
	files, err := filepath.Glob("scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			play(t, a)
		})
	}
}

// TestScenariosCanFail plays scenarios that are wrong.
func TestScenariosCanFail(t *testing.T) {
	if testing.Short() {
		t.Skip("the real program is not run with -short")
	}
	for _, dialog := range []string{
		"peer mx 1:\nsend: info@example.net\narrives mx: 2",
		"peer mx 1: end reply=\"554 5.7.1 no\"\nsend: info@example.net\narrives mx: 1",
		"peer mx 1:\nsend: info@example.net\nreport: failed 5.1.1 info@example.net",
		"peer mx 1: mail reply=\"451 4.3.0 later\"\nsend: info@example.net\nqueue: empty",
		"peer mx 1:\nsend: info@example.net\narrives mx: 1\ntrace: *expired*",
		"peer mx 1: nonsense",
		"nonsense",
	} {
		t.Run(dialog, func(t *testing.T) {
			t.Parallel()
			p := newPlayer(t, &txtar.Archive{Comment: []byte(dialog)})
			p.patience = shortPatience
			if err := p.play(dialog); err == nil {
				t.Error("it passed")
			}
		})
	}
}
