package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// stratum is one row of the table in ARCHITECTURE.md, "Who may import whom".
type stratum struct {
	name     string
	may      []string // strata it may import besides the standard library and modules
	siblings string   // which folders inside the stratum may be imported: "all", or the names of shared ones
}

var strata = []stratum{
	{name: "base", may: []string{"base"}, siblings: "all"},
	{name: "rfc", may: []string{"rfc", "base"}, siblings: "all"},
	{name: "store", may: []string{"store", "base"}, siblings: "storetest"},
	{name: "mail", may: []string{"mail", "rfc", "base"}, siblings: "all"},
	{name: "flow", may: []string{"flow", "mail", "rfc", "base"}, siblings: "all"},
	{name: "ops", may: []string{"ops", "flow", "mail", "rfc", "base"}, siblings: "all"},
	{name: "serve", may: []string{"serve", "ops", "flow", "mail", "rfc", "base"}, siblings: "listen"},
	{name: "locales", may: []string{}, siblings: ""},
	{name: "app", may: []string{"app", "serve", "ops", "flow", "mail", "rfc", "base", "store", "locales"}, siblings: "all"},
	{name: "cmd", may: []string{"app", "ops", "base", "locales"}, siblings: ""},
}

// plugins are folders whose children are siblings that never import each other.
var plugins = []string{"flow/policy", "flow/deliver"}

// TestWhoMayImportWhom parses the files itself: a version that shells out to "go list" can pass from Go's
// test cache after a violation was added.
func TestWhoMayImportWhom(t *testing.T) {
	n := 0
	forEachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return // a test may wire anything to anything
		}
		n++
		for _, imp := range imports(t, path) {
			if why := refused(filepath.ToSlash(filepath.Dir(path)), imp); why != "" {
				t.Errorf("%s imports barid/%s: %s", path, imp, why)
			}
		}
	})
	if n < 50 {
		t.Fatalf("looked at %d files only: the walk is broken", n)
	}
}

// TestImportRulesRefuse shows that the check can fail.
func TestImportRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"base/kv", "mail", false},
		{"rfc/smtp", "base/id", true},
		{"store/embedded", "store/memory", false},
		{"store/embedded", "store/storetest", true},
		{"mail/mailbox", "flow/intake", false},
		{"flow/policy/iprev", "flow/policy/quota", false},
		{"flow/policy/iprev", "flow/policy", true},
		{"flow/deliver/local", "flow/deliver/remote", false},
		{"serve/imap", "serve/pop3", false},
		{"serve/imap", "serve/listen", true},
		{"serve/imap", "store/embedded", false},
		{"cmd/barid", "mail/mailbox", false},
		{"cmd/barid", "app", true},
	} {
		if got := refused(c.from, c.to) == ""; got != c.ok {
			t.Errorf("%s importing %s: allowed=%v, want %v", c.from, c.to, got, c.ok)
		}
	}
}

func refused(dir, imp string) string {
	from, ok := stratumOf(dir)
	if !ok {
		return "" // tools, e2e and the root are not part of the product
	}
	to := strings.SplitN(imp, "/", 2)[0]
	if !contains(from.may, to) {
		return from.name + " may import only " + strings.Join(from.may, ", ")
	}
	if to == from.name && from.siblings != "all" {
		if child(dir, to) != child(imp, to) && child(imp, to) != from.siblings {
			return "siblings in " + to + " do not import each other"
		}
	}
	for _, p := range plugins {
		a, b := child(dir, p), child(imp, p)
		if a != "" && b != "" && a != b {
			return "siblings in " + p + " do not import each other"
		}
	}
	return ""
}

// child gives the name of the folder directly below parent on the way to path, "" if path is not below it.
func child(path, parent string) string {
	rest, ok := strings.CutPrefix(path, parent+"/")
	if !ok {
		return ""
	}
	return strings.SplitN(rest, "/", 2)[0]
}

func stratumOf(dir string) (stratum, bool) {
	top := strings.SplitN(dir, "/", 2)[0]
	for _, s := range strata {
		if s.name == top {
			return s, true
		}
	}
	return stratum{}, false
}

func imports(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range f.Imports {
		p, _ := strconv.Unquote(s.Path.Value)
		if rest, ok := strings.CutPrefix(p, "barid/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

func forEachGoFile(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") {
			f(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
