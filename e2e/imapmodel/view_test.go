package imapmodel

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// known is what a client knows of one message.
type known struct {
	uid      uint32 // 0: not yet
	hasFlags bool
	flags    flags
	modseq   uint64 // 0: not yet
	fresh    bool   // it came while the client listened for the flags of new messages
	late     bool   // what changed before IDLE began may be told once more, behind its continuation
	fell     string // a response with a lower modseq than before: only a message that is gone may have one
}

// session is a client: what it knows is from the wire alone, except that UIDs of new messages are filled in from the
// model once both agree how many there are.
type session struct {
	h       *history
	name    string
	conn    pipe
	in      io.Reader // of conn, which may be compressed
	out     io.Writer
	packed  bool
	account int // whose it is
	buf     []byte
	at      int // what of buf was read
	tag     int
	caps    map[string]bool

	rev2, condstore, qresync, uidOnly bool
	asked                             bool // for modseqs, perhaps in vain: whether that counts is not written anywhere

	box       *box // nil: none selected
	readOnly  bool
	owner     int // number of this SELECT
	msgs      []known
	late      map[uint32]known // told by UID before it is known where they stand
	announced flags            // keywords of the last FLAGS response
	perm      flags            // of the last PERMANENTFLAGS
	star      bool             // keywords may be made up
	recent    int              // of the last RECENT response
	saved     map[uint32]bool  // "$"; nil: void

	idle  string // tag of the IDLE that goes on
	ended bool   // BYE was heard

	notify   *listening // what NOTIFY asked for; nil: nothing
	contexts []*watch
	news     []response // STATUS and LIST that were not asked for

	annotationsTold bool // METADATA was enabled
	marks           []mark
	noticed         []response // METADATA that was not asked for

	caches map[*box]*cache
	cache  *cache // of the selected mailbox, with QRESYNC only
	top    uint64 // highest MODSEQ since the last tagged response
}

// cache is what a client with QRESYNC keeps between connections (RFC 7162 §3.2.5).
type cache struct {
	box      *box
	validity uint32
	modseq   uint64
	flags    map[uint32]flags
}

// command is one command that was made up.
type command struct {
	text     string
	quiet    bool   // takes sequence numbers: no EXPUNGE while it runs (RFC 3501 §7.4.1)
	numbers  bool   // takes sequence numbers
	hidden   bool   // its name does not show that it takes sequence numbers
	must     bool   // tells EXPUNGE whatever comes next
	silent   bool   // tells nothing of the mailbox at its end
	still    bool   // may tell nothing, and the mailbox stays selected
	words    string // responses it may have besides those of any command, " FETCH SEARCH "
	earlier  bool   // VANISHED (EARLIER) may come
	modseqs  bool   // the client learns modseqs by it (RFC 7162 §3.1)
	free     bool   // other sessions act at the same time: the model is not asked
	before   func()
	apply    func(r *reply) // what it does to the model
	check    func(r *reply) // what must have been answered
	ended    func(r *reply) // right behind the tagged response
	silently func(uid uint32, f flags) flags
	targets  []uint32
	stores   bool   // is a STORE
	watch    *watch // is a search that goes on
	push     bool   // none: the server tells by itself
	ends     bool   // the server says BYE and may close before the tagged response
	vague    bool   // what its set means can not be known
}

// reply is what came for one command.
type reply struct {
	lines  []response
	tagged response
	told   map[uint32]bool // messages whose flags were told
	exists bool
	recent bool
}

func (r *reply) ok() bool { return r.tagged.word == "OK" }

// line gives the untagged responses with that word.
func (r *reply) all(word string) (out []response) {
	for _, l := range r.lines {
		if l.word == word && l.tag == "*" {
			out = append(out, l)
		}
	}
	return out
}

// code finds an untagged OK with a response code.
func (r *reply) code(name string) *response {
	for i := range r.lines {
		if l := &r.lines[i]; l.code == name && l.tag == "*" {
			return l
		}
	}
	return nil
}

