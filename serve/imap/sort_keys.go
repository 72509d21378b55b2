package imap

import (
	"container/list"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/header"
	"barid/rfc/imap"
)

// sortKey is what messages are ordered and threaded by, made once of a message's cold row. Texts are keys of
// the collation: they compare as bytes.
type sortKey struct {
	uid                    mailbox.UID
	reply                  bool  // the subject says that this is an answer or forward
	sent                   int64 // Date in Unix seconds, or INTERNALDATE (RFC 5256 §2.2)
	subject                string
	from, to, cc           string
	displayFrom, displayTo string   // RFC 5957
	id                     uint64   // hash of the Message-ID, 0 for none
	refs                   []uint64 // hashes of what it refers to, oldest first
}

// Limits of what one message adds to a keyring.
const (
	maxSortText   = imap.MaxSubject // bytes of a text that count for the order
	maxReferences = 1000            // references that are read
	maxSortRefs   = 64              // references that are kept
	rowBytes      = 224             // about what a sortKey takes beside its texts, with the ranks of these
)

// keyring holds the sort keys of a mailbox in one collation. Envelopes never change, so keys stay right as
// long as UIDVALIDITY does.
type keyring struct {
	of    ringName
	mu    sync.Mutex
	run   *keyRun // under mu; replaced, never changed
	bytes int64
	place *list.Element // in keyrings.used
}

type ringName struct {
	account    mail.AccountID
	box        mailbox.ID
	validity   uint32
	comparator string
}

// keyrings keeps the keyrings used last, up to a number of bytes, for all sessions of the server.
type keyrings struct {
	mu    sync.Mutex
	max   int64
	bytes int64
	all   map[ringName]*keyring
	used  *list.List // of *keyring, the one used last in front
	seed  maphash.Seed
}

func newKeyrings(max int64) *keyrings {
	return &keyrings{max: max, all: make(map[ringName]*keyring), used: list.New(), seed: maphash.MakeSeed()}
}

// get finds or makes a keyring.
func (ks *keyrings) get(name ringName) *keyring {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.all[name]
	if k == nil {
		k = &keyring{of: name, run: new(keyRun)}
		k.place = ks.used.PushFront(k)
		ks.all[name] = k
	}
	ks.used.MoveToFront(k.place)
	return k
}

// sized notes what a keyring takes now and lets go of those unused longest.
func (ks *keyrings) sized(k *keyring, bytes int64) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.all[k.of] != k {
		return // let go meanwhile
	}
	ks.bytes += bytes - k.bytes
	k.bytes = bytes
	for ks.bytes > ks.max && ks.used.Len() > 0 {
		last := ks.used.Remove(ks.used.Back()).(*keyring) //nolint:errcheck // holds nothing else
		delete(ks.all, last.of)
		ks.bytes -= last.bytes
	}
}

// keys gives the sort keys of the results, in their order.
func (s *session) keys(r *result) ([]*sortKey, error) {
	run, places, err := s.keyPlaces(r)
	if err != nil {
		return nil, err
	}
	out := make([]*sortKey, len(places))
	for k, at := range places {
		if at >= 0 {
			out[k] = &run.rows[at]
			continue
		}
		e := r.view.At(int(r.hits[k]))
		out[k] = &sortKey{uid: e.UID, sent: e.Date}
	}
	return out, nil
}

// keyPlaces gives the rows of the mailbox and the place among them of each result: -1 where its cold row is
// gone or damaged.
func (s *session) keyPlaces(r *result) (*keyRun, []int32, error) {
	ring := s.srv.keyrings.get(ringName{r.sel.owner, r.sel.box.ID(), r.view.UIDValidity(), s.comparatorName(s.order)})
	run, err := ring.covering(s, r)
	if err != nil {
		return nil, nil, err
	}
	places := make([]int32, len(r.hits))
	at := 0
	for k, i := range r.hits {
		uid := r.view.At(int(i)).UID
		if at >= len(run.rows) || run.rows[at].uid != uid {
			at, _ = findKey(run.rows, uid)
		}
		if at < len(run.rows) && run.rows[at].uid == uid {
			places[k] = int32(at)
			at++
			continue
		}
		places[k] = -1
	}
	return run, places, nil
}

func findKey(rows []sortKey, uid mailbox.UID) (int, bool) {
	return slices.BinarySearchFunc(rows, uid, func(k sortKey, u mailbox.UID) int {
		switch {
		case k.uid < u:
			return -1
		case k.uid > u:
			return 1
		}
		return 0
	})
}

