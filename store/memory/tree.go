package memory

import (
	"bytes"
	"hash/maphash"
)

// node is one node of a treap: a search tree by key, a heap by prio. Nodes never change once they are
// reachable, so an old root is a snapshot. The nil node is the empty tree.
type node struct {
	key, value  []byte
	again       bool // it replaced another value: see kv.Txn, DelOnce
	prio        uint64
	left, right *node
}

// seed makes priorities unlike those of other processes; it is read only.
var seed = maphash.MakeSeed()

func (n *node) with(left, right *node) *node {
	return &node{key: n.key, value: n.value, again: n.again, prio: n.prio, left: left, right: right}
}

// split gives the trees of the keys < k and >= k.
func split(n *node, k []byte) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	if bytes.Compare(n.key, k) < 0 {
		a, b := split(n.right, k)
		return n.with(n.left, a), b
	}
	a, b := split(n.left, k)
	return a, n.with(b, n.right)
}

// merge joins two trees; every key of a is below every key of b.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.prio >= b.prio:
		return a.with(a.left, merge(a.right, b))
	default:
		return b.with(merge(a, b.left), b.right)
	}
}

func (n *node) get(k []byte) ([]byte, bool) {
	if n = n.find(k); n == nil {
		return nil, false
	}
	return n.value, true
}

func (n *node) find(k []byte) *node {
	for n != nil {
		switch c := bytes.Compare(k, n.key); {
		case c == 0:
			return n
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

func (n *node) put(k, v []byte) *node {
	below, rest := split(n, k)
	_, above := split(rest, append(bytes.Clone(k), 0))
	one := &node{key: k, value: v, again: n.find(k) != nil, prio: maphash.Bytes(seed, k)}
	return merge(merge(below, one), above)
}

// delRange drops lo <= key < hi.
func (n *node) delRange(lo, hi []byte) *node {
	below, rest := split(n, lo)
	_, above := split(rest, hi)
	return merge(below, above)
}

// ascend calls f for lo <= key < hi until it returns false.
func (n *node) ascend(lo, hi []byte, f func(k, v []byte) bool) bool {
	if n == nil {
		return true
	}
	inLow, inHigh := bytes.Compare(n.key, lo) >= 0, bytes.Compare(n.key, hi) < 0
	if inLow && !n.left.ascend(lo, hi, f) {
		return false
	}
	if inLow && inHigh && !f(n.key, n.value) {
		return false
	}
	return !inHigh || n.right.ascend(lo, hi, f)
}

// descend is ascend in the other direction.
func (n *node) descend(lo, hi []byte, f func(k, v []byte) bool) bool {
	if n == nil {
		return true
	}
	inLow, inHigh := bytes.Compare(n.key, lo) >= 0, bytes.Compare(n.key, hi) < 0
	if inHigh && !n.right.descend(lo, hi, f) {
		return false
	}
	if inLow && inHigh && !f(n.key, n.value) {
		return false
	}
	return !inLow || n.left.descend(lo, hi, f)
}
