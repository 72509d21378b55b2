package mailbox

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// shape is what a name in the list of mailboxes stands for.
type shape byte

const (
	selectable shape = iota // holds messages
	noSelect                // holds other names only
	ghost                   // deleted, but still subscribed
)

// info is a row of TableMailbox. It is not changed once it is in a catalog; editInfo makes a copy.
type info struct {
	id         ID
	name       string
	shape      shape
	subscribed bool
	use        Use
	validity   uint32
	keywords   []string

	snap   summary // the mailbox at the last snapshot: its pages hold that, the log what came after
	floor  ModSeq  // expunges are known after this
	rows   uint64  // change records that were kept at the last snapshot
	recent UID     // messages from here on were not shown to a session as recent yet
}

func (i *info) encode() []byte {
	b := make([]byte, 0, 64+len(i.name))
	b = append(b, format, byte(i.shape), bit(i.subscribed, 1), byte(i.use))
	b = putString(b, i.name)
	b = putUint(b, uint64(i.validity))
	b = putUint(b, uint64(len(i.keywords)))
	for _, k := range i.keywords {
		b = putString(b, k)
	}
	b = putUint(b, uint64(i.snap.modseq))
	b = i.snap.append(b)
	b = putUint(b, uint64(i.floor))
	b = putUint(b, i.rows)
	return putUint(b, uint64(i.recent))
}

func decodeInfo(k, v []byte) (*info, error) {
	d := newDecoder(v)
	i := &info{shape: shape(d.byte()), subscribed: d.byte()&1 != 0, use: Use(d.byte())}
	i.name = d.string()
	i.validity = uint32(d.uint())
	n := d.count()
	for range min(n, MaxKeywords) {
		i.keywords = append(i.keywords, d.string())
	}
	i.snap = d.summary(ModSeq(d.uint()))
	i.floor, i.rows = ModSeq(d.uint()), d.uint()
	i.recent = UID(d.uint())
	if !d.end() || len(k) != 4 || n > MaxKeywords || i.shape > ghost {
		return nil, corrupt("mailbox row")
	}
	i.id = ID(binary.BigEndian.Uint32(k))
	return i, nil
}

// catalog is the list of mailboxes of an account. It is immutable; change makes another.
type catalog struct {
	byID   map[ID]*info
	byName map[string]*info
	grants map[ID][]Grant // of mailboxes that are shared; nil if none is
}

func newCatalog(infos ...*info) *catalog {
	c := &catalog{byID: make(map[ID]*info, len(infos)), byName: make(map[string]*info, len(infos))}
	for _, i := range infos {
		c.byID[i.id], c.byName[i.name] = i, i
	}
	return c
}

// clone makes a copy that may be changed by set and del.
func (c *catalog) clone() *catalog {
	n := &catalog{byID: make(map[ID]*info, len(c.byID)+1), byName: make(map[string]*info, len(c.byID)+1), grants: c.grants}
	for id, i := range c.byID {
		n.byID[id] = i
	}
	for name, i := range c.byName {
		n.byName[name] = i
	}
	return n
}

func (c *catalog) del(i *info) {
	delete(c.byID, i.id)
	if c.byName[i.name] == i {
		delete(c.byName, i.name)
	}
}

func (c *catalog) set(i *info) {
	if old := c.byID[i.id]; old != nil {
		c.del(old)
	}
	c.byID[i.id], c.byName[i.name] = i, i
}

// below gives the mailboxes whose names are under name, in order of name.
func (c *catalog) below(name string) []*info {
	var out []*info
	for n, i := range c.byName {
		if len(n) > len(name) && n[len(name)] == '/' && n[:len(name)] == name {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *info) int { return strings.Compare(a.name, b.name) })
	return out
}

// hasChildren reports whether a name that exists is under name.
func (c *catalog) hasChildren(name string) bool {
	return slices.ContainsFunc(c.below(name), func(i *info) bool { return i.shape != ghost })
}

// find looks a name up; a ghost is not there.
func (c *catalog) find(name string) (*info, error) {
	i := c.byName[name] // as it is kept, mostly
	if i == nil {
		clean, err := CleanName(name)
		if err != nil {
			return nil, err
		}
		i = c.byName[clean]
	}
	if i == nil || i.shape == ghost {
		return nil, ErrNoMailbox
	}
	return i, nil
}

// withUse gives the mailbox with the special use, nil if there is none.
func (c *catalog) withUse(u Use) *info {
	for _, i := range c.byID {
		if i.use == u && u != UseNone {
			return i
		}
	}
	return nil
}

// list gives all names for LIST.
func (c *catalog) list() []Info {
	out := make([]Info, 0, len(c.byID))
	parent := make(map[string]bool)
	for name, i := range c.byName {
		out = append(out, i.public())
		if i.shape != ghost {
			for _, p := range parents(name) {
				parent[p] = true
			}
		}
	}
	for n := range out {
		out[n].HasChildren = parent[out[n].Name]
	}
	slices.SortFunc(out, func(a, b Info) int {
		if (a.Name == Inbox) != (b.Name == Inbox) {
			return cmp.Compare(b2i(b.Name == Inbox), b2i(a.Name == Inbox))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// public gives what a front end may know, without HasChildren.
func (i *info) public() Info {
	return Info{
		ID: i.id, Name: i.name, Use: i.use, Subscribed: i.subscribed, UIDValidity: i.validity,
		NoSelect: i.shape == noSelect, NonExistent: i.shape == ghost,
	}
}