func (s *session) fail(format string, args ...any) { panic(failed(s.name+": "+format, args...)) }

func (s *session) send(text string) {
	s.h.log(s.name, "C: ", text)
	_, _ = s.out.Write([]byte(text))
}

// response reads one response; ok is false at the end of the connection.
func (s *session) response() (r response, ok bool) {
	raw, ok := s.raw()
	if !ok {
		return r, false
	}
	s.h.log(s.name, "S: ", raw)
	r, err := parse(raw, s.rev2)
	if err != nil {
		s.fail("%q: %v", raw, err)
	}
	return r, true
}

// raw reads a response with its literals, without its last CRLF.
func (s *session) raw() (string, bool) {
	end := 0
	for {
		n := bytes.IndexByte(s.buf[s.at+end:], '\n')
		if n < 0 {
			if !s.fill() {
				return "", false
			}
			continue
		}
		end += n + 1
		line := s.buf[s.at : s.at+end]
		if len(line) < 2 || line[end-2] != '\r' {
			s.fail("%q does not end in CRLF", line)
		}
		size, ok := literalSize(line)
		if !ok {
			out := string(line[:end-2])
			s.at += end
			return out, true
		}
		for len(s.buf)-s.at < end+size {
			if !s.fill() {
				return "", false
			}
		}
		end += size
	}
}

func literalSize(line []byte) (int, bool) {
	if !bytes.HasSuffix(line, []byte("}\r\n")) {
		return 0, false
	}
	at := bytes.LastIndexByte(line, '{')
	n, err := strconv.Atoi(string(line[at+1 : len(line)-3]))
	return n, err == nil && at >= 0
}

func (s *session) fill() bool {
	if s.at > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.at:])]
		s.at = 0
	}
	s.buf = slices.Grow(s.buf, 4096)
	n, err := s.in.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	return err == nil
}

// read takes in everything up to the tagged response of c.
func (s *session) read(c *command, tag string) *reply {
	r := &reply{told: make(map[uint32]bool)}
	for {
		l, ok := s.response()
		if !ok && c.ends && s.ended {
			return r
		}
		if !ok {
			s.fail("the connection ended in the middle of %q", c.text)
		}
		switch l.tag {
		case tag:
			r.tagged = l
			if c.ended != nil {
				c.ended(r)
			}
			s.completed(c, r)
			return r
		case "*":
			r.lines = append(r.lines, l)
			s.take(c, r, &l)
		default:
			s.fail("%q, waiting for %s", l.raw, tag)
		}
	}
}

// completed does what the tagged response means to the client.
func (s *session) completed(c *command, r *reply) {
	if c.silently != nil && r.tagged.word != "BAD" {
		s.applySilently(c, r)
	}
	if s.cache == nil {
		s.top = 0
		return
	}
	s.cache.modseq, s.top = max(s.cache.modseq, s.top), 0
	for _, l := range append(r.lines, r.tagged) {
		if l.code == "HIGHESTMODSEQ" {
			s.cache.modseq = l.args[0].number()
		}
	}
}

// applySilently works out what a STORE did that the server was asked to be silent about.
func (s *session) applySilently(c *command, r *reply) {
	if r.tagged.word != "OK" {
		return
	}
	left := make(map[uint32]bool)
	if r.tagged.code == "MODIFIED" {
		for _, n := range set(r.tagged.args[0].s) {
			if c.numbers && int(n) <= len(s.msgs) {
				n = s.msgs[n-1].uid
			}
			left[n] = true
		}
	}
	if c.free && s.notify != nil { // what was told may be of before or behind: the client asks again
		s.forget(&reply{})
		return
	}
	if c.vague {
		s.forget(r)
		return
	}
	for _, uid := range c.targets {
		i := s.index(uid)
		if left[uid] || r.told[uid] || i < 0 || !s.msgs[i].hasFlags {
			continue
		}
		s.msgs[i].flags = c.silently(uid, s.msgs[i].flags)
		s.keep(s.msgs[i])
	}
}

