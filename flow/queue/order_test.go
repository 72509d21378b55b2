package queue

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"barid/mail"
	"barid/mail/spool"
)

func TestHigherPriorityGoesFirst(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 1, Concurrency: 1}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		b.submit("a.example", nil) // keeps the line busy while the others come
		sleep(0)
		for _, p := range []int8{-9, 0, -1, 9, 1, 0, 9} {
			b.submit("a.example", func(e *spool.Entry) { e.Priority = p })
		}
		sleep(time.Minute)
		var got []int8
		for _, x := range b.f.seen()[1:] {
			got = append(got, x.priority)
		}
		if want := []int8{9, 9, 1, 0, 0, -1, -9}; !slices.Equal(got, want) {
			t.Errorf("order %v", got)
		}
		b.empty()
	})
}

func TestLowPriorityIsNotStarved(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 1, Concurrency: 1}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		for range 200 {
			b.submit("a.example", func(e *spool.Entry) { e.Priority = 5 })
		}
		b.submit("a.example", func(e *spool.Entry) { e.Priority = -5 })
		sleep(time.Hour)
		i := slices.IndexFunc(b.f.seen(), func(x try) bool { return x.priority == -5 })
		if i < 10 || i > 2*oddTurn {
			t.Errorf("bulk mail came as number %d", i)
		}
		b.empty()
	})
}

func TestAccountsTakeTurns(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 1, Concurrency: 1}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		for account, n := range []int{0, 1000, 20, 20} {
			for range n {
				b.submit("a.example", func(e *spool.Entry) { e.Account, e.Size = mail.AccountID(account), 60<<10 })
			}
		}
		sleep(70 * time.Second)
		count := map[mail.AccountID]int{}
		for _, x := range b.f.seen() {
			count[x.account]++
		}
		if count[2] != 20 || count[3] != 20 {
			t.Errorf("after 70 attempts: %v", count)
		}
		sleep(time.Hour)
		b.empty()
	})
}

// TestTurnsAreByOctets: one account sends messages ten times as big; both get about the same octets.
func TestTurnsAreByOctets(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 1, Concurrency: 1, Lane: 2000}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		size := map[mail.AccountID]int64{1: 400 << 10, 2: 40 << 10}
		for account := range maps.Keys(size) {
			for range 1000 {
				b.submit("a.example", func(e *spool.Entry) { e.Account, e.Size = account, size[account] })
			}
		}
		sleep(300 * time.Second)
		sent := map[mail.AccountID]int64{}
		for _, x := range b.f.seen() {
			sent[x.account] += size[x.account] + overhead
		}
		if r := float64(sent[1]) / float64(sent[2]); r < 0.8 || r > 1.25 {
			t.Errorf("octets sent: %v", sent)
		}
		sleep(time.Hour)
	})
}

func TestFreshMailOvertakesRetries(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 1, Concurrency: 1, FirstRetry: time.Minute}, func(b *bed) {
		b.f.answer = always(deferred("busy"))
		b.start()
		for range 10 {
			b.submit("a.example", nil)
		}
		sleep(10 * time.Second)
		b.f.mu.Lock()
		b.f.answer, b.f.takes, b.f.tries = nil, time.Second, nil
		b.f.mu.Unlock()
		sleep(47 * time.Second) // the first retries begin
		for range 8 {
			b.submit("a.example", nil)
		}
		sleep(time.Hour)
		ids := b.f.ids()
		if first, last := slices.Index(ids, "m11"), slices.Index(ids, "m18"); last-first > 8 || first > 8 {
			t.Errorf("order %v", ids)
		}
		b.empty()
	})
}

func TestConcurrencyGrowsWithSuccess(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 2, Concurrency: 10}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		for range 200 {
			b.submit("a.example", nil)
		}
		sleep(0)
		if _, most := b.f.at("a.example"); most != 2 {
			t.Errorf("began with %d", most)
		}
		sleep(time.Minute)
		if _, most := b.f.at("a.example"); most != 10 {
			t.Errorf("grew to %d", most)
		}
		b.empty()
	})
}

func TestALineThatCanNotBeReachedIsProbed(t *testing.T) {
	inBubble(t, Settings{FirstConcurrency: 8, Concurrency: 32}, func(b *bed) {
		b.f.takes = time.Second
		b.f.answer = always(unreachable())
		b.start()
		for range 200 {
			b.submit("a.example", nil)
		}
		sleep(30 * time.Minute)
		// 8 at first, then one probe after 5, 10, 20 ... 600 seconds.
		if n := len(b.f.seen()); n < 8+6 || n > 8+14 {
			t.Errorf("%d attempts in half an hour", n)
		}
		s, err := b.q.Summary(b.t.Context(), Selector{}, 1)
		if err != nil || s[0].ShutTill.IsZero() || s[0].Entries != 200 || s[0].Limit != 1 || s[0].LastError != "4.4.1 connection refused" {
			t.Errorf("%+v, %v", s, err)
		}
		b.f.set(0, nil)
		sleep(13 * time.Minute)
		if n := len(standing(t, b.db)); n != 0 {
			t.Errorf("%d are left after it came back", n)
		}
		b.empty()
	})
}

