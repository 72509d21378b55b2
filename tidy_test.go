package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"barid/locales"
	"barid/tools/standards/index"
)

// TestEveryPackageSaysWhatItIs wants a package doc of more than one line in every package of the product.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	docs := map[string]string{}
	forEachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		if f.Doc != nil && len(f.Doc.Text()) > len(docs[dir]) {
			docs[dir] = f.Doc.Text()
		} else if _, seen := docs[dir]; !seen {
			docs[dir] = ""
		}
	})
	for dir, doc := range docs {
		if len(strings.TrimSpace(doc)) < 80 {
			t.Errorf("%s: the package doc must say what it is, where it sits in a message's life, what it promises, its limits, how it fails", dir)
		}
	}
}

// TestNamesOfFoldersSaySomething refuses packages that are named after nothing.
func TestNamesOfFoldersSaySomething(t *testing.T) {
	bad := map[string]bool{"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "types": true, "misc": true}
	forEachGoFile(t, func(path string) {
		for _, part := range strings.Split(filepath.ToSlash(filepath.Dir(path)), "/") {
			if bad[part] {
				t.Errorf("%s: a folder called %q says nothing", path, part)
			}
		}
	})
}

// TestNoHiddenState refuses init functions outside tests: registration happens in app/wire.go, visibly.
func TestNoHiddenState(t *testing.T) {
	forEachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init functions; wire it in app", path)
			}
		}
	})
}

// metricName is how a metric is called: barid_<area>_<what>[_<unit>][_total].
var metricName = regexp.MustCompile(`^barid_[a-z0-9]+(_[a-z0-9]+)+$`)

// TestMetricNames wants all metrics to be named alike.
func TestMetricNames(t *testing.T) {
	literal := regexp.MustCompile(`"(barid_[^"]*)"`)
	forEachGoFile(t, func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") || !strings.Contains(string(b), "prometheus") {
			return
		}
		for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
			if !metricName.MatchString(m[1]) {
				t.Errorf("%s: metric %q does not look like barid_area_what_unit", path, m[1])
			}
		}
	})
}

// TestNoMarksLeft refuses unfinished marks in code that is shipped: a part that is not there is absent and says so.
func TestNoMarksLeft(t *testing.T) {
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	forEachGoFile(t, func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if m := mark.Find(b); m != nil {
			t.Errorf("%s: %s left in the code", path, m)
		}
	})
}

// TestEveryFaultCodeIsExplained wants an explanation in the catalogue for every code that the program can show.
func TestEveryFaultCodeIsExplained(t *testing.T) {
	known := map[string]bool{}
	for _, c := range locales.Codes() {
		known[c] = true
	}
	code := regexp.MustCompile(`"(B[0-9]{4})"`)
	used := 0
	forEachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			used++
			if !known[m[1]] {
				t.Errorf("%s: %s has no explanation in locales/*.json", path, m[1])
			}
		}
	})
	if used < 20 {
		t.Fatalf("found %d codes only: the search is broken", used)
	}
}

// TestEveryReasonIsExplained wants an explanation in the catalogue for every reason id of a refusal or finding:
// the log and barid trace show it, and barid explain says what it means. A reason is the text given to
// status.Error.Because, to a field named Reason, to a variable named reason, and to the functions of reasonArgs.
func TestEveryReasonIsExplained(t *testing.T) {
	used := 0
	forEachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(filepath.ToSlash(path), "e2e/") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range reasonsIn(f) {
			used++
			for _, lang := range locales.Languages() {
				if e, ok := locales.Explain(lang, id); !ok || e.Title == "" {
					t.Errorf("%s: reason %q has no explanation in locales/%s.json under \"reasons\" (title and mend)", path, id, lang)
				}
			}
		}
	})
	if used < 60 {
		t.Fatalf("found %d reasons only: the search is broken", used)
	}
}

// reasonArgs are functions that take a reason, and at which place.
var reasonArgs = map[string]int{"Because": 0, "protocol": 2, "closing": 2, "failed": 0, "refuse": 0, "take": 2}

// reasonID is what a reason looks like: words and hyphens. Anything else given to those functions is none.
var reasonID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// reasonsIn gives the literal reasons of a file.
func reasonsIn(f *ast.File) (ids []string) {
	note := func(e ast.Expr) {
		if sum, ok := e.(*ast.BinaryExpr); ok { // prefix + "rest"; locales.Explain does not mind the prefix
			e = sum.Y
		}
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if id := strings.Trim(lit.Value, "`\""); reasonID.MatchString(id) {
				ids = append(ids, id)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch fun := n.Fun.(type) {
			case *ast.Ident:
				name = fun.Name
			case *ast.SelectorExpr:
				name = fun.Sel.Name
			}
			if i, ok := reasonArgs[name]; ok && i < len(n.Args) && (name == "Because" || usesReasons(f)) {
				note(n.Args[i])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Reason" {
				note(n.Value)
			}
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && id.Name == "reason" && i < len(n.Rhs) && usesReasons(f) {
					note(n.Rhs[i])
				}
			}
		}
		return true
	})
	return ids
}

// usesReasons tells whether a file makes statuses or findings at all: other files have functions of those names.
func usesReasons(f *ast.File) bool {
	for _, i := range f.Imports {
		switch i.Path.Value {
		case `"barid/rfc/status"`, `"barid/flow/policy"`:
			return f.Name.Name != "pop3" && f.Name.Name != "imap"
		}
	}
	return f.Name.Name == "policy"
}

// TestStandardsPageIsTrue compares docs/standards.md with what the code's comments name.
func TestStandardsPageIsTrue(t *testing.T) {
	want, err := index.Page(".")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("docs/standards.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/standards.md is not what the code says: run make standards")
	}
}

// TestEveryCapabilityIsPlayed wants for each capability of IMAP a transcript of the examples of its standard.
func TestEveryCapabilityIsPlayed(t *testing.T) {
	capabilities, err := index.Capabilities(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(capabilities) < 60 {
		t.Errorf("only %d capabilities were found in the code", len(capabilities))
	}
	for _, c := range capabilities {
		if len(c.Transcripts) == 0 {
			t.Errorf("nothing plays %s (%s): a transcript says so in a line %q", c.Name, c.Standard, "# shows: "+c.Name+" from RFC nnnn §n")
		}
	}
}
