package header

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	section := "From: a@example.test\r\n" +
		"Subject : folded\r\n value\r\n\tagain\r\n" +
		"no colon here\r\n" +
		"X-Bare: lf\n" +
		"X-8bit: \xe3\xd1\r\n" +
		"X-Nul: a\x00b\r\n" +
		"Bad name: x\r\n" +
		": no name\r\n" +
		"Last: one\r\n\r\nBody: not a field\r\n"
	want := []struct{ name, text string }{
		{"From", "a@example.test"},
		{"Subject", "folded value\tagain"},
		{"", "no colon here"},
		{"X-Bare", "lf"},
		{"X-8bit", "\xe3\xd1"},
		{"X-Nul", "ab"},
		{"", "Bad name: x"},
		{"", ": no name"},
		{"Last", "one"},
	}
	got := Scan([]byte(section), 100)
	if len(got) != len(want) {
		t.Fatalf("%d fields, want %d", len(got), len(want))
	}
	end := 0
	for i, f := range got {
		if string(f.Name) != want[i].name || f.Text() != want[i].text {
			t.Errorf("field %d is %q: %q, want %q: %q", i, f.Name, f.Text(), want[i].name, want[i].text)
		}
		if f.Off != end {
			t.Errorf("field %d begins at %d, want %d", i, f.Off, end)
		}
		end = f.Off + f.Len
	}
	if end+2 != BodyOffset([]byte(section)) {
		t.Errorf("fields end at %d, the body begins at %d", end, BodyOffset([]byte(section)))
	}
	if n := len(Scan([]byte(section), 3)); n != 3 {
		t.Errorf("Scan gives %d fields, 3 were wanted at most", n)
	}
}

func TestLookups(t *testing.T) {
	h := []byte("Received: 1\r\nSUBJECT: first\r\nreceived: 2\r\nSubject: second\r\n\r\nX: y\r\n")
	if got := Get(h, "Subject"); got != "first" {
		t.Errorf("Get(Subject) = %q", got)
	}
	if got := Get(h, "X"); got != "" {
		t.Errorf("Get reads a field of the body: %q", got)
	}
	if got := Values(h, "Received", 5); len(got) != 2 || got[1] != "2" {
		t.Errorf("Values(Received) = %q", got)
	}
	if _, ok := First(h, "Subjec"); ok {
		t.Error("a prefix of a name is not the name")
	}
}

