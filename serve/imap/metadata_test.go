package imap

import (
	"fmt"
	"strings"
	"testing"

	"barid/mail/mailbox"
)

// TestAnnotationsHaveLimits is RFC 5464 §4.1 and §4.3: what is too big or too many is said to be, with what may be had, and
// nothing of the command is done.
func TestAnnotationsHaveLimits(t *testing.T) {
	c := newWorld(t, nil).login()
	big := strings.Repeat("x", mailbox.MaxAnnotationBytes)
	c.do("SETMETADATA INBOX (/shared/big {%d+}\r\n%s)", len(big), big)
	wantLines(t, c.try("SETMETADATA INBOX (/private/comment \"x\" /shared/bigger {%d+}\r\n%s)", len(big)+1, big+"x"),
		"NO [METADATA MAXSIZE 65536] the value of an annotation is too big")
	wantLines(t, c.do("GETMETADATA INBOX (MAXSIZE 10) (/private/comment /shared/big)"),
		"* METADATA INBOX (/private/comment NIL)", "OK [METADATA LONGENTRIES 65536] GETMETADATA completed")
	set := func(from, to int) []string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, ` /shared/vendor/example/%d "x"`, i)
		}
		return c.try("SETMETADATA INBOX (%s)", b.String()[1:])
	}
	wantLines(t, set(1, mailbox.MaxAnnotations), "OK SETMETADATA completed")
	wantLines(t, set(mailbox.MaxAnnotations-1, mailbox.MaxAnnotations+1), "NO [METADATA TOOMANY] too many annotations")
	wantLines(t, c.do("GETMETADATA INBOX /shared/vendor/example/%d", mailbox.MaxAnnotations), fmt.Sprintf(
		"* METADATA INBOX (/shared/vendor/example/%d NIL)", mailbox.MaxAnnotations))
	c.do("SETMETADATA INBOX (/shared/vendor/example/1 NIL /shared/vendor/example/new \"x\")") // there is room again
}