// forget gives up all flags that were not just told: what a STORE did can not be worked out as long as it is not
// known what "*" was.
func (s *session) forget(r *reply) {
	for i := range s.msgs {
		k := &s.msgs[i]
		k.hasFlags = k.hasFlags && r.told[k.uid]
	}
	for uid, k := range s.late {
		k.hasFlags = k.hasFlags && r.told[uid]
		s.late[uid] = k
	}
	if s.cache != nil {
		maps.DeleteFunc(s.cache.flags, func(uid uint32, _ flags) bool { return !r.told[uid] })
	}
}

// keep notes in the cache.
func (s *session) keep(k known) {
	if s.cache != nil && k.uid != 0 && k.hasFlags {
		s.cache.flags[k.uid] = k.flags
	}
}

func (s *session) index(uid uint32) int {
	return slices.IndexFunc(s.msgs, func(k known) bool { return k.uid == uid })
}

func (s *session) uids() []uint32 {
	out := make([]uint32, len(s.msgs))
	for i, k := range s.msgs {
		out[i] = k.uid
	}
	return out
}

// take is what a client makes of one untagged response.
func (s *session) take(c *command, r *reply, l *response) {
	switch l.word {
	case "EXISTS":
		s.takeExists(r, l)
	case "RECENT":
		if s.rev2 {
			s.fail("%q after ENABLE IMAP4rev2", l.raw)
		}
		s.recent, r.recent = int(l.num), true
	case "EXPUNGE":
		s.takeExpunge(c, l)
	case "VANISHED":
		s.takeVanished(c, l)
	case "FETCH", "UIDFETCH":
		s.takeFetch(c, r, l)
	case "FLAGS":
		s.takeFlags(l)
	case "OK":
		s.takeCode(l)
	case "BYE":
		s.ended = true
	case "ENABLED":
		for _, v := range l.args {
			s.switchOn(v.atom())
		}
	default:
		s.takeOther(c, l)
	}
}

func (s *session) takeOther(c *command, l *response) {
	switch {
	case l.word == "ESEARCH" && c.watch != nil && c.watch.tag == "":
		s.takeWatch(c.watch, l)
		return
	case l.word == "ESEARCH" && s.takeUpdate(l):
		return
	case l.word == "METADATA" && len(l.args) > 1 && l.args[1].kind == 'a':
		s.noticed = append(s.noticed, *l)
		return
	}
	asked := strings.Contains(c.words, " "+l.word+" ")
	switch {
	case s.notify != nil && !asked && (l.word == "STATUS" || l.word == "LIST"):
		s.news = append(s.news, *l)
	case !asked:
		s.fail("%q for %q", l.raw, c.text)
	}
}

func (s *session) takeExists(r *reply, l *response) {
	if int(l.num) < len(s.msgs) {
		s.fail("%q, there were %d", l.raw, len(s.msgs))
	}
	r.exists = r.exists || int(l.num) > len(s.msgs)
	for len(s.msgs) < int(l.num) {
		s.msgs = append(s.msgs, known{fresh: s.notify != nil && s.notify.fetch})
	}
}

func (s *session) takeExpunge(c *command, l *response) {
	n := int(l.num)
	if c.quiet && !(c.free && s.listens()) || s.qresync || s.uidOnly || n < 1 || n > len(s.msgs) {
		s.fail("%q of %d messages during %q", l.raw, len(s.msgs), c.text)
	}
	s.msgs = slices.Delete(s.msgs, n-1, n)
}

