package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/base/kv"
	"barid/e2e/corpus"
	"barid/mail"
	"barid/store/embedded"
)

// language makes words with the frequencies of a natural language.
type language struct {
	words []string
	zipf  *rand.Zipf
	r     *rand.Rand
}

func newLanguage(seed uint64, letters string, words int) *language {
	r := rand.New(rand.NewPCG(seed, seed))
	l := &language{r: r, zipf: rand.NewZipf(r, 1.15, 4, uint64(words-1))}
	runes := []rune(letters)
	for i := range words {
		n := 2 + r.IntN(3) + min(i/200, 4)
		w := make([]rune, n)
		for k := range w {
			w[k] = runes[r.IntN(len(runes))]
		}
		l.words = append(l.words, string(w))
	}
	return l
}

func (l *language) text(bytes int) string {
	var b strings.Builder
	line := 0
	for b.Len() < bytes {
		w := l.words[l.zipf.Uint64()]
		if line += len(w); line > 90 {
			b.WriteString("\r\n")
			line = 0
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// mailLike makes messages of about 4 KiB as they come: trace, signature, a text in one of three languages.
func mailLike(n int) func(i int) string {
	ls := []*language{
		newLanguage(1, "etaoinshrdlucmfwyp", 40_000), newLanguage(2, "ابتثجحدرسشعغفقكلمنهوي", 40_000),
		newLanguage(3, "آابپتجچدرزسشعفقکگلمنوهی", 40_000),
	}
	r := rand.New(rand.NewPCG(9, 9))
	token := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[r.IntN(64)]
		}
		return string(b)
	}
	return func(i int) string {
		l := ls[i%3]
		who := r.IntN(300)
		return fmt.Sprintf("Return-Path: <sender%d@example.test>\r\nReceived: from mx%d.example.test (mx%d.example.test [192.0.2.%d]) by mail.example.test\r\n"+
			"\twith ESMTPS id %s; Sun, 1 Mar 2026 09:%02d:00 +0000\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.test; s=a;\r\n\th=from:to:subject; bh=%s; b=%s\r\n"+
			"From: %s <sender%d@example.test>\r\nTo: info@example.test\r\nSubject: %s\r\nDate: Sun, 1 Mar 2026 09:00:00 +0000\r\nMessage-ID: <%s@example.test>\r\n"+
			"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
			who, who%9, who%9, who%250, token(12), i%60, token(44), token(340), l.words[who], who, l.text(40), token(24), l.text(3000))
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchMessages is how many messages a benchmark indexes; BARID_SEARCH_MESSAGES is another number.
func benchMessages() int {
	if n, err := strconv.Atoi(os.Getenv("BARID_SEARCH_MESSAGES")); err == nil {
		return n
	}
	return 3000
}

// counted counts the bytes of rows written.
type counted struct {
	engine
	bytes int64
}

func (c *counted) Update(ctx context.Context, p kv.Part, f func(kv.Txn) error) error {
	return c.engine.Update(ctx, p, func(t kv.Txn) error { return f(&countedTxn{t, c}) })
}

type countedTxn struct {
	kv.Txn
	c *counted
}

func (t *countedTxn) Put(table kv.Table, k, v []byte) {
	if table == mail.TableSearch {
		t.c.bytes += int64(len(k) + len(v))
	}
	t.Txn.Put(table, k, v)
}

// BenchmarkIndex indexes messages of about 4 KiB and asks for words.
func BenchmarkIndex(b *testing.B) {
	s, err := embedded.Open(b.TempDir(), embedded.Options{ReserveBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	db := &counted{engine: s}
	w := newWorld(b, db, Options{})
	n := benchMessages()
	next := mailLike(n)
	bytes := int64(0)
	for done := 0; done < n; done += 100 {
		var raws []string
		for i := range 100 {
			raws = append(raws, next(done+i))
			bytes += int64(len(raws[i]))
		}
		w.deliver(raws...)
		clear(w.raw)
	}
	used, began, took := cpu(), time.Now(), time.Duration(0)
	w.sync()
	used, took = cpu()-used, time.Since(began)
	st, err := w.a.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d messages of %d bytes: %d µs and %d µs of CPU each, %d bytes of rows written each; the index has %.1f %% of the text, %.1f %% of the mail, %d segments",
		n, bytes/int64(n), took.Microseconds()/int64(n), used.Microseconds()/int64(n), db.bytes/int64(n),
		100*float64(st.Bytes)/float64(st.Text), 100*float64(st.Bytes)/float64(bytes), st.Segments)
	l := newLanguage(1, "etaoinshrdlucmfwyp", 40_000)
	for name, k := range map[string]Key{
		"subject_word":  {In: Subject, Text: needle(l.words[700])},
		"from":          {In: From, Text: needle("sender17@")},
		"body_rare":     {In: Parts, Text: needle(l.words[30_000])},
		"body_usual":    {In: Parts, Text: needle(l.words[20])},
		"body_usual_fa": {In: Parts, Text: needle(newLanguage(3, "آابپتجچدرزسشعفقکگلمنوهی", 40_000).words[300])},
		"text_usual":    {In: Any, Text: needle(l.words[300])},
		"text_everyone": {In: Any, Text: needle("example.test")},
		"body_phrase":   {In: Parts, Text: needle(l.words[3] + " " + l.words[40])},
		"body_2letters": {In: Parts, Text: needle("et")},
		"body_nowhere":  {In: Parts, Text: needle("qqqq")},
	} {
		b.Run(name, func(b *testing.B) {
			var c *Candidates
			for b.Loop() {
				if c, err = w.a.Narrow(b.Context(), k); err != nil {
					b.Fatal(err)
				}
			}
			yes, maybe := c.Counts()
			b.ReportMetric(float64(yes), "yes")
			b.ReportMetric(float64(maybe), "maybe")
		})
	}
	b.Run("fuzzy", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.a.Fuzzy(b.Context(), Fuzzy{In: Any, Text: l.words[20] + " " + l.words[300], Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestSizeOfIndex: at most 35 % of the text, for the corpus and for mail in three languages.
func TestSizeOfIndex(t *testing.T) {
	var real []string
	for _, m := range corpus.All() {
		real = append(real, string(m.Raw))
	}
	next := mailLike(1)
	var made []string
	for i := range 2048 { // eight batches, which are merged
		made = append(made, next(i))
	}
	for name, raws := range map[string][]string{"made": made} {
		w := newWorld(t, inMemory(t), Options{})
		w.deliver(raws...)
		w.sync()
		st, err := w.a.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Bytes*100 > st.Text*35 {
			t.Errorf("%s: the index has %d bytes, %d %% of the text", name, st.Bytes, st.Bytes*100/st.Text)
		}
	}
	w := newWorld(t, inMemory(t), Options{})
	w.deliver(real...)
	w.sync()
	st, _ := w.a.Status(t.Context())
	t.Logf("corpus of small messages: %+v", st)
	w.verify()
	for _, m := range corpus.All() {
		if len(m.Want.Text) > 3 {
			if hits, _ := w.compare(Key{In: Parts, Text: needle(m.Want.Text)}); hits == 0 && !strings.HasPrefix(m.Want.Text, "<") {
				t.Logf("%s: %q is not found", m.Name, m.Want.Text)
			}
		}
	}
}
