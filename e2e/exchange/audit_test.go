package exchange

import (
	"fmt"
	"strings"
	"testing"
)

// TestTheLedgerSeesWhatIsWrong shows that an audit can fail.
func TestTheLedgerSeesWhatIsWrong(t *testing.T) {
	at := func(name string) *member { return &member{name: name, domain: name + ".example", utf8: true} }
	a, b := at("a"), at("b")
	l := newLedger()
	for _, id := range []string{"whole", "lost", "twice", "back", "both", "kept", "elsewhere", "changed", "astray"} {
		p := &parcel{id: id, by: a, from: a.box(info), to: []recipient{{rcpt: "info@b.example", places: []string{b.box(info)}}}}
		p.text = strings.ReplaceAll(compose(id, p.from, []byte("To: <info@b.example>\r\n\r\nbody\r\n")), "\r\n", "\n")
		l.begin(p)
		if id != "kept" {
			l.acknowledged(p, "250 2.0.0 ok")
		}
	}
	f := newFound()
	for _, id := range []string{"whole", "twice", "twice", "both", "kept"} {
		f.add(l, b, b.box(info), "Received: x\n"+l.sent[id].text)
	}
	f.add(l, b, b.box(info), l.sent["changed"].text+"more\n")
	f.add(l, b, b.box(demo), l.sent["elsewhere"].text)
	f.add(l, b, b.box(demo), "Subject: who?\n\n")
	for id, at := range map[string]string{"back": a.box(info), "both": a.box(info), "astray": b.box(info)} {
		f.add(l, b, at, fmt.Sprintf("Subject: report\nContent-Type: multipart/report\n\nContent-Type: message/delivery-status\n\n"+
			"Reporting-MTA: dns; b\n\nFinal-Recipient: rfc822; info@b.example\nAction: failed\n\n%s", l.sent[id].text))
	}
	got := l.audit(f)
	if len(got.lost) != 2 || got.lost[0].p.id != "elsewhere" || got.lost[1].p.id != "lost" {
		t.Errorf("lost: %v", got.lost)
	}
	if len(got.copies) != 1 || got.kept != 1 || got.delivered != 4 || got.reported != 2 {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"both is in", "elsewhere is in", "changed () was changed", "astray: the report went to", "something strange"} {
		if !strings.Contains(strings.Join(got.wrong, "\n"), want) {
			t.Errorf("not seen: %s in %q", want, got.wrong)
		}
	}
}

// TestReportsAreReadInAllTheirForms: addresses are escaped (RFC 6533 §3), in U-labels or A-labels.
func TestReportsAreReadInAllTheirForms(t *testing.T) {
	for _, field := range []string{
		"Final-Recipient: utf-8; \\x{641}\\x{631}\\x{648}\\x{634}@xn--ngbof43d.example", "Final-Recipient: rfc822;فروش@برید.example",
		"Original-Recipient: utf-8;+D9+81+D8+B1+D9+88+D8+B4@xn--ngbof43d.example",
	} {
		if l := (letter{raw: "x\n\n" + field + "\nAction: failed\n"}); !l.failed("فروش@برید.example") {
			t.Errorf("%s: not read", field)
		}
		if l := (letter{raw: "x\n\n" + field + "\nAction: delayed\n"}); l.failed("فروش@برید.example") {
			t.Errorf("%s: a delay is no failure", field)
		}
	}
}