func (s *session) takeVanished(c *command, l *response) {
	earlier := len(l.args) == 2 && l.args[0].kind == '(' && len(l.args[0].list) == 1 && l.args[0].list[0].atom() == "EARLIER"
	if len(l.args) == 0 || len(l.args) == 2 != earlier || !s.qresync && !s.uidOnly || earlier && !c.earlier || !earlier && c.quiet && !(c.free && s.listens()) {
		s.fail("%q during %q", l.raw, c.text)
	}
	uids := set(l.args[len(l.args)-1].s)
	if !slices.IsSorted(uids) {
		s.fail("%q does not ascend", l.raw)
	}
	for _, uid := range uids {
		if s.cache != nil {
			delete(s.cache.flags, uid)
		}
		i := s.place(uid)
		if earlier && s.index(uid) >= 0 || !earlier && i < 0 {
			s.fail("%q: %d, there are %v", l.raw, uid, s.uids())
		}
		if !earlier {
			s.msgs = slices.Delete(s.msgs, i, i+1)
		}
	}
}

// place finds a message by UID, or one whose UID is not known yet and may be that.
func (s *session) place(uid uint32) int {
	last := -1
	for i, k := range s.msgs {
		switch {
		case k.uid == uid:
			return i
		case k.uid > uid:
			return last
		case k.uid == 0:
			last = i
		default:
			last = -1
		}
	}
	return last
}

func (s *session) takeFlags(l *response) {
	s.announced = 0
	if len(l.args) != 1 || l.args[0].kind != '(' {
		s.fail("%q", l.raw)
	}
	for _, v := range l.args[0].list {
		s.announced |= flagOf(v.s)
	}
	if s.announced&system != system {
		s.fail("%q lacks system flags", l.raw)
	}
	for _, k := range s.msgs {
		if k.hasFlags && k.flags&^s.announced != 0 {
			s.fail("%q, but UID %d has (%s)", l.raw, k.uid, k.flags)
		}
	}
}

func (s *session) takeCode(l *response) {
	switch l.code {
	case "PERMANENTFLAGS":
		var all flags
		star := false
		for _, v := range l.args[0].list {
			all |= flagOf(v.s)
			star = star || v.s == `\*`
		}
		s.perm, s.star = all, star
	case "HIGHESTMODSEQ":
		if n := l.args[0].number(); n == 0 {
			s.fail("%q", l.raw)
		}
	}
}

// fetched are the items of a FETCH response.
type fetched struct {
	uid    uint32
	flags  *flags
	recent bool
	modseq uint64
	items  map[string]value
}

func (s *session) items(l *response) (f fetched) {
	if len(l.args) != 1 || l.args[0].kind != '(' || len(l.args[0].list)%2 != 0 || len(l.args[0].list) == 0 {
		s.fail("%q", l.raw)
	}
	f.items = make(map[string]value)
	list := l.args[0].list
	for i := 0; i < len(list); i += 2 {
		name, v := list[i].atom(), list[i+1]
		if _, twice := f.items[name]; twice || name == "" {
			s.fail("%q: %s", l.raw, name)
		}
		f.items[name] = v
		switch name {
		case "UID":
			f.uid = uint32(v.number())
		case "MODSEQ":
			f.modseq = v.list[0].number()
		case "FLAGS":
			f.flags = s.flagList(l, v, &f.recent)
		}
	}
	return f
}

func (s *session) flagList(l *response, v value, recent *bool) *flags {
	var out flags
	for _, x := range v.list {
		bit := flagOf(x.s)
		switch {
		case x.s == `\Recent` && !s.rev2:
			*recent = true
		case bit == 0 || bit&s.announced == 0 || bit&out != 0:
			s.fail("%q: flag %s; FLAGS was (%s)", l.raw, x.s, s.announced)
		}
		out |= bit
	}
	return &out
}

