package imap

import "time"

// SearchOp is the kind of a search key.
type SearchOp uint8

// The search keys of RFC 3501 §6.4.4. NEW, OLD, UNSEEN and their like are put together from these.
const (
	SearchAll     SearchOp = iota
	SearchAnd              // Keys, all of them
	SearchOr               // Keys, two
	SearchNot              // Keys, one
	SearchFlag             // Flag is set
	SearchRecent           //
	SearchSeq              // Seq
	SearchUID              // UIDs
	SearchLarger           // size in bytes > Number
	SearchSmaller          // size in bytes < Number
	SearchBefore           // internal date earlier than Date's day
	SearchOn               // internal date within Date's day
	SearchSince            // internal date in Date's day or later
	SearchSentBefore
	SearchSentOn
	SearchSentSince
	SearchHeader  // field Field contains Text; empty Text: the field is there
	SearchBody    // some text of the body contains Text
	SearchText    // header section or body contains Text
	SearchModSeq  // modseq >= Number (RFC 7162 §3.1.5)
	SearchSaved   // in the saved result, "$" (RFC 5182 §2.1)
	SearchOlder   // internal date at least Number seconds ago (RFC 5032 §2)
	SearchYounger // internal date at most Number seconds ago
	SearchFuzzy   // Keys, one, judged by likeness (RFC 6203 §3)
	SearchSavedBefore
	SearchSavedOn
	SearchSavedSince
	SearchEmailID  // object id Text (RFC 8474 §5)
	SearchThreadID //
)

// SearchKey is one node of a search.
type SearchKey struct {
	Op     SearchOp
	Keys   []SearchKey
	Flag   Flag
	Seq    SeqSet
	UIDs   UIDSet
	Number uint64
	Date   time.Time
	Field  string
	Text   string
}

// Search is a whole search: Key is always a SearchAnd of what the client listed.
type Search struct {
	Return  SearchReturn
	Charset string // upper-case; "" when not given
	Key     SearchKey
	ModSeq  bool // some key is MODSEQ, so that the answer carries one
	Numbers bool // some key is a set of sequence numbers
	Saved   bool // some key is "$"
	Fuzzy   bool // some key is FUZZY
}

// Search reads the arguments of SEARCH: [RETURN (options)] [CHARSET charset] keys.
func (p *Parser) Search() (s Search) {
	s.Return = p.SearchReturn()
	at := p.i
	if upper(p.span(isAtomChar)) == "CHARSET" {
		p.SP()
		s.Charset = upper([]byte(p.AString()))
		p.SP()
	} else {
		p.i = at
	}
	p.searchKeys(&s)
	return s
}

// SearchFor reads the charset and the keys of SORT and THREAD, where the charset must be (RFC 5256 §3).
func (p *Parser) SearchFor() (s Search) {
	s.Charset = upper([]byte(p.AString()))
	p.SP()
	p.searchKeys(&s)
	return s
}

func (p *Parser) searchKeys(s *Search) {
	q := searchParser{Parser: p, out: s}
	s.Key = SearchKey{Op: SearchAnd, Keys: q.keys(0)}
}

// searchParser counts keys while it reads them.
type searchParser struct {
	*Parser
	out *Search
	n   int
}

// keys reads keys up to end, or to the end of the arguments if that is 0.
func (q *searchParser) keys(end byte) (out []SearchKey) {
	for q.err == nil {
		out = append(out, q.key())
		if end != 0 && q.take(end) || end == 0 && !q.More() {
			return out
		}
		q.SP()
	}
	return nil
}

func (q *searchParser) key() (k SearchKey) {
	q.enter()
	defer func() { q.depth-- }()
	if q.n++; q.n > q.lim.Items {
		q.fail("too many search keys")
	}
	switch c := q.peek(); {
	case c == '(':
		q.i++
		return SearchKey{Op: SearchAnd, Keys: q.keys(')')}
	case c == '$':
		return q.saved()
	case c == '*' || isDigit(c):
		q.out.Numbers = true
		return SearchKey{Op: SearchSeq, Seq: q.SeqSet()}
	}
	return q.named(q.Word())
}

var (
	flagKeys = map[string]Flag{
		"ANSWERED": Answered, "DELETED": Deleted, "DRAFT": Draft, "FLAGGED": Flagged, "SEEN": Seen,
	}
	unflagKeys = map[string]Flag{
		"UNANSWERED": Answered, "UNDELETED": Deleted, "UNDRAFT": Draft, "UNFLAGGED": Flagged, "UNSEEN": Seen,
	}
	fieldKeys = map[string]string{"BCC": "Bcc", "CC": "Cc", "FROM": "From", "SUBJECT": "Subject", "TO": "To"}
	textKeys  = map[string]SearchOp{"BODY": SearchBody, "TEXT": SearchText}
	dateKeys  = map[string]SearchOp{
		"BEFORE": SearchBefore, "ON": SearchOn, "SINCE": SearchSince,
		"SENTBEFORE": SearchSentBefore, "SENTON": SearchSentOn, "SENTSINCE": SearchSentSince,
		"SAVEDBEFORE": SearchSavedBefore, "SAVEDON": SearchSavedOn, "SAVEDSINCE": SearchSavedSince,
	}
	sizeKeys = map[string]SearchOp{"LARGER": SearchLarger, "SMALLER": SearchSmaller}
)

