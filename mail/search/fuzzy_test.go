package search

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// TestFuzzy is RFC 6203: messages by relevancy, 1 to 100.
func TestFuzzy(t *testing.T) {
	w := newWorld(t, inMemory(t), Options{Batch: 4})
	filler := strings.Repeat("some words of no interest at all\r\n", 30)
	nos := w.deliver(
		"Subject: budget report\r\n\r\nshort\r\n",                                    // 0
		"Subject: other\r\n\r\nthe report on the budget\r\n",                         // 1
		"Subject: other\r\n\r\n"+filler+"report\r\n"+filler+"budget\r\n",             // 2
		"Subject: other\r\n\r\nreports and budgets\r\n",                              // 3
		"Subject: other\r\n\r\nreport\r\n",                                           // 4
		"Subject: نامه\r\n\r\nوالتقرير السنوي\r\n",                                   // 5
		"Subject: نامه\r\n\r\nتقرير سنوي\r\n",                                        // 6
		"From: Info <info@example.test>\r\nSubject: x\r\n\r\nمی\u200cخواهم بروم\r\n", // 7
		"Subject: x\r\n\r\nمی روم فردا\r\n")                                          // 8
	for _, c := range []struct {
		in   Field
		text string
		want []int
	}{
		{Any, "budget report", []int{0, 1, 3, 2}},
		{Any, `"budget report"`, []int{0}},
		{Any, `"the budget"`, []int{1}},
		{Subject, "report", []int{0}},
		{Any, "تقرير", []int{6, 5}},
		{Any, "والتقرير", []int{5, 6}},
		{Any, "میخواهم", []int{7}},
		{Any, `"می خواهم"`, []int{7}},
		{Any, "می\u200cروم", []int{8}},
		{Any, "\"می\u200cروم فردا\"", []int{8}},
		{From, "info@example.test", []int{7}},
		{Any, "nothing such", nil},
		{Any, "", nil},
	} {
		got, err := w.a.Fuzzy(t.Context(), Fuzzy{In: c.in, Text: c.text})
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i, h := range got.Hits {
			order = append(order, slices.Index(nos, h.Msg))
			if h.Score < 1 || h.Score > 100 || i == 0 && h.Score != 100 || i > 0 && h.Score > got.Hits[i-1].Score {
				t.Errorf("%q: scores %v", c.text, got.Hits)
			}
		}
		if !slices.Equal(order, c.want) {
			t.Errorf("%q: %v, want %v (%v)", c.text, order, c.want, got.Hits)
		}
	}
	if got, err := w.a.Fuzzy(t.Context(), Fuzzy{In: Any, Text: "report", Limit: 2}); err != nil || len(got.Hits) != 2 || got.Upto != nos[8] {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.a.Fuzzy(t.Context(), Fuzzy{In: Any, Text: strings.Repeat("x ", 99)}); !errors.Is(err, ErrTooLong) {
		t.Error("too many words must be refused")
	}
	empty := newWorld(t, inMemory(t), Options{})
	if got, err := empty.a.Fuzzy(t.Context(), Fuzzy{In: Any, Text: "report"}); err != nil || len(got.Hits) != 0 || got.Upto != mailbox.MsgNo(0) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestFuzzyDoesNotWaitForWriters: a merge or a rebuild may have the index for long.
func TestFuzzyDoesNotWaitForWriters(t *testing.T) {
	w := newWorld(t, inMemory(t), Options{})
	nos := w.deliver("Subject: budget\r\n\r\n")
	w.sync()
	unlock, err := w.a.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	got, err := w.a.Fuzzy(t.Context(), Fuzzy{In: Any, Text: "budget"})
	if err != nil || len(got.Hits) != 1 || got.Upto != nos[0] {
		t.Errorf("%v, %v", got, err)
	}
}

// TestFuzzyOfADamagedIndexKnowsNothing, and has it made anew.
func TestFuzzyOfADamagedIndexKnowsNothing(t *testing.T) {
	w := newWorld(t, inMemory(t), Options{})
	w.deliver("Subject: budget\r\n\r\n")
	w.sync()
	err := w.db.Update(t.Context(), owner.Part(), func(tx kv.Txn) error {
		tx.Put(mail.TableSearch, manifestKey(), []byte("rubbish"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.a.Fuzzy(t.Context(), Fuzzy{In: Any, Text: "budget"})
	if err != nil || len(got.Hits) != 0 || got.Upto != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
