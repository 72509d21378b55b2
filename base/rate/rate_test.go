package rate_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/rate"
)

func TestAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rate.New[string](rate.Limit{Events: 60, Per: time.Minute, Burst: 3}, 100, time.Now)
		want := func(key string, n int, ok bool, after time.Duration) {
			t.Helper()
			if gotOK, got := l.Allow(key, n); gotOK != ok || got != after {
				t.Errorf("Allow(%s, %d) = %v %v, want %v %v", key, n, gotOK, got, ok, after)
			}
		}
		want("a", 1, true, 0)
		want("a", 2, true, 0)
		want("a", 1, false, time.Second)
		want("b", 3, true, 0)
		want("a", 2, false, 2*time.Second)
		want("a", 4, false, rate.Never)
		want("a", 0, true, 0)
		time.Sleep(999 * time.Millisecond)
		want("a", 1, false, time.Millisecond)
		time.Sleep(time.Millisecond)
		want("a", 1, true, 0)
		want("a", 1, false, time.Second)
		l.Return("a", 1)
		want("a", 1, true, 0)
		l.Return("nobody", 1)
		time.Sleep(time.Hour) // no more than the burst is saved up
		want("a", 3, true, 0)
		want("a", 1, false, time.Second)
	})
}

func TestAllowKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rate.New[int](rate.Limit{Events: 100, Per: time.Hour, Burst: 10}, 10, time.Now)
		allowed := 0
		for range 10 * 60 * 60 { // ten hours, one try a second
			if ok, _ := l.Allow(1, 1); ok {
				allowed++
			}
			time.Sleep(time.Second)
		}
		if allowed < 1000 || allowed > 1010 {
			t.Errorf("%d were allowed in ten hours at 100 an hour", allowed)
		}
	})
}

func TestKeysAreBoundedAndTheOldestGo(t *testing.T) {
	const keys = 1600
	l := rate.New[int](rate.Limit{Events: 1, Per: time.Hour}, keys, time.Now)
	l.Allow(-1, 1)
	for i := range 20 * keys {
		l.Allow(i, 1)
		if ok, _ := l.Allow(-1, 1); ok {
			t.Fatalf("the key in use was forgotten after %d others", i)
		}
	}
	if n := l.Len(); n > keys {
		t.Errorf("%d keys remembered, limit %d", n, keys)
	}
	if ok, _ := l.Allow(0, 1); !ok {
		t.Error("the oldest key was not forgotten")
	}
	if ok, _ := l.Allow(20*keys-1, 1); ok {
		t.Error("the latest key was forgotten")
	}
}

func TestOddLimits(t *testing.T) {
	for _, l := range []rate.Limit{{}, {Events: -1, Per: -1, Burst: -1}, {Events: 1 << 40, Per: time.Nanosecond}} {
		m := rate.New[string](l, 0, time.Now)
		if ok, _ := m.Allow("a", 1); !ok {
			t.Errorf("%+v allows nothing at all", l)
		}
	}
}

func TestSlots(t *testing.T) {
	s := rate.NewSlots[string](2, 3)
	for i, c := range []struct {
		key string
		ok  bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", false}} {
		if got := s.Acquire(c.key); got != c.ok {
			t.Fatalf("step %d: Acquire(%s) = %v", i, c.key, got)
		}
	}
	s.Release("a")
	if !s.Acquire("c") || s.Acquire("a") {
		t.Error("a released slot was not the next one's")
	}
	if n, all := s.Held("a"); n != 1 || all != 3 {
		t.Errorf("held %d of %d", n, all)
	}
	defer func() {
		if recover() == nil {
			t.Error("Release without Acquire was accepted")
		}
	}()
	s.Release("nobody")
}

func TestManyAtOnce(t *testing.T) {
	l := rate.New[string](rate.Limit{Events: 1000, Per: 1000 * time.Hour}, 64, time.Now)
	s := rate.NewSlots[string](4, 100)
	var wg sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				if ok, _ := l.Allow("shared", 1); ok {
					mu.Lock()
					allowed++
					mu.Unlock()
				}
				if key := fmt.Sprint(i, j%3); s.Acquire(key) {
					s.Release(key)
				}
			}
		})
	}
	wg.Wait()
	if allowed != 1000 {
		t.Errorf("%d allowed of a burst of 1000", allowed)
	}
	if _, all := s.Held("x"); all != 0 {
		t.Errorf("%d slots were never given back", all)
	}
}

func BenchmarkAllow(b *testing.B) {
	l := rate.New[string](rate.Limit{Events: 1000, Per: time.Second}, 1<<16, time.Now)
	keys := make([]string, 1<<12)
	for i := range keys {
		keys[i] = fmt.Sprintf("192.0.%d.%d", i>>8, i&255)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Allow(keys[i&(len(keys)-1)], 1)
		i++
	}
}
