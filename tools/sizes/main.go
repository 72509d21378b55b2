// Command sizes lists the largest functions and files of the product: the tail that loses readers.
//
// It reads the tree below the current folder and prints the five largest of each, without tests:
//
//	57  app/serve.go serve
//
// Life: outside the product; make sizes runs it. Promise: the same tree gives the same list. Limits: Go files.
// Failure: a file that can not be parsed ends it with exit code 1.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

type entry struct {
	lines int
	name  string
}

func main() {
	functions, files, err := measure(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	show("functions", functions)
	show("files", files)
}

func measure(root string) (functions, files []entry, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files = append(files, entry{bytes.Count(src, []byte("\n")), path})
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok {
				n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
				functions = append(functions, entry{n, path + " " + fn.Name.Name})
			}
		}
		return nil
	})
	return functions, files, err
}

func show(what string, all []entry) {
	sort.Slice(all, func(i, j int) bool { return all[i].lines > all[j].lines })
	total := 0
	for _, e := range all {
		total += e.lines
	}
	if len(all) == 0 {
		return
	}
	fmt.Printf("%d %s, %d lines, median %d; the largest:\n", len(all), what, total, all[len(all)/2].lines)
	for _, e := range all[:min(5, len(all))] {
		fmt.Printf("%6d  %s\n", e.lines, e.name)
	}
}
