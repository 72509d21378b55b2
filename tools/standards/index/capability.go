package index

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Where the capabilities of IMAP are declared and played.
const (
	capabilityFiles = "serve/imap/capability*.go"
	dialogFiles     = "serve/imap/testdata/dialogs/*.txtar"
	transcriptFiles = "e2e/transcripts/*.txtar"
)

// shows finds the line of a transcript that says which capabilities it plays, and from which standard:
// "# shows: UIDPLUS, MOVE from RFC 6851 §3.1".
var shows = regexp.MustCompile(`(?m)^# shows: (.+?) from (.+)$`)

// Capability is a row of serve/imap's capability table and what plays it.
type Capability struct {
	Name        string   // as CAPABILITY tells it, e.g. "THREAD=REFS"
	Standard    string   // e.g. "RFC 5256 §3"
	Transcripts []Played // none: nothing plays it
}

// Played is a transcript that plays a capability.
type Played struct {
	File string // below the root
	From string // the standard and the sections whose examples it plays, e.g. "RFC 6851 §3.1"
}

// Capabilities gives the table of the tree below root, in its order, each name once. A transcript that
// shows what is not in the table is an error.
func Capabilities(root string) ([]Capability, error) {
	rows, err := declared(root)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, c := range rows {
		at[strings.ToUpper(c.Name)] = i
	}
	for _, pattern := range []string{dialogFiles, transcriptFiles} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if err := addPlayed(root, path, rows, at); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

func addPlayed(root, path string, rows []Capability, at map[string]int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	for _, m := range shows.FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Split(m[1], ",") {
			i, known := at[strings.ToUpper(strings.TrimSpace(name))]
			if !known {
				return fmt.Errorf("%s shows %q, which is not in %s", rel, strings.TrimSpace(name), capabilityFiles)
			}
			rows[i].Transcripts = append(rows[i].Transcripts, Played{File: filepath.ToSlash(rel), From: strings.TrimSpace(m[2])})
		}
	}
	return nil
}

// declared reads the rows out of the source: composite literals with a name and an rfc.
func declared(root string) ([]Capability, error) {
	paths, err := filepath.Glob(filepath.Join(root, capabilityFiles))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	var rows []Capability
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				if c := row(lit); c.Name != "" && c.Standard != "" {
					rows = append(rows, c)
				}
			}
			return true
		})
	}
	return rows, nil
}

func row(lit *ast.CompositeLit) (c Capability) {
	for _, e := range lit.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			continue
		}
		value, ok := pair.Value.(*ast.BasicLit)
		if !ok || value.Kind != token.STRING {
			continue
		}
		text, err := strconv.Unquote(value.Value)
		if err != nil {
			continue
		}
		switch key.Name {
		case "name":
			c.Name = text
		case "rfc":
			c.Standard = text
		}
	}
	return c
}

// capabilityTable is the part of the page about IMAP.
func capabilityTable(rows []Capability) string {
	var b strings.Builder
	b.WriteString("\n## IMAP capabilities\n\nFrom serve/imap's table and the lines \"# shows:\" of the transcripts that play the standards' examples.\n")
	b.WriteString("\n| capability | standard | played by |\n|---|---|---|\n")
	for _, c := range rows {
		var played []string
		for _, p := range c.Transcripts {
			played = append(played, fmt.Sprintf("`%s` (%s)", p.File, p.From))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, c.Standard, strings.Join(played, "<br>"))
	}
	b.WriteString(absent)
	return b.String()
}

// absent is what a reader may look for in vain.
const absent = `
What is in no row is neither announced nor understood. JMAPACCESS (RFC 9698) waits for JMAP. ANNOTATE (RFC 5257) is an experiment that
no mail program of today uses; notes to mailboxes are METADATA, marks of messages are keywords.
`
