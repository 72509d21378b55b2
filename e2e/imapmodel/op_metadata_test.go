package imapmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// annotation is the place of a value that is kept beside a mailbox, or beside an account (RFC 5464 §3).
type annotation struct {
	box    *box // nil: the server, that is the account
	reader int  // whose it is, -1: everybody's
	entry  string
}

// mark is an annotation that somebody else changed, of which the client was not told yet.
type mark struct {
	annotation
	by   *session
	told bool // which may be once for all who changed it
}

// entries are those that histories use.
var entries = []string{"/private/comment", "/shared/comment", "/private/vendor/cmu/x", "/private/vendor/cmu/x/y", "/private/vendor/cmu/x/y/z", "/shared/vendor/cmu/x"}

const mayAnnotate = mayRead | maySeen | mayWrite | mayInsert

// annotates reports whether the session may read and write annotations of a mailbox (RFC 5464 §3.3).
func (s *session) annotates(name string) bool {
	r := s.h.m.rights(s.account, name)
	return name == "" || s.h.m.boxes[name] != nil && r&mayLookup != 0 && r&mayAnnotate != 0
}

// annotation gives the place of an entry as the session means it.
func (s *session) annotation(name, entry string) annotation {
	a := annotation{box: s.h.m.boxes[name], reader: s.account, entry: entry}
	if name == "" {
		a.box = nil
	} else if strings.HasPrefix(entry, "/shared/") {
		a.reader = -1
	}
	return a
}

// annotated makes up a name for SETMETADATA or GETMETADATA, "" is the server.
func (h *history) annotated() string {
	name := h.name()
	if h.r.IntN(5) == 0 || h.m.exists(name) && h.m.boxes[name] == nil {
		return ""
	}
	return name
}

func (s *session) wireAnnotated(name string) string {
	if name == "" {
		return `""`
	}
	return s.wire(name)
}

