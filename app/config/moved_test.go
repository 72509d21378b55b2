package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"barid/base/fault"
)

// TestAKeyThatMovedSaysWhere sets it in the three places that a setting can come from.
func TestAKeyThatMovedSaysWhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "barid.toml")
	if err := os.WriteFile(file, []byte("[limits]\nsubmissions_per_hour = 200\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, load := range map[string]func() error{
		"file":        func() error { _, err := Load(file, nil, nil); return err },
		"environment": func() error { _, err := Load("", []string{"BARID_LIMITS_SUBMISSIONS_PER_HOUR=200"}, nil); return err },
		"flag":        func() error { _, err := Load("", nil, []string{"limits.submissions_per_hour=200"}); return err },
	} {
		f := fault.Of(load())
		if f.Code != "B1002" || !strings.Contains(f.What, "limits.submissions_per_hour") || len(f.Fix) == 0 ||
			!strings.Contains(f.Fix[0], "barid account set-limits --default") || f.Found == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for key := range moved() {
		if _, ok := find(reflect.ValueOf(Default()).Elem(), key); ok {
			t.Errorf("%s is a key still", key)
		}
	}
}
