// Package island runs a test program in a small world of its own: a network that is loopback and nothing else, where
// ports 25 and 53 are free, and an /etc in which names are asked for at 127.0.0.1.
//
// Life: outside; TestMain of e2e packages whose peers are real mail servers. They find each other by MX, which knows
// no ports, and they read resolv.conf, passwd and hosts from where all programs do. So the program starts itself
// once more in new network, mount and process namespaces, with a copy of /etc over /etc. e2e/world answers at
// Resolver there.
// Promises: the machine outside is not touched, nothing reaches another machine, and every process that was started
// inside ends with the program, however that ends.
// Limits: Linux, and root with CAP_SYS_ADMIN, as in a container of continuous integration that may mount. Failure:
// without them every test that asks Need fails and says why; with -short it is left out.
package island

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Resolver is where programs inside ask for names.
const Resolver = "127.0.0.1:53"

// stage tells a copy of the program what it is.
const stage = "BARID_ISLAND"

// The stages. The first process of a process namespace must wait for orphans, so it is not the one that tests.
const (
	atFirst  = "first"
	atInside = "inside"
)

// warmed is built before the world outside is left: modules may have to be fetched for it.
const warmed = "barid/cmd/barid"

// Main is the whole of a TestMain: os.Exit(island.Main(m)).
func Main(m *testing.M) int {
	flag.Parse()
	switch at := os.Getenv(stage); {
	case at == atInside:
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, "island:", err)
			return 1
		}
		return m.Run()
	case at == atFirst:
		return reap()
	case testing.Short() || why() != "":
		return m.Run() // Need speaks
	}
	return leave()
}

// Need fails the test if the program is not on an island.
func Need(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("tests with real peers are left out with -short")
	}
	if os.Getenv(stage) == atInside {
		return
	}
	if w := why(); w != "" {
		t.Fatal(w)
	}
	t.Fatal("the package needs a TestMain that calls island.Main")
}

// why tells what keeps this process from making an island.
func why() string {
	if os.Geteuid() != 0 {
		return "the test needs root, to run mail servers on port 25 in a network namespace of their own"
	}
	return ""
}

// warm builds the product, so that building it inside needs nothing from outside. If that fails, it fails again
// inside, where a test needs it.
func warm() {
	cmd := exec.Command("go", "build", "-trimpath", "-o", os.DevNull, warmed)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	_ = cmd.Run()
}
