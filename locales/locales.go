// Package locales is the one catalogue of texts that people read: explanations of error codes and of the
// reasons of refusals in Arabic, Persian and English; later the texts of notices and pages too.
//
// Life: read by `barid explain` and whatever writes to a person. Promise: every key exists in every language
// (a test walks them), and texts hold no markup. Failure: none after the build; the files are embedded.
package locales

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed *.json
var files embed.FS

// Explanation is what `barid explain` prints. Example: {"B1002", "A setting is not known", …}.
type Explanation struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Means string `json:"means,omitempty"` // what it means for the one who runs the server; "" when the title says it
	Mend  string `json:"mend,omitempty"`  // what to do; "" of a step
}

type catalogue struct {
	Faults  map[string]Explanation `json:"faults"`
	Reasons map[string]Explanation `json:"reasons"`
	Report  map[string]string      `json:"report"`
	Answers map[string]string      `json:"answers"`
	Steps   map[string]string      `json:"steps"`
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

// Explain gives the explanation of a fault's code ("B1002"), of the reason of a refusal ("rcpt-unknown") or of a step
// of a trace ("relayed") in a language.
func Explain(lang, code string) (Explanation, bool) {
	c, ok := load(lang)
	if !ok {
		return Explanation{}, false
	}
	upper := strings.ToUpper(code)
	if e, ok := c.Faults[upper]; ok {
		e.Code = upper
		return e, true
	}
	if s, ok := c.Steps[strings.ToLower(code)]; ok {
		return Explanation{Code: strings.ToLower(code), Title: s}, true
	}
	code = reason(code)
	e, ok := c.Reasons[code]
	e.Code = code
	return e, ok
}

// Step says in a language what a step of barid trace msg means, by its code ("relayed").
func Step(lang, code string) (string, bool) {
	c, ok := load(lang)
	if !ok {
		return "", false
	}
	s, ok := c.Steps[strings.ToLower(code)]
	return s, ok
}

// Steps lists the codes of steps.
func Steps() []string {
	c, _ := load("en")
	return slices.Sorted(maps.Keys(c.Steps))
}

// reason is the key of a reason: what a session refuses itself ("smtp-message-too-big") is explained like what
// is refused behind it.
func reason(id string) string { return strings.TrimPrefix(strings.ToLower(id), "smtp-") }

// Codes lists the codes of faults that are explained.
func Codes() []string {
	c, _ := load("en")
	return slices.Sorted(maps.Keys(c.Faults))
}

// Reasons lists the reasons of refusals that are explained.
func Reasons() []string {
	c, _ := load("en")
	return slices.Sorted(maps.Keys(c.Reasons))
}

// Texts are texts by language and key, with {names} of what is put in: {"en": {"subject.failed": "Not delivered: {subject}"}}.
type Texts map[string]map[string]string

// Report gives the texts of delivery reports. Read them once and keep them; they are not changed.
func Report() (Texts, error) {
	t := Texts{}
	for _, lang := range Languages() {
		c, ok := load(lang)
		if !ok || len(c.Report) == 0 {
			return nil, fmt.Errorf("locales: no texts of reports in %s.json", lang)
		}
		t[lang] = c.Report
	}
	return t, nil
}

// Answers gives what IMAP and POP3 say to a client that chose a language, by the English words.
func Answers() (Texts, error) {
	t := Texts{}
	for _, lang := range Languages() {
		c, ok := load(lang)
		if !ok || len(c.Answers) == 0 {
			return nil, fmt.Errorf("locales: no texts of answers in %s.json", lang)
		}
		t[lang] = c.Answers
	}
	return t, nil
}

// Text gives one text.
func (t Texts) Text(lang, key string) (string, bool) {
	s, ok := t[lang][key]
	return s, ok
}
