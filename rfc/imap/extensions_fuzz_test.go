package imap

import (
	"slices"
	"strings"
	"testing"
)

// whole reads args with f and gives the error at their end.
func whole(args string, f func(*Parser)) error {
	lim := AfterLogin(100)
	p := NewParser([]byte(args), &lim)
	f(p)
	return p.End()
}

// keysOf walks a search key; it gives how deep it is, and how many keys it has of each kind.
func keysOf(k *SearchKey, counts map[SearchOp]int) (depth int) {
	counts[k.Op]++
	for i := range k.Keys {
		depth = max(depth, keysOf(&k.Keys[i], counts))
	}
	return depth + 1
}

// checkSearch holds what a search says of itself against its keys.
func checkSearch(t *testing.T, in string, s *Search) {
	lim := AfterLogin(100)
	counts := make(map[SearchOp]int)
	depth, n := keysOf(&s.Key, counts), 0
	for _, c := range counts {
		n += c
	}
	if depth > 3*lim.Depth || n > 4*lim.Items {
		t.Fatalf("%q is %d keys, %d deep", in, n, depth)
	}
	for _, x := range []struct {
		what string
		says bool
		of   SearchOp
	}{
		{"numbers", s.Numbers, SearchSeq},
		{"a saved result", s.Saved, SearchSaved},
		{"modseqs", s.ModSeq, SearchModSeq},
		{"fuzzy keys", s.Fuzzy, SearchFuzzy},
	} {
		if x.says != (counts[x.of] > 0) {
			t.Fatalf("%q has %s: it says %v", in, x.what, x.says)
		}
	}
	if s.Key.Op != SearchAnd || len(s.Key.Keys) == 0 {
		t.Fatalf("%q is %+v", in, s.Key)
	}
	for _, k := range []SearchOp{SearchNot, SearchFuzzy} {
		checkArity(t, in, &s.Key, k, 1)
	}
	checkArity(t, in, &s.Key, SearchOr, 2)
	if r := s.Return.Partial; r != nil && (r.Lo == 0 || r.Lo > r.Hi || s.Return.All) {
		t.Fatalf("%q has the window %+v", in, *r)
	}
}

func checkArity(t *testing.T, in string, k *SearchKey, op SearchOp, n int) {
	if k.Op == op && len(k.Keys) != n {
		t.Fatalf("%q: %+v has %d keys", in, *k, len(k.Keys))
	}
	for i := range k.Keys {
		checkArity(t, in, &k.Keys[i], op, n)
	}
}

// FuzzSearch: a search that is read is bounded, and says of itself what it holds.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		`ALL`, `RETURN (MIN MAX COUNT SAVE) 1:*,$`, `RETURN (PARTIAL -1:-5 UPDATE CONTEXT) UNSEEN`, `RETURN (PARTIAL 5:1) NOT $`, `RETURN () CHARSET UTF-8 UID 1:4294967295`,
		`OR (SEEN (NOT 2,4:*)) FUZZY TEXT "x"`, `MODSEQ "/flags/\\Seen" all 5`, `MODSEQ 0 MODSEQ 9223372036854775808`, `OLDER 0 YOUNGER 1`, `UIDAFTER 4294967295 UIDBEFORE 1`, `NOT UIDAFTER 1 UIDBEFORE 0`, `OLDER 4294967296`,
		`HEADER "" {2}` + "\r\nab", `KEYWORD $Label1 UNKEYWORD x NEW OLD RECENT`, `BEFORE 31-Feb-2026 SENTON " 1-Jan-1970"`, `LARGER 4294967296`, `SUBJECT "فروش"`,
		`SAVEDBEFORE 1-Jan-2026 SAVEDATESUPPORTED EMAILID M1 THREADID T1`, `UID $`, `RETURN (ALL PARTIAL 1:2) ALL`, `RETURN (RELEVANCY) FUZZY FUZZY ALL`,
		strings.Repeat("(", 40) + "ALL" + strings.Repeat(")", 40), strings.Repeat("NOT ", 31) + "ALL", strings.Repeat("OR SEEN ", 31) + "SEEN", "*", "$", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var s Search
		if whole(in, func(p *Parser) { s = p.Search() }) == nil {
			checkSearch(t, in, &s)
		}
	})
}

// FuzzSort: SORT's and THREAD's arguments; criteria are bounded, and charsets are in capitals.
func FuzzSort(f *testing.F) {
	for _, s := range []string{
		`(ARRIVAL) UTF-8 ALL`, `RETURN (ALL COUNT) (REVERSE SIZE SUBJECT) utf-8 1:* SEEN`, `(REVERSE REVERSE DATE) UTF-8 ALL`, `(DISPLAYFROM DISPLAYTO RELEVANCY) US-ASCII FUZZY BODY x`,
		`() UTF-8 ALL`, `(ARRIVAL ARRIVAL) "UTF-8" ALL`, `(REVERSE) UTF-8 ALL`, `(` + strings.Repeat("DATE ", 100) + `DATE) UTF-8 ALL`, `(ARRIVAL) UTF-8`, `(ARRIVAL)  UTF-8 ALL`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var s Search
		var by []SortKey
		err := whole(in, func(p *Parser) {
			want := p.SearchReturn()
			by = p.SortKeys()
			s = p.SP().SearchFor()
			s.Return = want
		})
		if err != nil {
			return
		}
		checkSearch(t, in, &s)
		if len(by) == 0 || len(by) > AfterLogin(100).Items || strings.ContainsAny(s.Charset, "abcdefghijklmnopqrstuvwxyz") {
			t.Fatalf("%q sorts by %v in %q", in, by, s.Charset)
		}
	})
}

