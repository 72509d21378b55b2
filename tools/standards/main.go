// Command standards writes docs/standards.md: which section of which RFC is named where in the code.
//
// It reads the comments of the product's Go files below the current folder, without tests, and the transcripts of IMAP,
// and prints to standard output.
//
// Life: outside the product; make standards runs it, tidy_test.go compares its output with the page. Promise: the same tree
// gives the same page. Limits: those of tools/standards/index. Failure: a file that can not be parsed, or a transcript of a
// capability that is not there, ends it with exit code 1.
package main

import (
	"fmt"
	"os"

	"barid/tools/standards/index"
)

func main() {
	text, err := index.Page(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}
