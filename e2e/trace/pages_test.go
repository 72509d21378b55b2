package trace

import (
	"os"
	"strings"
)

// same compares what the command prints with what a page shows: the block that begins with "barid trace msg".
func (b *bed) same(page, id string) {
	b.t.Helper()
	text, err := os.ReadFile(pages + page)
	if err != nil {
		b.t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "```\n$ barid trace msg ")
	shown, _, end := strings.Cut(block, "\n```")
	if !ok || !end {
		b.t.Fatalf("%s shows no `barid trace msg`", page)
	}
	_, shown, _ = strings.Cut(shown, "\n")
	got := b.Must("trace", "msg", id)
	if plain(got) != plain(shown) {
		b.t.Errorf("%s is not what the command prints:\n%s\n\nplain:\n%s\n\nthe page, plain:\n%s", page, got, plain(got), plain(shown))
	}
}