// setMetadata makes up a SETMETADATA of one or two entries.
func (h *history) setMetadata(s *session) *command {
	name := h.annotated()
	set := make(map[string]string)
	var words []string
	for _, i := range h.r.Perm(len(entries))[:1+h.r.IntN(2)] {
		value := []string{"NIL", "", "x", `a "\`, "کلمه", "\x00\xff", strings.Repeat("long ", 1+h.r.IntN(9))}[h.r.IntN(7)]
		set[entries[i]] = value
		switch {
		case value == "NIL":
		case strings.ContainsAny(value, "\x00"):
			value = fmt.Sprintf("~{%d+}\r\n%s", len(value), value)
		case value == "کلمه":
			value = fmt.Sprintf("{%d+}\r\n%s", len(value), value)
		default:
			value = quote(value)
		}
		words = append(words, strings.ToUpper(entries[i][:2])+entries[i][2:]+" "+value)
	}
	c := &command{text: "SETMETADATA " + s.wireAnnotated(name) + " (" + strings.Join(words, " ") + ")"}
	may, shared := false, false
	c.apply = func(*reply) {
		may = s.annotates(name)
		for entry := range set {
			shared = shared || name == "" && strings.HasPrefix(entry, "/shared/")
		}
		if !may || shared {
			return
		}
		for _, entry := range slices.Sorted(maps.Keys(set)) {
			h.annotate(s, s.annotation(name, entry), set[entry])
		}
		if b := h.m.boxes[name]; b != nil {
			b.dirty, b.annotated = true, true // its HIGHESTMODSEQ moves (RFC 7162 §3.2)
		}
	}
	c.check = func(r *reply) {
		h.silentModSeq(h.m.boxes[name])
		switch {
		case !may || shared && r.tagged.code != "NOPERM":
			s.wantNo(c, r)
		case r.ok() == shared:
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
	}
	return c
}

// silentModSeq: no STATUS tells that the modseq of a mailbox moved with its annotations (RFC 5465 §5.3 is about flags).
func (h *history) silentModSeq(b *box) {
	for _, x := range h.sessions {
		if x.notify == nil {
			continue
		}
		if f, known := x.notify.figures[b]; known {
			f.highest, f.loose = b.highest, true
			x.notify.figures[b] = f
		}
	}
}

// annotate sets one, "NIL" takes it away, and notes who is to be told.
func (h *history) annotate(by *session, a annotation, value string) {
	if h.m.annotations[a] = value; value == "NIL" {
		delete(h.m.annotations, a)
	}
	for _, x := range h.sessions {
		if m := (mark{annotation: a, by: by}); x != by && x.annotationsTold && (a.reader < 0 || a.reader == x.account) && !slices.Contains(x.marks, m) {
			x.marks = append(x.marks, m)
		}
	}
}

// takeMark is what a client makes of a METADATA that it did not ask for (RFC 5464 §4.4.2).
func (s *session) takeMark(l *response) {
	for _, v := range l.args[1:] {
		found := false
		for i := range s.marks {
			if m := &s.marks[i]; m.entry == v.s && s.markName(*m) == l.args[0].s {
				m.told, found = true, true
			}
		}
		if !found {
			s.fail("%q, but nobody changed it", l.raw)
		}
	}
}

// markName is how the session calls the mailbox of a mark now.
func (s *session) markName(m mark) string {
	if m.box == nil {
		return ""
	}
	return s.onWire(s.called(m.box.name))
}

// untoldMarks says which annotation a client was not told of, "" if it was told of all that it may see.
func (s *session) untoldMarks() string {
	s.marks = slices.DeleteFunc(s.marks, func(m mark) bool {
		return m.told || m.box != nil && (m.box.dead || !s.annotates(m.box.name))
	})
	if len(s.marks) == 0 {
		return ""
	}
	return fmt.Sprintf("the client was not told of %s of %q", s.marks[0].entry, s.markName(s.marks[0]))
}

// getMetadata makes up a GETMETADATA.
func (h *history) getMetadata(s *session) *command {
	name, depth, most := h.annotated(), h.r.IntN(3), -1
	asked := []string{"/private/comment", "/private/vendor/cmu", "/private/vendor/cmu/x", "/shared/comment", "/shared/vendor/cmu/x"}
	h.r.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
	asked = asked[:1+h.r.IntN(3)]
	var options []string
	if depth > 0 || h.r.IntN(4) == 0 {
		options = append(options, "DEPTH "+[]string{"0", "1", "infinity"}[depth])
	}
	if h.r.IntN(3) == 0 {
		most = h.r.IntN(20)
		options = append(options, fmt.Sprintf("MAXSIZE %d", most))
	}
	c := &command{text: "GETMETADATA ", words: " METADATA "}
	if options != nil {
		c.text += "(" + strings.Join(options, " ") + ") "
	}
	c.text += s.wireAnnotated(name) + " (" + strings.Join(asked, " ") + ")"
	c.check = func(r *reply) {
		if !s.annotates(name) {
			s.wantNo(c, r)
			return
		}
		want, longest := h.metadata(s, name, asked, depth, most)
		got := make(map[string]string)
		for _, l := range r.all("METADATA") {
			if l.args[1].kind != '(' {
				continue
			}
			for list := l.args[1].list; len(list) > 1; list = list[2:] {
				value := list[1].s
				if _, twice := got[list[0].s]; twice || list[1].kind == 's' && value == "NIL" {
					s.fail("%q: %s", l.raw, list[0].s)
				}
				got[list[0].s] = value
			}
		}
		if !r.ok() || !maps.Equal(got, want) {
			s.fail("%q was answered %q and %q, want %q", c.text, r.tagged.raw, got, want)
		}
		if told := r.tagged.code == "METADATA" && r.tagged.args[0].atom() == "LONGENTRIES" && int(r.tagged.args[1].number()) == longest; told != (longest > 0) {
			s.fail("%q was answered %q, want LONGENTRIES %d", c.text, r.tagged.raw, longest)
		}
	}
	return c
}

// metadata is what must be answered, and the size of the longest value that is too long.
func (h *history) metadata(s *session, name string, asked []string, depth, most int) (want map[string]string, longest int) {
	want = make(map[string]string)
	for _, of := range asked {
		for _, entry := range append(slices.Clone(entries), of) {
			rest, within := strings.CutPrefix(entry, of)
			level := strings.Count(rest, "/")
			if !within || rest != "" && rest[0] != '/' || depth < 2 && level > depth {
				continue
			}
			value, there := h.m.annotations[s.annotation(name, entry)]
			switch {
			case there && most >= 0 && len(value) > most:
				longest = max(longest, len(value))
			case there:
				want[entry] = value
			case depth == 0:
				want[entry] = "NIL"
			}
		}
	}
	return want, longest
}
