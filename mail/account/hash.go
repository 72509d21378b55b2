package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"barid/rfc/status"
)

// HashCost is what one Argon2id hash costs (RFC 9106 §3.1).
type HashCost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultHash is the cost that OWASP names for Argon2id: 19 MiB, two passes, one thread.
var DefaultHash = HashCost{Memory: 19 * 1024, Time: 2, Threads: 1}

// The costs and sizes that are believed when they stand in a record.
const (
	maxHashMemory = 1 << 20 // KiB
	maxHashTime   = 64
	minHashBytes  = 16
	maxHashBytes  = 64
	saltBytes     = 16
	keyBytes      = 32
)

func (c HashCost) check() error {
	if c.Time < 1 || c.Time > maxHashTime || c.Threads < 1 || c.Memory < 8*uint32(c.Threads) || c.Memory > maxHashMemory {
		return ErrInvalid{
			Kind: "password", Field: "hash cost", Value: c.String(),
			Why: "is out of range", Near: DefaultHash.String(),
		}
	}
	return nil
}

// String gives the cost as the PHC string format has it: "m=19456,t=2,p=1".
func (c HashCost) String() string { return fmt.Sprintf("m=%d,t=%d,p=%d", c.Memory, c.Time, c.Threads) }

// phc is a parsed PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	cost      HashCost
	salt, key []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, p.cost, b64(p.salt), b64(p.key))
}

func parsePHC(s string) (p phc, err error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || strings.ContainsAny(s, "\r\n") || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, damaged("a password")
	}
	if p.cost, err = parseCost(f[3]); err != nil {
		return p, err
	}
	b64 := base64.RawStdEncoding.Strict()
	if p.salt, err = b64.DecodeString(f[4]); err != nil || len(p.salt) < 8 || len(p.salt) > maxHashBytes {
		return p, damaged("a password")
	}
	if p.key, err = b64.DecodeString(f[5]); err != nil || len(p.key) < minHashBytes || len(p.key) > maxHashBytes {
		return p, damaged("a password")
	}
	return p, nil
}

func parseCost(s string) (c HashCost, err error) {
	var n [3]uint64
	f := strings.Split(s, ",")
	if len(f) != 3 {
		return c, damaged("a password")
	}
	for i, name := range []string{"m=", "t=", "p="} {
		v, ok := strings.CutPrefix(f[i], name)
		if n[i], err = strconv.ParseUint(v, 10, 32); !ok || err != nil || n[2] > 255 {
			return c, damaged("a password")
		}
	}
	c = HashCost{Memory: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(n[2])}
	if c.check() != nil {
		return c, damaged("a password")
	}
	return c, nil
}

// dummy gives a hash of this cost that no password has.
func (c HashCost) dummy() string {
	return phc{cost: c, salt: random(saltBytes), key: random(keyBytes)}.String()
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails on the systems Go supports (crypto/rand)
	return b
}

// hasher computes hashes, a bounded number at once.
type hasher struct {
	cost    HashCost
	slots   chan struct{}
	queue   int64
	waiting atomic.Int64
	count   atomic.Int64 // hashes computed, for tests of equal work
	metrics *Metrics
}

func newHasher(cost HashCost, slots, queue int, m *Metrics) *hasher {
	return &hasher{cost: cost, slots: make(chan struct{}, slots), queue: int64(queue), metrics: m}
}

// create hashes a password at today's cost.
func (h *hasher) create(ctx context.Context, password string) (string, error) {
	p := phc{cost: h.cost, salt: random(saltBytes)}
	key, err := h.compute(ctx, password, p, keyBytes)
	p.key = key
	return p.String(), err
}

// verify tells whether password has the hash s, and whether s is of another cost than today's.
func (h *hasher) verify(ctx context.Context, password, s string) (right, old bool, err error) {
	p, err := parsePHC(s)
	if err != nil {
		return false, false, err
	}
	key, err := h.compute(ctx, password, p, uint32(len(p.key)))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(key, p.key) == 1, p.cost != h.cost, nil
}

// compute waits for a slot and hashes. With queue others waiting it refuses at once.
func (h *hasher) compute(ctx context.Context, password string, p phc, n uint32) ([]byte, error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.queue+int64(cap(h.slots)) {
		return nil, errBusy()
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	h.count.Add(1)
	start := time.Now()
	key := argon2.IDKey([]byte(password), p.salt, p.cost.Time, p.cost.Memory, p.cost.Threads, n)
	h.metrics.hashed(time.Since(start))
	return key, nil
}

// errBusy is RFC 4954 §6's temporary authentication failure.
func errBusy() error {
	return status.Temp(7, 0, "too many logins at once, try again later").WithReply(454).Because("auth-busy")
}
