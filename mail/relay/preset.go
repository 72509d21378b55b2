package relay

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed presets.json
var shipped []byte

// presetVersion is the form of a file of presets.
const presetVersion = 1

// MaxPresetFile is the most octets of a file of presets.
const MaxPresetFile = 1 << 20

// Preset is what is known of a provider, so that its user types a name and a secret and nothing else (D94 to D96).
type Preset struct {
	ID       string            `json:"id"`   // "gmail"
	Name     string            `json:"name"` // "Gmail"
	Host     string            `json:"host"` // with {region} where it depends on one
	Port     uint16            `json:"port"`
	TLS      string            `json:"tls"`
	Also     []PresetPort      `json:"also,omitempty"`      // further ways in
	Regions  []string          `json:"regions,omitempty"`   // the first is the usual one
	RegionIs map[string]string `json:"region_is,omitempty"` // what stands for a region in the host; missing: its name
	Login    []string          `json:"login"`               // "password", "oauth"; the first is advised
	User     string            `json:"user"`                // what a user name is: "address", "key", "token", "apikey"
	UserIs   string            `json:"user_is,omitempty"`   // everybody's user name
	OAuth    *PresetOAuth      `json:"oauth,omitempty"`
	Limits   *PresetLimits     `json:"limits,omitempty"`
	Link     string            `json:"link"` // the provider's page about it
	Help     map[string]string `json:"help"` // by language: en, fa, ar
}

// PresetPort is another port of a provider.
type PresetPort struct {
	Port uint16 `json:"port"`
	TLS  string `json:"tls"`
}

// PresetOAuth is where tokens come from.
type PresetOAuth struct {
	TokenURL string `json:"token_url"`
	Scope    string `json:"scope"`
}

// PresetLimits are a provider's, as far as they are published; 0: not known.
type PresetLimits struct {
	MessageBytes      int64 `json:"message_bytes,omitempty"`
	RecipientsPerDay  int   `json:"recipients_per_day,omitempty"`
	MessagesPerMinute int   `json:"messages_per_minute,omitempty"`
	Connections       int   `json:"connections,omitempty"`
}

// Presets are known providers by id.
type Presets struct{ by map[string]*Preset }

// presetFile is a file of them.
type presetFile struct {
	Version int      `json:"version"`
	Presets []Preset `json:"presets"`
}

// LoadPresets gives the shipped presets, with those of own in their place or beside them. own is a file of the same
// form as presets.json, so that presets change without a new release; nil is none.
func LoadPresets(own []byte) (*Presets, error) {
	p := &Presets{by: map[string]*Preset{}}
	if err := p.add(shipped, "the shipped presets"); err != nil {
		return nil, err
	}
	if own == nil {
		return p, nil
	}
	return p, p.add(own, "the presets")
}

func (p *Presets) add(b []byte, what string) error {
	var f presetFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return ErrInvalid{Kind: "preset", Name: what, Why: err.Error()}
	}
	if f.Version != presetVersion {
		return ErrInvalid{Kind: "preset", Name: what, Field: "version", Value: strconv.Itoa(f.Version), Why: "this program reads version " + strconv.Itoa(presetVersion)}
	}
	for i := range f.Presets {
		if err := f.Presets[i].check(); err != nil {
			return err
		}
		p.by[f.Presets[i].ID] = &f.Presets[i]
	}
	return nil
}

// check says what is wrong with a preset.
func (p *Preset) check() error {
	bad := func(field, value, why string) error {
		return ErrInvalid{Kind: "preset", Name: p.ID, Field: field, Value: value, Why: why}
	}
	if !nameFits(p.ID) || p.ID == Direct {
		return bad("id", p.ID, "1 to "+strconv.Itoa(MaxName)+" of a-z, 0-9, \"-\", \"_\" and \".\" are needed")
	}
	for _, r := range append([]string{""}, p.Regions...) {
		if _, ok := hostOf(p.hostIn(r)); !ok && (r != "" || len(p.Regions) == 0) {
			return bad("host", p.hostIn(r), "it is no host name")
		}
	}
	for _, x := range append([]PresetPort{{p.Port, p.TLS}}, p.Also...) {
		if x.Port == 0 || !slices.Contains(Modes(), x.TLS) {
			return bad("port", strconv.Itoa(int(x.Port)), "a port and one of "+strings.Join(Modes(), ", ")+" are needed")
		}
	}
	if len(p.Login) == 0 || slices.ContainsFunc(p.Login, func(s string) bool { return s != "password" && s != "oauth" }) {
		return bad("login", strings.Join(p.Login, " "), "password or oauth is needed")
	}
	if slices.Contains(p.Login, "oauth") != (p.OAuth != nil) {
		return bad("oauth", "", "the login oauth and its token address belong together")
	}
	if u, err := url.Parse(p.Link); err != nil || u.Scheme != "https" {
		return bad("link", p.Link, "an https address is needed")
	}
	for _, lang := range []string{"en", "fa", "ar"} {
		if p.Help[lang] == "" {
			return bad("help", lang, "a text in this language is needed")
		}
	}
	return nil
}

func (p *Preset) hostIn(region string) string {
	in, ok := p.RegionIs[region]
	if !ok {
		in = region
	}
	return strings.ReplaceAll(p.Host, "{region}", in)
}

// All gives the presets by id.
func (p *Presets) All() []*Preset {
	out := make([]*Preset, 0, len(p.by))
	for _, id := range slices.Sorted(maps.Keys(p.by)) {
		out = append(out, p.by[id])
	}
	return out
}

// Find gives a preset, or ErrUnknown.
func (p *Presets) Find(id string) (*Preset, error) {
	if x, ok := p.by[id]; ok {
		return x, nil
	}
	return nil, ErrUnknown{Kind: "preset", Name: id, Near: nearest(id, slices.Collect(maps.Keys(p.by)))}
}

// Relay gives the relay of the preset, without a login but its UserIs. region "" is the usual one, port 0 too.
func (p *Preset) Relay(region string, port uint16) (Relay, error) {
	r := Relay{Port: p.Port, TLS: p.TLS, Preset: p.ID, User: p.UserIs}
	switch {
	case region != "" && !slices.Contains(p.Regions, region):
		return Relay{}, ErrInvalid{
			Kind: "preset", Name: p.ID, Field: "region", Value: region, Near: nearest(region, p.Regions),
			Why: "it is not one of: " + strings.Join(p.Regions, ", "),
		}
	case region == "" && len(p.Regions) > 0:
		region = p.Regions[0]
	}
	r.Host = p.hostIn(region)
	if port == 0 || port == p.Port {
		return r, nil
	}
	for _, x := range p.Also {
		if x.Port == port {
			r.Port, r.TLS = x.Port, x.TLS
			return r, nil
		}
	}
	return Relay{}, ErrInvalid{Kind: "preset", Name: p.ID, Field: "port", Value: strconv.Itoa(int(port)), Why: "the provider does not listen there"}
}