func (s *session) takeFetch(c *command, r *reply, l *response) {
	f := s.items(l)
	if l.word == "UIDFETCH" != s.uidOnly {
		s.fail("%q, UIDONLY is %v", l.raw, s.uidOnly)
	}
	if s.condstore || s.asked || c.modseqs {
		s.top = max(s.top, f.modseq)
	} else if f.modseq != 0 {
		s.fail("%q to a client that does not know modseqs", l.raw)
	}
	i := int(l.num) - 1
	if s.uidOnly {
		f.uid = l.num
		if i = s.index(f.uid); i < 0 {
			s.takeLate(l, f)
			r.told[f.uid] = r.told[f.uid] || f.flags != nil
			return
		}
	}
	if i < 0 || i >= len(s.msgs) {
		s.fail("%q of %d messages", l.raw, len(s.msgs))
	}
	k := &s.msgs[i]
	if f.uid != 0 && k.uid != 0 && f.uid != k.uid {
		s.fail("%q: message %d was UID %d", l.raw, l.num, k.uid)
	}
	if f.uid != 0 && k.uid == 0 {
		s.meet(l, i, f.uid)
	}
	if c.push && !k.fresh && !k.late && k.hasFlags && f.flags != nil && k.flags == *f.flags && (k.modseq == f.modseq || f.modseq == 0) {
		s.fail("%q tells nothing that is new", l.raw)
	}
	k.fresh, k.late = k.fresh && f.flags == nil, k.late && f.flags == nil
	s.note(l, k, f)
	r.told[k.uid] = r.told[k.uid] || f.flags != nil
}

// meet learns the UID of the message at index i.
func (s *session) meet(l *response, i int, uid uint32) {
	for j, k := range s.msgs {
		if k.uid != 0 && (k.uid < uid) != (j < i) {
			s.fail("%q: there are %v", l.raw, s.uids())
		}
	}
	s.msgs[i].uid = uid
}

// note takes over flags and modseq.
func (s *session) note(l *response, k *known, f fetched) {
	if f.modseq != 0 {
		if f.modseq < k.modseq {
			k.fell = l.raw
		}
		k.modseq = max(k.modseq, f.modseq)
	}
	if f.flags != nil {
		k.flags, k.hasFlags = *f.flags, true
		s.keep(*k)
	}
}

// takeLate keeps what is told of a message whose place is not known yet.
func (s *session) takeLate(l *response, f fetched) {
	if s.place(f.uid) < 0 {
		s.fail("%q: there are %v", l.raw, s.uids())
	}
	k := s.late[f.uid]
	k.uid = f.uid
	s.note(l, &k, f)
	s.late[f.uid] = k
}

// differs says how the view differs from the model, "" if it does not. It fills in UIDs.
func (s *session) differs() string {
	b := s.box
	if len(s.msgs) != len(b.msgs) {
		return fmt.Sprintf("the client knows of %d messages %v, there are %d", len(s.msgs), s.uids(), len(b.msgs))
	}
	for i := range b.msgs {
		k, m := &s.msgs[i], &b.msgs[i]
		if k.uid == 0 {
			k.uid = m.uid
			if late, ok := s.late[m.uid]; ok {
				*k = late
				delete(s.late, m.uid)
			}
		}
		switch {
		case k.uid != m.uid:
			return fmt.Sprintf("message %d is UID %d to the client, it is %d", i+1, k.uid, m.uid)
		case k.fell != "":
			return fmt.Sprintf("%q, but there was a higher modseq", k.fell)
		case k.hasFlags && k.flags != m.flags:
			return fmt.Sprintf("message %d, UID %d, has (%s) to the client, it has (%s)", i+1, k.uid, k.flags, m.flags)
		case k.modseq != 0 && m.modseq != 0 && s.condstore && k.modseq != m.modseq:
			return fmt.Sprintf("message %d, UID %d, has modseq %d to the client, it has %d", i+1, k.uid, k.modseq, m.modseq)
		}
	}
	if may := s.changeable(); s.perm != s.announced&may || s.star != (may&^system != 0) {
		return fmt.Sprintf("PERMANENTFLAGS are (%s), new ones %v, to the client, it may change (%s)", s.perm, s.star, may)
	}
	return s.outdated()
}
