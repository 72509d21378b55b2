package allowance

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 3, 0, 0, time.UTC)

// counted gives a window of the span into which n were counted after each of the times since noon.
func counted(s span, n int64, after ...time.Duration) *window {
	w := &window{span: s}
	for _, d := range after {
		w.add(noon.Add(d), n)
	}
	return w
}

func TestWindowForgetsWholeSlots(t *testing.T) {
	for _, c := range []struct {
		name string
		w    *window
		at   time.Duration
		want int64
	}{
		{"nothing", counted(hour, 1), 0, 0},
		{"now", counted(hour, 1, 0), 0, 1},
		{"within the hour", counted(hour, 1, 0, 10*time.Minute), 59 * time.Minute, 2},
		{"exactly an hour", counted(hour, 1, 0), time.Hour, 1}, // 12:00 to 12:05 leaves at 13:05
		{"the first slot has left", counted(hour, 1, 0, 10*time.Minute), 62 * time.Minute, 1},
		{"all left", counted(hour, 1, 0, 10*time.Minute), 3 * time.Hour, 0},
		{"years later", counted(hour, 1, 0), 3 * 365 * 24 * time.Hour, 0},
		{"the clock went back", counted(hour, 1, 0, 0), -time.Hour, 2},
		{"within the day", counted(day, 7, 0, 23*time.Hour), 24 * time.Hour, 14},
		{"the day has left", counted(day, 7, 0, 23*time.Hour), 25 * time.Hour, 7},
	} {
		c.w.advance(noon.Add(c.at))
		if c.w.sum != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.w.sum, c.want)
		}
		sum := int64(0)
		for _, n := range c.w.slots {
			sum += n
		}
		if sum != c.w.sum {
			t.Errorf("%s: the slots have %d, the sum is %d", c.name, sum, c.w.sum)
		}
	}
}

func TestTryAgainIsHonest(t *testing.T) {
	for _, c := range []struct {
		name     string
		w        *window
		n, limit int64
		want     string
	}{
		{"the oldest makes room", counted(hour, 1, -30*time.Minute, -20*time.Minute, 0), 1, 3, "12:35"},
		{"two must leave", counted(hour, 1, -30*time.Minute, -20*time.Minute, 0), 2, 3, "12:45"},
		{"all must leave", counted(hour, 1, -30*time.Minute, 0), 2, 2, "13:05"},
		{"never", counted(hour, 1, 0), 3, 2, ""},
		{"a day", counted(day, 100, -20*time.Hour), 1, 100, "17:00"},
	} {
		now := noon
		c.w.advance(now)
		if c.w.fits(c.n, c.limit) {
			t.Errorf("%s: fits", c.name)
		}
		got := c.w.until(now, c.n, c.limit)
		if c.want == "" {
			if !got.IsZero() {
				t.Errorf("%s: %v, want never", c.name, got)
			}
			continue
		}
		if got.Format("15:04") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
		if c.w.advance(got.Add(-time.Second)); c.w.fits(c.n, c.limit) {
			t.Errorf("%s: there is room before %v", c.name, got)
		}
		if c.w.advance(got); !c.w.fits(c.n, c.limit) {
			t.Errorf("%s: there is no room at %v", c.name, got)
		}
	}
}

func TestHeldPlacesAreThoughtToStay(t *testing.T) {
	w := counted(hour, 1, -30*time.Minute)
	w.held = 1
	if got := w.until(noon, 2, 2); got.Format("15:04") != "13:05" {
		t.Errorf("got %v", got)
	}
	empty := &window{span: hour, held: 2}
	if got := empty.until(noon, 1, 2); got.Format("15:04") != "13:05" {
		t.Errorf("got %v", got)
	}
}

func TestWindowsAreStored(t *testing.T) {
	for name, w := range map[string]*window{
		"empty": counted(hour, 1), "one": counted(hour, 1, 0), "spread": counted(day, 1<<40, -20*time.Hour, -3*time.Hour, 0),
	} {
		b := w.append(nil)
		got := &window{span: w.span}
		rest, ok := got.read(append(b, 'x'))
		if !ok || string(rest) != "x" || got.sum != w.sum {
			t.Fatalf("%s: got %+v, rest %q, ok %v", name, got, rest, ok)
		}
		first, last := w.ends()
		f2, l2 := got.ends()
		if !first.Equal(f2) || !last.Equal(l2) {
			t.Errorf("%s: ends %v %v, want %v %v", name, f2, l2, first, last)
		}
	}
}

func FuzzCounter(f *testing.F) {
	f.Add(newCounter().encode())
	c := newCounter()
	c.messages.add(noon, 3)
	c.bytes.add(noon, 1<<30)
	f.Add(c.encode())
	f.Add([]byte{format, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCounter()
		if !c.decode(b) {
			return
		}
		for _, what := range Quantities() {
			if w := c.of(what); w != nil {
				w.advance(noon)
				w.add(noon, 1)
			}
		}
		again := newCounter()
		if !again.decode(c.encode()) || again.messages.sum != c.messages.sum {
			t.Fatalf("%x is not read again", c.encode())
		}
	})
}