// covering gives rows that have all results; those missing are read. That is done without the lock, for it waits for the
// disk and for the client, who is told of progress. Of two who read at the same time the later one's rows are kept.
func (k *keyring) covering(s *session, r *result) (*keyRun, error) {
	k.mu.Lock()
	run := k.run
	k.mu.Unlock()
	missing := run.lacks(r)
	if len(missing) == 0 {
		return run, nil
	}
	fresh, err := s.readKeys(r, missing)
	if err != nil {
		return nil, err
	}
	run = &keyRun{rows: mergeKeys(run.rows, fresh, r.view)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run = run
	s.srv.keyrings.sized(k, sizeOf(run.rows))
	return run, nil
}

// lacks gives the results that have no row.
func (run *keyRun) lacks(r *result) (missing mailbox.UIDSet) {
	rows, at := run.rows, 0
	for _, i := range r.hits { // results of a search: they ascend
		uid := r.view.At(int(i)).UID
		for at < len(rows) && rows[at].uid < uid {
			at++
		}
		if at == len(rows) || rows[at].uid != uid {
			missing = missing.Add(uid)
		}
	}
	return missing
}

// mergeKeys joins two runs of rows, leaving out messages that v does not show any more.
func mergeKeys(old, fresh []sortKey, v *mailbox.View) []sortKey {
	out := make([]sortKey, 0, len(old)+len(fresh))
	for len(old) > 0 || len(fresh) > 0 {
		if len(old) == 0 || len(fresh) > 0 && fresh[0].uid < old[0].uid {
			out, fresh = append(out, fresh[0]), fresh[1:]
			continue
		}
		if _, here := v.Seq(old[0].uid); here || old[0].uid >= v.UIDNext() {
			out = append(out, old[0])
		}
		old = old[1:]
	}
	return out
}

func sizeOf(rows []sortKey) int64 {
	n := int64(len(rows)) * rowBytes
	for i := range rows {
		k := &rows[i]
		n += int64(len(k.subject)+len(k.from)+len(k.to)+len(k.cc)) + int64(len(k.refs))*8
		n += int64(len(k.displayFrom) + len(k.displayTo))
	}
	return n
}

// readKeys makes the keys of some messages from their cold rows.
func (s *session) readKeys(r *result, set mailbox.UIDSet) (out []sortKey, err error) {
	m := keyMaker{s: s, texts: make(map[string]string)}
	err = r.sel.box.Cold(s.ctx, r.view, set, func(i int, e mailbox.Entry, c *mailbox.Cold) error {
		if c != nil {
			out = append(out, m.key(e, c))
		}
		return s.working(i, r.view.Len())
	})
	return out, err
}

// keyMaker makes keys. Texts that come again are made once and shared.
type keyMaker struct {
	s     *session
	texts map[string]string
	buf   []byte
}

func (m *keyMaker) key(e mailbox.Entry, c *mailbox.Cold) sortKey {
	k := sortKey{uid: e.UID, sent: e.Date}
	env, ok := imap.ReadEnvelope(c.Envelope)
	if !ok {
		return k
	}
	if t, err := header.Date(string(env.Date)); err == nil {
		k.sent = t.Unix()
	}
	var base string
	base, k.reply = imap.BaseSubject(decoded(env.Subject))
	k.subject = m.collated(base)
	k.from, k.to, k.cc = m.mailbox(env.From), m.mailbox(env.To), m.mailbox(env.Cc)
	k.displayFrom, k.displayTo = m.display(env.From), m.display(env.To)
	m.lineage(&k, &env, c)
	return k
}

func decoded(b []byte) string { return header.DecodeWords(string(b)) }

// mailbox is the key of addr-mailbox (RFC 5256 §3).
func (m *keyMaker) mailbox(a imap.FirstAddress) string { return m.collated(string(a.Mailbox)) }

// display is the key of what a reader sees of an address: its name, or else the address (RFC 5957 §3).
func (m *keyMaker) display(a imap.FirstAddress) string {
	if name := strings.TrimSpace(decoded(a.Name)); name != "" {
		return m.collated(name)
	}
	if len(a.Host) == 0 {
		return m.collated(string(a.Mailbox))
	}
	return m.collated(string(a.Mailbox) + "@" + string(a.Host))
}

// collated gives the collation key of a text.
func (m *keyMaker) collated(text string) string {
	if text == "" {
		return ""
	}
	text = text[:min(len(text), maxSortText)]
	if k, ok := m.texts[text]; ok {
		return k
	}
	m.buf = m.s.collate(m.buf[:0], text)
	k := string(m.buf)
	m.texts[text] = k
	return k
}

// lineage notes the message's id and those it refers to (RFC 5256 §3, "REFERENCES").
func (m *keyMaker) lineage(k *sortKey, env *imap.EnvelopeKeys, c *mailbox.Cold) {
	seed := m.s.srv.keyrings.seed
	if len(c.MessageID) > 0 {
		k.id = hashID(seed, string(c.MessageID))
	}
	refs := header.MessageIDs([]byte(header.Get(c.Headers, "References")), maxReferences)
	if n := len(refs); n > maxSortRefs { // the oldest and the nearest tell most
		refs = append(refs[:1], refs[n-maxSortRefs+1:]...)
	}
	if len(refs) == 0 {
		refs = header.MessageIDs(env.InReplyTo, 1)
	}
	for _, r := range refs {
		k.refs = append(k.refs, hashID(seed, r))
	}
}

// hashID hashes a message-id without the quotes that some write it with.
func hashID(seed maphash.Seed, id string) uint64 {
	if strings.IndexByte(id, '"') >= 0 {
		id = strings.ReplaceAll(id, `"`, "")
	}
	return max(maphash.String(seed, id), 1)
}
