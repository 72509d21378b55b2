// Command standards writes docs/standards.md: which section of which RFC is named where in the code.
//
// It reads the comments of the product's Go files below the current folder, without tests, and prints to
// standard output. It fails only when a file can not be parsed. tidy_test.go compares its output with the page.
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
