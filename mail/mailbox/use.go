package mailbox

// Use is a special use of a mailbox (RFC 6154). The zero value is none.
type Use byte

// The special uses. The numbers are on disk.
const (
	UseNone Use = iota
	UseSent
	UseDrafts
	UseTrash
	UseJunk
	UseArchive
	useEnd
)

// useName are the names without the backslash; they are also the mailboxes an account begins with.
func (u Use) name() string {
	if u >= useEnd {
		return ""
	}
	return [...]string{"", "Sent", "Drafts", "Trash", "Junk", "Archive"}[u]
}

// Attr gives the attribute of RFC 6154 §2, e.g. "\\Sent"; "" for UseNone.
func (u Use) Attr() string {
	if n := u.name(); n != "" {
		return `\` + n
	}
	return ""
}
