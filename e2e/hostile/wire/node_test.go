package wire

import "testing"

// The checks of this package judge the product, so they are judged here.
func TestWrongValuesAreSeen(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{`(UID 1 BODY[HEADER.FIELDS (X Y)] {3}` + "\r\n" + `abc FLAGS (\Seen $x))`, true},
		{`("a" NIL (("b" "c")("d" "e")))`, true},
		{`("a"NIL)`, false},
		{`("a" )`, false},
		{`("a`, false},
		{`((a)`, false},
		{`(a))`, false},
		{`("a\x")`, false},
		{"(\"a\r\nb\")", false},
		{"({5}\r\nabc)", false},
		{"(a\xffb)", false},
	} {
		if _, err := Parse(c.text); (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok=%v", c.text, err, c.ok)
		}
	}
}

func TestWrongStructuresAreSeen(t *testing.T) {
	const (
		text     = `("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 5 1`
		envelope = `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`
	)
	for _, c := range []struct {
		text  string
		parts int
		ok    bool
	}{
		{text + `)`, 1, true},
		{text + ` NIL ("attachment" ("filename" "x")) "en" NIL)`, 1, true},
		{text + ` NIL ("attachment" "x") NIL NIL)`, 1, false},
		{`("TEXT" "PLAIN" () NIL NIL "7BIT" 5 1)`, 0, false},
		{`("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5)`, 1, false},
		{`("TEXT" "PLAIN" NIL NIL NIL NIL 5 1)`, 0, false},
		{`(` + text + `)` + text + `) "MIXED" ("BOUNDARY" "x") NIL NIL NIL)`, 3, true},
		{`(` + text + `))`, 1, false},
		{`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5 ` + envelope + ` ` + text + `) 7)`, 2, true},
		{`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5)`, 1, false},
		{`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 5 ` + envelope + ` ` + text + `))`, 1, false},
		{`("APPLICATION" "ZIP" NIL NIL NIL "BASE64" -5)`, 0, false},
	} {
		nodes, err := Parse(c.text)
		if err != nil || len(nodes) != 1 {
			t.Fatalf("%s: %v", c.text, err)
		}
		parts, err := CheckStructure(nodes[0], true)
		if (err == nil) != c.ok || err == nil && parts != c.parts {
			t.Errorf("%s: %d parts, %v; want %d, ok=%v", c.text, parts, err, c.parts, c.ok)
		}
	}
	for text, ok := range map[string]bool{
		envelope: true,
		`("d" "s" (("n" NIL "l" "d")) NIL NIL NIL NIL NIL NIL "<m>")`: true,
		`("d" "s" () NIL NIL NIL NIL NIL NIL "<m>")`:                  false,
		`("d" "s" (("n" "l" "d")) NIL NIL NIL NIL NIL NIL "<m>")`:     false,
		`("d" "s" NIL NIL NIL NIL NIL NIL "<m>")`:                     false,
	} {
		nodes, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckEnvelope(nodes[0]); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
