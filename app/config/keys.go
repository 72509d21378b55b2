package config

import (
	"reflect"
	"strings"
)

// Key describes one setting.
type Key struct {
	Name    string // "limits.recipients"
	Doc     string
	Default any
}

// Describe lists every setting in the order of the struct, with its doc text and default.
func Describe() []Key {
	var out []Key
	describe(reflect.ValueOf(Default()).Elem(), "", &out)
	return out
}

// Keys lists the names of all settings.
func Keys() []string {
	var out []string
	for _, k := range Describe() {
		out = append(out, k.Name)
	}
	return out
}

func describe(v reflect.Value, prefix string, out *[]Key) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			describe(v.Field(i), prefix+name+".", out)
			continue
		}
		*out = append(*out, Key{Name: prefix + name, Doc: f.Tag.Get("doc"), Default: v.Field(i).Interface()})
	}
}

// find gives the field that a key names.
func find(v reflect.Value, key string) (reflect.Value, bool) {
	head, rest, deeper := strings.Cut(key, ".")
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("toml") != head || head == "-" {
			continue
		}
		if deeper && f.Type.Kind() == reflect.Struct {
			return find(v.Field(i), rest)
		}
		return v.Field(i), !deeper && f.Type.Kind() != reflect.Struct
	}
	return reflect.Value{}, false
}

// Value gives the present value of a key.
func (c *Config) Value(key string) any {
	v, ok := find(reflect.ValueOf(c).Elem(), key)
	if !ok {
		return nil
	}
	return v.Interface()
}

// Nearest gives the setting that a misspelt key most likely means, "" if none is near.
func Nearest(key string) string { return nearest(strings.ToLower(key), Keys()) }

// nearest gives the known key that needs the fewest changes to become key, "" if none is near.
func nearest(key string, known []string) string {
	best, bestCost := "", len(key)/2+1
	for _, k := range known {
		cost := distance(key, k)
		if last := k[strings.LastIndexByte(k, '.')+1:]; last != k {
			cost = min(cost, distance(key, last)+1)
		}
		if cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag, row[j] = row[j], min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
