package mailbox

import (
	"context"
	"testing"
)

func TestUsualNamesAreKnown(t *testing.T) {
	for _, c := range []struct {
		name string
		use  Use
	}{
		{"Sent", UseSent},
		{"sent items", UseSent},
		{"Sent-Mail", UseSent},
		{"SENT MESSAGES", UseSent},
		{"المرسلة", UseSent},
		{"المُرسَلة", UseSent}, // with marks
		{"المرسله", UseSent},   // heh for teh marbuta
		{"الصندوق المرسل", UseSent},
		{"نامه\u200cهای ارسال\u200cشده", UseSent},
		{"نامه های ارسال شده", UseSent},
		{"ارسال\u200cشده", UseSent}, // with ZWNJ
		{"ارسال شده", UseSent},      // with a space
		{"ارسالشده", UseSent},       // with neither
		{"موارد ارسالي", UseSent},   // Arabic yeh
		{"Éléments envoyés", UseSent},
		{"Elements envoyes", UseSent},
		{"Отправленные", UseSent},
		{"已发送", UseSent},
		{"gönderilmiş öğeler", UseSent},
		{"پيش نويس", UseDrafts},
		{"المسودات", UseDrafts},
		{"ENTWURFE", UseDrafts},
		{"下書き", UseDrafts},
		{"Deleted Messages", UseTrash},
		{"سطل زباله", UseTrash},
		{"المهملات", UseTrash},
		{"Papierkorb", UseTrash},
		{"Junk E-mail", UseJunk},
		{"Junk-E-Mail", UseJunk},
		{"هرزنامه", UseJunk},
		{"البريد المزعج", UseJunk},
		{"spam", UseJunk},
		{"البريد الالكتروني غير الهام", UseJunk}, // without hamza
		{"ایمیل\u200cهای ناخواسته", UseJunk},
		{"Archives", UseArchive},
		{"بایگانی", UseArchive},
		{"الأرشيف", UseArchive},
		{"الارشيف", UseArchive},
		{"", UseNone},
		{"/", UseNone},
		{"Archive/d", UseNone},
		{"Sentences", UseNone},
		{"Sent to print", UseNone},
		{"فروش", UseNone},
		{"INBOX", UseNone},
	} {
		if got := KnownUse(c.name); got != c.use {
			t.Errorf("KnownUse(%q) = %d, want %d", c.name, got, c.use)
		}
	}
}

// TestUsualNamesAreOfOneUse proves that no name of the table is under two uses.
func TestUsualNamesAreOfOneUse(t *testing.T) {
	seen := map[string]Use{}
	for u, names := range usual {
		for _, n := range names {
			k := usualKey(n)
			if k == "" {
				t.Errorf("%q folds to nothing", n)
			}
			if old, ok := seen[k]; ok && old != Use(u) {
				t.Errorf("%q is usual for %s and %s", n, old.name(), Use(u).name())
			}
			seen[k] = Use(u)
		}
	}
}

func TestNamesMean(t *testing.T) {
	ctx := context.Background()
	a := newWorld(t, Options{}).Account(7)
	for _, name := range []string{"Sent Items Of 2020", "هرزنامه", "[Gmail]/Trash"} {
		if _, err := a.Create(ctx, name, UseNone); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		want Meaning
	}{
		{"inbox", Meaning{Name: "INBOX", Exists: true}},
		{"Sent", Meaning{Name: "Sent", Exists: true}},
		{"Sent Items", Meaning{Name: "Sent", Exists: true, Alias: true, Use: UseSent}},
		{"INBOX/Sent", Meaning{Name: "Sent", Exists: true, Alias: true, Use: UseSent}},
		{"[Gmail]/Sent Mail", Meaning{Name: "Sent", Exists: true, Alias: true, Use: UseSent}},
		{"[Gmail]/Trash", Meaning{Name: "[Gmail]/Trash", Exists: true}},
		{"[Gmail]/All Mail", Meaning{Name: "[Gmail]/All Mail"}},
		{"Archives/2026", Meaning{Name: "Archive/2026", Alias: true}},
		{"Sent Items Of 2020", Meaning{Name: "Sent Items Of 2020", Exists: true}},
		{"هرزنامه", Meaning{Name: "هرزنامه", Exists: true}},
		{"هرزنامه/x", Meaning{Name: "هرزنامه/x"}},
		{"Spam", Meaning{Name: "Junk", Exists: true, Alias: true, Use: UseJunk}},
		{"Work/Spam", Meaning{Name: "Work/Spam"}},
	} {
		if got, err := a.Meaning(ctx, c.name); err != nil || got != c.want {
			t.Errorf("Meaning(%q) = %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
	if _, err := a.Meaning(ctx, "a//b"); err == nil {
		t.Error("a//b is a name")
	}
}
