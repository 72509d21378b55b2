package sink

import (
	"testing"
	"time"
)

func TestBehavioursAreReadFromText(t *testing.T) {
	for text, want := range map[string]struct {
		stage Stage
		b     Behaviour
	}{
		"mail": {Mail, Behaviour{}},
		`end reply="451 4.3.0 a \"b\"" times=2 skip=1`:       {End, Behaviour{Reply: `451 4.3.0 a "b"`, Times: 2, Skip: 1}},
		`starttls inject="250 ok\r\n"  leave`:                {StartTLS, Behaviour{Inject: "250 ok\r\n", Leave: true}},
		"greeting pad=10 delay=2s drip=1ms close reset hang": {Greeting, Behaviour{Pad: 10, Delay: 2 * time.Second, Drip: time.Millisecond, Close: true, Reset: true, Hang: true}},
		`body after=7 raw="x" endless`:                       {Body, Behaviour{After: 7, Raw: "x", Endless: true}},
	} {
		stage, b, err := ParseBehaviour(text)
		if stage != want.stage || b != want.b || err != nil {
			t.Errorf("%s: %s %+v %v", text, stage, b, err)
		}
	}
	for _, text := range []string{"", "nowhere", "mail what", "mail pad=x", "mail reply=bare", "mail REPLY", `mail reply="open`} {
		if _, _, err := ParseBehaviour(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
