// Package locales is the one catalogue of texts that people read: explanations of error codes in Arabic,
// Persian and English; later the texts of notices and pages too.
//
// Life: read by `barid explain` and whatever writes to a person. Promise: every key exists in every language
// (a test walks them), and texts hold no markup. Failure: none after the build; the files are embedded.
package locales

import (
	"embed"
	"encoding/json"
	"sort"
	"strings"
)

//go:embed *.json
var files embed.FS

// Explanation is what `barid explain` prints. Example: {"B1002", "A setting is not known", …}.
type Explanation struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Means string `json:"means"` // what it means for the one who runs the server
	Mend  string `json:"mend"`  // what to do
}

type catalogue struct {
	Faults map[string]Explanation `json:"faults"`
}

// Languages are the languages of the catalogue.
func Languages() []string { return []string{"ar", "fa", "en"} }

func load(lang string) (catalogue, bool) {
	var c catalogue
	b, err := files.ReadFile(lang + ".json")
	if err != nil || json.Unmarshal(b, &c) != nil {
		return c, false
	}
	return c, true
}

// Explain gives the explanation of a code in a language.
func Explain(lang, code string) (Explanation, bool) {
	c, ok := load(lang)
	if !ok {
		return Explanation{}, false
	}
	code = strings.ToUpper(code)
	e, ok := c.Faults[code]
	e.Code = code
	return e, ok
}

// Codes lists the codes that are explained.
func Codes() []string {
	c, _ := load("en")
	var out []string
	for k := range c.Faults {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