// FuzzSelectParams: what a client that comes back says of itself is bounded, not 0 and without "*".
func FuzzSelectParams(f *testing.F) {
	for _, s := range []string{
		`(CONDSTORE)`, `(QRESYNC (67890007 20050715194045000 41,43:211,214:541))`, `(QRESYNC (67890007 90060115194045000 41:211,214:541 (1:3 41:43)) CONDSTORE)`,
		`(QRESYNC (1 1 (1 1)))`, `(QRESYNC (0 1))`, `(QRESYNC (1 0))`, `(QRESYNC (1 1 *))`, `(QRESYNC (1 1 1:* (1 1)))`, `(QRESYNC (1 1) QRESYNC (2 2))`, `()`,
		`(QRESYNC (4294967296 1))`, `(QRESYNC (1 9223372036854775807))`, `(QRESYNC (1 1 4:2,2:4 (2:1 7)))`, `(ANNOTATE)`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var out SelectParams
		if whole(in, func(p *Parser) { out = p.SelectParams() }) != nil || out.QResync == nil {
			return
		}
		q := out.QResync
		if q.UIDValidity == 0 || q.ModSeq == 0 || SeqSet(q.Known).HasStar() || q.Seqs.HasStar() || SeqSet(q.UIDs).HasStar() || (q.Seqs == nil) != (q.UIDs == nil) {
			t.Fatalf("%q is %+v", in, *q)
		}
	})
}

// names reports whether a set names n, top being "*": the sentence of RFC 9051 §9, seq-range.
func names(set []Range, n, top uint32) bool {
	return slices.ContainsFunc(set, func(r Range) bool {
		lo, hi := r.Lo, r.Hi
		if lo == Star {
			lo = top
		}
		if hi == Star {
			hi = top
		}
		return min(lo, hi) <= n && n <= max(lo, hi)
	})
}

// FuzzSet: resolved sets ascend, do not touch, and name what the client named; written and read again they are the same.
func FuzzSet(f *testing.F) {
	for _, s := range []struct {
		set string
		top uint32
	}{
		{"1", 1},
		{"1:*", 10},
		{"*:1", 10},
		{"*", 0},
		{"4294967295:*", 3},
		{"1:4294967295,5", 7},
		{"9:3,2:2,4", 20},
		{"3,1,2", 3},
		{"4294967295", 4294967295},
		{"4294967294:4294967295,1", 4294967295},
		{"*,*:*,1:*", 5},
		{"0", 1},
		{"1:0", 1},
		{"1,", 1},
		{"4294967296", 1},
		{"01", 1},
	} {
		f.Add(s.set, s.top)
	}
	f.Fuzz(func(t *testing.T, in string, top uint32) {
		var set UIDSet
		if whole(in, func(p *Parser) { set = p.UIDSet() }) != nil {
			return
		}
		rs := set.Resolve(top)
		for i, r := range rs {
			if r.Lo == 0 || r.Lo > r.Hi || i > 0 && uint64(r.Lo) <= uint64(rs[i-1].Hi)+1 {
				t.Fatalf("%q with * %d is %v", in, top, rs)
			}
		}
		if top > 0 {
			checkNamed(t, in, set, rs, top)
		}
		if len(rs) == 0 {
			return
		}
		var again UIDSet
		if err := whole(string(AppendSet(nil, rs)), func(p *Parser) { again = p.UIDSet() }); err != nil || !slices.Equal(again.Resolve(1), rs) {
			t.Fatalf("%v was written as %q and read as %v, %v", rs, AppendSet(nil, rs), again, err)
		}
	})
}

// checkNamed looks at numbers around all that the set has.
func checkNamed(t *testing.T, in string, set UIDSet, rs []Range, top uint32) {
	probes := []uint32{1, 2, top - 1, top, top + 1, 1<<32 - 1}
	for _, r := range set[:min(len(set), 50)] {
		probes = append(probes, r.Lo-1, r.Lo, r.Lo+1, r.Hi-1, r.Hi, r.Hi+1)
	}
	for _, n := range probes {
		has := slices.ContainsFunc(rs, func(r Range) bool { return r.Lo <= n && n <= r.Hi })
		if n != 0 && has != names(set, n, top) {
			t.Fatalf("%q with * %d: %d is %v in %v", in, top, n, has, rs)
		}
	}
}

// FuzzArguments reads the arguments of commands about mailboxes: nothing is more than the limits.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{
		`(SUBSCRIBED RECURSIVEMATCH) "" (INBOX "a/%" *) RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE)`, `"" ""`, `() "" ()`, `(USE (\Sent \Drafts))`, `(USE ())`,
		`(DEPTH 1 MAXSIZE 10) (/private/comment /shared/comment)`, `(/private/comment {3}` + "\r\nabc" + ` /shared/x NIL)`, `/private//comment`, `IN (mailboxes (INBOX x) subtree "a" personal) RETURN (COUNT) ALL`,
		`(subtree-one ("x" "y"))`, `selected`, `inboxes`, strings.Repeat("(", 100), strings.Repeat("x ", 100),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		items := AfterLogin(100).Items
		for _, read := range []func(*Parser) int{
			func(p *Parser) int { return len(p.ListArguments().Patterns) },
			func(p *Parser) int { return len(p.StatusItems()) },
			func(p *Parser) int { p.CreateParams(); return 0 },
			func(p *Parser) int { p.GetMetadata(); return len(p.Entries()) },
			func(p *Parser) int { return len(p.EntryValues()) },
			func(p *Parser) int { all, _ := p.SearchSources(); p.Search(); return len(all) },
			func(p *Parser) int { return len(p.MailboxFilter().Names) },
		} {
			n := 0
			if err := whole(in, func(p *Parser) { n = read(p) }); err == nil && n > items {
				t.Fatalf("%q has %d members", in, n)
			}
		}
	})
}