func TestThrottlingHalvesAndBacksOff(t *testing.T) {
	set := Settings{}
	set.fill()
	now := time.Now()
	why := spool.Answer{Code: 421, Enhanced: "4.7.0"}
	f := newFlow(&set, false)
	for range 100 {
		f.note(&set, "a", vGood, spool.Answer{}, 0, now, now, true)
	}
	if f.limit != 32 {
		t.Fatalf("limit %v", f.limit)
	}
	f.note(&set, "a", vSlow, why, 0, now, now.Add(time.Second), true)
	f.note(&set, "a", vSlow, why, 0, now, now.Add(2*time.Second), true) // of the same round
	if f.limit != 16 || f.until.After(now) {
		t.Errorf("after 4.7.x: limit %v, until %v", f.limit, f.until)
	}
	f.note(&set, "a", vGood, spool.Answer{}, 0, now, now, true)
	if f.limit <= 16 || f.limit > 17 || f.trouble != 0 {
		t.Errorf("after a success: limit %v", f.limit)
	}
	f.note(&set, "a", vThrottled, why, 10*time.Minute, now.Add(time.Minute), now.Add(time.Minute), true)
	if f.limit != 1 || !f.until.Equal(now.Add(11*time.Minute)) {
		t.Errorf("after 421: limit %v, until %v", f.limit, f.until.Sub(now))
	}
	f.note(&set, "a", vThrottled, why, 100*time.Hour, now.Add(time.Hour), now.Add(time.Hour), true)
	if !f.until.Equal(now.Add(2 * time.Hour)) {
		t.Errorf("asked for too much: until %v", f.until.Sub(now))
	}
}

func TestVerdicts(t *testing.T) {
	stage := func(k Kind, code int, enhanced, stage string) Outcome {
		return Outcome{Kind: k, Answer: spool.Answer{Code: code, Enhanced: enhanced, Stage: stage}}
	}
	asked := stage(Deferred, 450, "", spool.StageRcpt)
	asked.RetryAfter = time.Minute
	for _, c := range []struct {
		o    Outcome
		want verdict
	}{
		{stage(Relayed, 250, "2.0.0", spool.StageData), vGood},
		{stage(Failed, 550, "5.1.1", spool.StageRcpt), vGood},
		{stage(Failed, 0, "5.1.10", spool.StageDNS), vNone},
		{stage(Deferred, 0, "4.4.3", spool.StageDNS), vDown},
		{stage(Deferred, 0, "4.4.1", spool.StageConnect), vDown},
		{stage(Deferred, 0, "4.4.2", spool.StageData), vDown},
		{stage(Deferred, 554, "", spool.StageGreeting), vDown},
		{stage(Deferred, 454, "4.7.0", spool.StageTLS), vDown},
		{stage(Deferred, 421, "4.7.0", spool.StageRcpt), vThrottled},
		{stage(Deferred, 451, "4.7.1", spool.StageRcpt), vSlow},
		{stage(Deferred, 452, "4.2.2", spool.StageRcpt), vGood},
		{stage(Deferred, 0, "", spool.StageLocal), vNone},
		{asked, vThrottled},
	} {
		if v := verdictOf(&c.o); v != c.want {
			t.Errorf("%+v: %v, want %v", c.o.Answer, v, c.want)
		}
	}
}

func TestLinesInTroubleDoNotTakeAllSlots(t *testing.T) {
	inBubble(t, Settings{Slots: 10, LineRetry: time.Second, MaxLineRetry: time.Second}, func(b *bed) {
		b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, _ int) Outcome {
			if e.Destination == "good.example" {
				return Outcome{Kind: Relayed}
			}
			return unreachable()
		}
		b.start()
		for i := range 50 {
			b.submit(fmt.Sprintf("dead%d.example", i), nil)
			b.submit(fmt.Sprintf("dead%d.example", i), nil)
		}
		sleep(time.Second)
		b.f.set(time.Minute, b.f.answer)
		sleep(10 * time.Second) // probes hang
		b.submit("good.example", nil)
		sleep(0)
		b.q.mu.Lock()
		if b.q.ailing > 5 {
			t.Errorf("%d slots by lines in trouble", b.q.ailing)
		}
		b.q.mu.Unlock()
		if now, _ := b.f.at("good.example"); now != 1 {
			t.Error("good mail waits for lines in trouble")
		}
		sleep(6 * 24 * time.Hour)
		b.empty()
	})
}

func TestAFullRingOfBulkDoesNotDelayUrgentMail(t *testing.T) {
	inBubble(t, Settings{Slots: 4}, func(b *bed) {
		b.f.takes = time.Second
		b.start()
		for i := range 400 {
			b.submit(fmt.Sprintf("d%d.example", i), func(e *spool.Entry) { e.Priority = -1 })
		}
		sleep(time.Second)
		urgent := b.submit("x.example", func(e *spool.Entry) { e.Priority = 1 })
		sleep(2 * time.Second)
		if !slices.Contains(b.f.ids(), urgent.Message.ID) {
			t.Error("urgent mail waits behind bulk mail")
		}
		sleep(time.Hour)
		b.empty()
	})
}

func TestBackOffIsSpread(t *testing.T) {
	set := Settings{FirstRetry: time.Hour}
	set.fill()
	var sum time.Duration
	lo, hi := time.Duration(1<<62), time.Duration(0)
	for i := range 10000 {
		d := set.backoff(spool.Name{Shard: 3, ID: spool.ID(i)}, 1)
		sum, lo, hi = sum+d, min(lo, d), max(hi, d)
	}
	mean := sum / 10000
	if mean < 59*time.Minute || mean > 61*time.Minute || lo > 49*time.Minute || hi < 71*time.Minute || lo < 48*time.Minute || hi > 72*time.Minute {
		t.Errorf("mean %v, from %v to %v", mean, lo, hi)
	}
}
