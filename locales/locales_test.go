package locales

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestEveryCodeIsExplainedInEveryLanguage(t *testing.T) {
	codes := Codes()
	if len(codes) < 20 {
		t.Fatalf("only %d codes", len(codes))
	}
	for _, lang := range Languages() {
		c, ok := load(lang)
		if !ok {
			t.Fatalf("%s can not be read", lang)
		}
		if len(c.Faults) != len(codes) {
			t.Errorf("%s has %d codes, en has %d", lang, len(c.Faults), len(codes))
		}
		for _, code := range codes {
			e, ok := Explain(lang, code)
			if !ok || e.Title == "" || e.Means == "" || e.Mend == "" {
				t.Errorf("%s: %s is not explained", lang, code)
			}
			if lang != "en" && !strings.ContainsFunc(e.Title, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				t.Errorf("%s: %s is not translated: %q", lang, code, e.Title)
			}
		}
	}
}

func TestEveryReasonIsExplainedInEveryLanguage(t *testing.T) {
	ids := Reasons()
	if len(ids) < 50 {
		t.Fatalf("only %d reasons", len(ids))
	}
	for _, lang := range Languages() {
		c, _ := load(lang)
		if len(c.Reasons) != len(ids) {
			t.Errorf("%s has %d reasons, en has %d", lang, len(c.Reasons), len(ids))
		}
		for _, id := range ids {
			e, ok := Explain(lang, id)
			if !ok || e.Title == "" || e.Mend == "" || e.Code != id {
				t.Errorf("%s: %s is not explained", lang, id)
			}
			if lang != "en" && !strings.ContainsFunc(e.Title, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				t.Errorf("%s: %s is not translated: %q", lang, id, e.Title)
			}
		}
	}
	if e, ok := Explain("fa", "SMTP-rcpt-unknown"); !ok || e.Code != "rcpt-unknown" {
		t.Error("a reason of the session is not explained like that of what is behind it")
	}
}

func TestAnswersAreTranslated(t *testing.T) {
	texts, err := Answers()
	if err != nil {
		t.Fatal(err)
	}
	for english := range texts["en"] {
		for _, lang := range []string{"ar", "fa"} {
			s, ok := texts.Text(lang, english)
			if !ok || !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) && strings.ContainsFunc(english, unicode.IsLower) {
				t.Errorf("%s: %q is %q", lang, english, s)
			}
			if strings.ContainsAny(s, "\r\n") {
				t.Errorf("%s: %q holds a line end", lang, english)
			}
		}
	}
	if len(texts["ar"]) != len(texts["en"]) || len(texts["fa"]) != len(texts["en"]) {
		t.Error("the languages have different texts")
	}
}

func TestUnknownCodeAndLanguage(t *testing.T) {
	if _, ok := Explain("en", "B0000"); ok {
		t.Error("B0000 is explained")
	}
	if _, ok := Explain("de", "B1001"); ok {
		t.Error("there is no German")
	}
	if e, ok := Explain("fa", "b1001"); !ok || e.Code != "B1001" {
		t.Error("codes are found in lower case too")
	}
}

func TestReportsSpeakEveryLanguage(t *testing.T) {
	texts, err := Report()
	if err != nil || len(texts) != len(Languages()) {
		t.Fatalf("%d languages, %v", len(texts), err)
	}
	same := map[string]bool{"direction": true, "time.calendar": true, "time.digits": true}
	for _, lang := range Languages() {
		for key, want := range texts["en"] {
			got, ok := texts.Text(lang, key)
			if !ok || strings.TrimSpace(got) == "" {
				t.Errorf("%s: %s is missing", lang, key)
			}
			if a, b := names(got), names(want); a != b {
				t.Errorf("%s: %s has %s, en has %s", lang, key, a, b)
			}
			if lang != "en" && !same[key] && !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				t.Errorf("%s: %s is not translated: %q", lang, key, got)
			}
			if strings.Count(got, "|") != strings.Count(want, "|") {
				t.Errorf("%s: %s has another number of names", lang, key)
			}
		}
		if len(texts[lang]) != len(texts["en"]) {
			t.Errorf("%s has %d texts, en has %d", lang, len(texts[lang]), len(texts["en"]))
		}
	}
	if texts["en"]["direction"] != "ltr" || texts["ar"]["direction"] != "rtl" || texts["fa"]["direction"] != "rtl" {
		t.Error("directions")
	}
	if _, ok := texts.Text("de", "name"); ok {
		t.Error("there is no German")
	}
}

// names gives the {names} in a text, sorted.
func names(s string) string {
	var out []string
	for _, part := range strings.Split(s, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestStepsAreExplainedInEveryLanguage(t *testing.T) {
	for _, lang := range Languages() {
		c, _ := load(lang)
		if len(c.Steps) != len(Steps()) {
			t.Errorf("%s has %d steps, en has %d", lang, len(c.Steps), len(Steps()))
		}
		for _, code := range Steps() {
			e, ok := Explain(lang, strings.ToUpper(code))
			if s, _ := Step(lang, code); !ok || e.Title == "" || e.Title != s || e.Code != code {
				t.Errorf("%s: %s: %+v", lang, code, e)
			}
			if lang != "en" && !strings.ContainsFunc(e.Title, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				t.Errorf("%s: %s is not translated: %q", lang, code, e.Title)
			}
		}
	}
	if _, ok := Step("de", "relayed"); ok {
		t.Error("there is no German")
	}
}