func TestBodyOffset(t *testing.T) {
	for in, want := range map[string]int{
		"": 0, "\r\n": 2, "\n": 1, "A: b\r\n\r\nx": 8, "A: b\n\nx": 6, "A: b": 4, "A: b\r\n": 6, "A: b\r\n \r\nC: d\r\n\r\n": 17, "\r\r\nA": 4,
	} {
		if got := BodyOffset([]byte(in)); got != want {
			t.Errorf("BodyOffset(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestDate(t *testing.T) {
	cest := time.FixedZone("", 2*3600)
	tests := []struct {
		in   string
		want time.Time
	}{
		{"Mon, 02 Jan 2006 15:04:05 -0700 (MST)", time.Date(2006, 1, 2, 15, 4, 5, 0, time.FixedZone("", -7*3600))},
		{"Fri, 21 Nov 1997 09:55:06 -0600", time.Date(1997, 11, 21, 9, 55, 6, 0, time.FixedZone("", -6*3600))},                                                                             // RFC 5322 A.1.1
		{"21 Nov 97 09:55:06 GMT", time.Date(1997, 11, 21, 9, 55, 6, 0, time.UTC)},                                                                                                         // A.6.2
		{"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", time.Date(1969, 2, 13, 23, 32, 0, 0, time.FixedZone("", -12600))}, // A.5
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", time.Date(1997, 11, 21, 9, 55, 6, 0, time.FixedZone("", -6*3600))},                                                             // A.6.3
		{"1 Jan 25 00:00 EST", time.Date(2025, 1, 1, 0, 0, 0, 0, time.FixedZone("", -5*3600))},
		{"1 Jan 105 00:00:00 Z", time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"1 Jan 2025 00:00:00 A", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, // military zones count as -0000
		{"Wed, 4 June 2025 10:00:00 +0200", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"Wed Jun  4 10:00:00 2025", time.Date(2025, 6, 4, 10, 0, 0, 0, time.UTC)},
		{"Wed Jun 4 10:00:00 EST 2025", time.Date(2025, 6, 4, 10, 0, 0, 0, time.FixedZone("", -5*3600))},
		{"June 4, 2025 10:00 AM", time.Date(2025, 6, 4, 10, 0, 0, 0, time.UTC)},
		{"4-Jun-2025 10:00:00 +0200", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"2025-06-04T10:00:00.123+02:00", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"2025-06-04 10:00:00", time.Date(2025, 6, 4, 10, 0, 0, 0, time.UTC)},
		{"Wed, 04 Jun 2025 10.00.00 +0200", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"Wed, 04 Jun 2025 10:00:00 GMT+0200", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"Wed, 04 Jun 2025 10:00:00 +03:30", time.Date(2025, 6, 4, 10, 0, 0, 0, time.FixedZone("", 12600))},
		{"Wed, 04 Jun 2025 10:00:00 +0330 (Iran (Tehran))", time.Date(2025, 6, 4, 10, 0, 0, 0, time.FixedZone("", 12600))},
		{"Wed, 04 Jun 2025 10:00:00", time.Date(2025, 6, 4, 10, 0, 0, 0, time.UTC)},
		{"Wed, 04 Jun 2025 22:15", time.Date(2025, 6, 4, 22, 15, 0, 0, time.UTC)},
		{"Wed,04 Jun 2025 10:00:60 +0200", time.Date(2025, 6, 4, 10, 1, 0, 0, cest)}, // a leap second
		{"الأربعاء, 04 Jun 2025 10:00:00 +0200", time.Date(2025, 6, 4, 10, 0, 0, 0, cest)},
		{"", time.Time{}},
		{"yesterday", time.Time{}},
		{"31 Apr 2025 10:00:00 +0000", time.Time{}},
		{"99 Jan 2025 10:00", time.Time{}},
		{"1 Jan 2025 99:00", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, // RFC 5256 §2.2
		{"1 Foo 2025 10:00", time.Time{}},
		{"1 1 1 1 1 1", time.Time{}},
		{strings.Repeat("(", 10000), time.Time{}},
	}
	for _, tt := range tests {
		got, err := Date(tt.in)
		if (err != nil) != tt.want.IsZero() || !got.Equal(tt.want) {
			t.Errorf("Date(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
			continue
		}
		if _, o1 := got.Zone(); err == nil {
			if _, o2 := tt.want.Zone(); o1 != o2 {
				t.Errorf("Date(%q) has offset %d, want %d", tt.in, o1, o2)
			}
		}
	}
}

func TestMessageIDs(t *testing.T) {
	for _, tt := range []struct {
		in   string
		max  int
		want string
	}{
		{"<a@x.test> <b@x.test>", 10, "a@x.test b@x.test"},
		{"<a@x.test><b@x.test>,<c@x.test>", 2, "a@x.test b@x.test"},
		{"Your message of \"Mon\" <a@x.test>", 10, "a@x.test"},
		{"<a@\r\n x.test>", 10, "a@x.test"},
		{"<broken <b@x.test>", 10, "broken b@x.test"},
		{"a@x.test b@x.test", 10, "a@x.test b@x.test"},
		{"<>", 10, ""},
		{"", 10, ""},
		{"nothing", 10, ""},
		{"<" + strings.Repeat("x", 2000) + ">", 10, ""},
	} {
		if got := strings.Join(MessageIDs([]byte(tt.in), tt.max), " "); got != tt.want {
			t.Errorf("MessageIDs(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestAppendFieldFoldsAndReadsBack(t *testing.T) {
	values := []string{
		"short", "", " leading", strings.Repeat("word ", 60), strings.Repeat("x", 500), "a\r\nBcc: victim@example.test",
		EncodeText(strings.Repeat("تقرير المبيعات ", 20)), "trailing   ", strings.Repeat(" ", 200) + "x",
	}
	for _, v := range values {
		b := AppendField(nil, "Subject", v)
		fields := Scan(b, 10)
		if len(fields) != 1 || !fields[0].Is("subject") || fields[0].Len != len(b) {
			t.Fatalf("AppendField(%q) = %q: not one field", v, b)
		}
		if got := fields[0].Text(); got != strings.TrimSpace(oneLine(v)) {
			t.Errorf("AppendField(%q) reads back as %q", v, got)
		}
		for line := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte("\r\n")), []byte("\r\n")) {
			if len(bytes.TrimSpace(line)) == 0 {
				t.Errorf("AppendField(%q) makes a line of white space: %q", v, b)
			}
			if len(line) > foldBytes && len(bytes.Fields(line)) > 1 && len(bytes.Fields(line)[1]) <= maxWordBytes && !strings.Contains(v, "    ") {
				t.Errorf("line of %d bytes: %q", len(line), line)
			}
		}
	}
}

// TestHugeSectionsAreLinear: 100,000 fields, a 1 MB line, a field of 300,000 folds (robustness rows 24 to 27).
func TestHugeSectionsAreLinear(t *testing.T) {
	inputs := map[string][]byte{
		"fields": bytes.Repeat([]byte("To: info@example.test\r\n"), 100000),
		"line":   append([]byte("Subject: "), bytes.Repeat([]byte("x"), 1<<20)...),
		"folds":  append([]byte("Subject: x"), bytes.Repeat([]byte("\r\n y"), 300000)...),
		"junk":   bytes.Repeat([]byte("no colon\n"), 100000),
	}
	for name, in := range inputs {
		start := time.Now()
		n, bytes := 0, 0
		for f := range All(in) {
			n++
			bytes += len(f.Text())
		}
		if n == 0 || bytes == 0 {
			t.Errorf("%s: nothing was read", name)
		}
		if d := time.Since(start); d > 20*time.Second { // it is some 10 ms
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func FuzzSection(f *testing.F) {
	f.Add([]byte("A: b\r\n c\r\n\r\nbody"))
	f.Add([]byte("\nA:b"))
	f.Add([]byte("a\x00: b\r\r\n\tc\n: d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := 0
		for fl := range All(b) {
			if fl.Off != end || fl.Len <= 0 {
				t.Fatalf("field at %d+%d behind %d", fl.Off, fl.Len, end)
			}
			end = fl.Off + fl.Len
			if s := fl.Text(); strings.ContainsAny(s, "\r\n\x00") {
				t.Fatalf("text %q", s)
			}
		}
		if body := BodyOffset(b); body < end || body-end > 2 {
			t.Fatalf("fields end at %d, body begins at %d", end, body)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"Mon, 02 Jan 2006 15:04:05 -0700 (MST)", "2025-06-04T10:00:00Z", "4-Jun-25 1:2 PM", "Wed Jun 4 10:00:00 EST 2025", "1 Jan 1 +1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Date(s)
		if err != nil {
			return
		}
		again, err := Date(d.Format(time.RFC1123Z))
		if err != nil || !again.Equal(d) {
			t.Fatalf("Date(%q) = %v; its own form gives %v, %v", s, d, again, err)
		}
	})
}
