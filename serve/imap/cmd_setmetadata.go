package imap

import (
	"strconv"
	"strings"

	"barid/mail/mailbox"
)

// cmdSetMetadata is SETMETADATA, RFC 5464 §4.3: all entries, or none. Of the server only private entries can be set.
func cmdSetMetadata(s *session, c *call) error {
	name := c.Name()
	entries := c.SP().EntryValues()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.annotated(name)
	if err != nil {
		return err
	}
	set := make([]mailbox.Annotation, len(entries))
	for i, e := range entries {
		if at.Name == "" && strings.HasPrefix(e.Name, "/shared/") {
			return no("NOPERM", "shared annotations of the server are its administrator's")
		}
		set[i].Entry = e.Name
		if !e.Nil {
			set[i].Value = []byte(e.Value)
		}
	}
	return at.account.Annotate(s.ctx, s.whose(at), set)
}

var errMetadataSize = refusal{
	code: "METADATA MAXSIZE " + strconv.Itoa(mailbox.MaxAnnotationBytes), text: "the value of an annotation is too big",
}
