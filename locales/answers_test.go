package locales

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEveryAnswerIsInTheCatalogue reads the front ends that speak several languages: what they say in English is there in all.
func TestEveryAnswerIsInTheCatalogue(t *testing.T) {
	texts, err := Answers()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, folder := range []string{"imap", "pop3"} {
		paths, err := filepath.Glob("../serve/" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, english := range answersIn(t, path) {
				if n++; texts["en"][english] == "" {
					t.Errorf("%s: %q is not in the catalogue", path, english)
				}
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d answers were found", n)
	}
}

// answersIn gives the texts in a file that are handed to whom answers a client, or are the text of an answer.
func answersIn(t *testing.T, path string) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
			out = append(out, text)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if answering[nameOf(n.Fun)] && len(n.Args) > 0 {
				add(n.Args[len(n.Args)-1])
			}
		case *ast.KeyValueExpr:
			if nameOf(n.Key) == "text" {
				add(n.Value)
			}
		case *ast.AssignStmt:
			if nameOf(n.Lhs[0]) == "text" && len(n.Rhs) == 1 {
				add(n.Rhs[0])
			}
		}
		return true
	})
	return out
}

// answering are the functions whose last argument is a text.
var answering = map[string]bool{"badf": true, "no": true, "note": true, "said": true, "bye": true, "byeFor": true, "ok": true}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
