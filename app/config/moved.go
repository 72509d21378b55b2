package config

import "barid/base/fault"

// movedTo tells how to set today what a key of earlier versions set, "" for keys that never were.
func movedTo(key string) string {
	switch key {
	case "limits.submissions_per_hour":
		return "barid account set-limits --default --per-hour NUMBER    (kept with the accounts; remove the key)"
	}
	return ""
}

// unknownKey is the fault of a key that is not there, or not any more.
func unknownKey(key string) *fault.Fault {
	now := movedTo(key)
	if now == "" {
		f := fault.New("B1002", "unknown key %q", key).WithExit(fault.ExitUsage)
		if near := Nearest(key); near != "" {
			f.WithFix("did you mean %q?", near)
		}
		return f
	}
	return fault.New("B1002", "the key %q is not in the configuration any more", key).WithExit(fault.ExitUsage).WithFix("%s", now)
}