func not(k SearchKey) SearchKey { return SearchKey{Op: SearchNot, Keys: []SearchKey{k}} }

// named reads what follows the key word.
func (q *searchParser) named(word string) SearchKey {
	if f, ok := flagKeys[word]; ok {
		return SearchKey{Op: SearchFlag, Flag: f}
	}
	if f, ok := unflagKeys[word]; ok {
		return not(SearchKey{Op: SearchFlag, Flag: f})
	}
	if f, ok := fieldKeys[word]; ok {
		return SearchKey{Op: SearchHeader, Field: f, Text: q.SP().AString()}
	}
	if op, ok := textKeys[word]; ok {
		return SearchKey{Op: op, Text: q.SP().AString()}
	}
	if op, ok := dateKeys[word]; ok {
		return SearchKey{Op: op, Date: q.SP().Date()}
	}
	if op, ok := sizeKeys[word]; ok {
		return SearchKey{Op: op, Number: q.SP().Number()}
	}
	return q.other(word)
}

func (q *searchParser) other(word string) SearchKey {
	recent := SearchKey{Op: SearchRecent}
	switch word {
	case "ALL", "SAVEDATESUPPORTED": // every mailbox keeps save dates (RFC 8514 §4.3)
		return SearchKey{Op: SearchAll}
	case "RECENT":
		return recent
	case "OLD":
		return not(recent)
	case "NEW":
		return SearchKey{Op: SearchAnd, Keys: []SearchKey{recent, not(SearchKey{Op: SearchFlag, Flag: Seen})}}
	case "KEYWORD":
		return SearchKey{Op: SearchFlag, Flag: q.SP().keyword()}
	case "UNKEYWORD":
		return not(SearchKey{Op: SearchFlag, Flag: q.SP().keyword()})
	case "HEADER":
		return SearchKey{Op: SearchHeader, Field: q.SP().fieldName(), Text: q.SP().AString()}
	case "NOT":
		return not(q.SP2().key())
	case "OR":
		return SearchKey{Op: SearchOr, Keys: []SearchKey{q.SP2().key(), q.SP2().key()}}
	case "UID":
		if q.SP().peek() == '$' {
			return q.saved()
		}
		return SearchKey{Op: SearchUID, UIDs: q.UIDSet()}
	case "UIDAFTER": // RFC 9738 §3.2
		if n := q.uid(); n < MaxUID {
			return SearchKey{Op: SearchUID, UIDs: UIDSet{{Lo: n + 1, Hi: MaxUID}}}
		}
		return SearchKey{Op: SearchUID}
	case "UIDBEFORE":
		if n := q.uid(); n > 1 {
			return SearchKey{Op: SearchUID, UIDs: UIDSet{{Lo: 1, Hi: n - 1}}}
		}
		return SearchKey{Op: SearchUID}
	case "EMAILID":
		return SearchKey{Op: SearchEmailID, Text: q.SP().Atom()}
	case "THREADID":
		return SearchKey{Op: SearchThreadID, Text: q.SP().Atom()}
	case "OLDER":
		return SearchKey{Op: SearchOlder, Number: q.seconds()}
	case "YOUNGER":
		return SearchKey{Op: SearchYounger, Number: q.seconds()}
	case "FUZZY":
		q.out.Fuzzy = true
		return SearchKey{Op: SearchFuzzy, Keys: []SearchKey{q.SP2().key()}}
	case "MODSEQ":
		return q.modSeq()
	}
	q.fail("no such search key")
	return SearchKey{}
}

// SP2 is SP for the parser of keys.
func (q *searchParser) SP2() *searchParser { q.SP(); return q }

func (q *searchParser) saved() SearchKey {
	q.take('$')
	q.out.Saved = true
	return SearchKey{Op: SearchSaved}
}

// uid reads one UID.
func (q *searchParser) uid() uint32 {
	n := q.SP().Number32()
	if n == 0 {
		q.fail("UIDs begin at 1")
	}
	return n
}

// seconds reads the interval of WITHIN, which is not 0.
func (q *searchParser) seconds() uint64 {
	n := q.SP().Number32()
	if n == 0 {
		q.fail("an interval has at least one second")
	}
	return uint64(n)
}

func (p *Parser) keyword() Flag { return Flag(p.Atom()) }

// modSeq reads MODSEQ [entry-name entry-type] value; per-flag modseqs are not kept, so the entry only
// has to be well-formed (RFC 7162 §3.1.5).
func (q *searchParser) modSeq() SearchKey {
	q.out.ModSeq = true
	if q.SP().peek() == '"' {
		q.quoted()
		switch q.SP().Word() {
		case "ALL", "PRIV", "SHARED":
		default:
			q.fail("entry type is all, priv or shared")
		}
		q.SP()
	}
	return SearchKey{Op: SearchModSeq, Number: q.Number()}
}
