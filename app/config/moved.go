package config

import "barid/base/fault"

// moved are keys of earlier versions, with how to set today what they set.
func moved() map[string]string {
	return map[string]string{
		"limits.submissions_per_hour": "barid account set-limits --default --per-hour NUMBER    (kept with the accounts; take the setting away)",
	}
}

// unknownKey is the fault of a key that is not there, or not any more.
func unknownKey(key string) *fault.Fault {
	if now, ok := moved()[key]; ok {
		return fault.New("B1002", "the key %q is not in the configuration any more", key).WithExit(fault.ExitUsage).WithFix("%s", now)
	}
	f := fault.New("B1002", "unknown key %q", key).WithExit(fault.ExitUsage)
	if near := Nearest(key); near != "" {
		f.WithFix("did you mean %q?", near)
	}
	return f
}

// unknownVariable is the same for a variable of the environment.
func unknownVariable(name string) *fault.Fault {
	for key := range moved() {
		if variable(key) == name {
			return unknownKey(key).WithFound("from the variable %s", name)
		}
	}
	f := fault.New("B1002", "unknown variable %s", name).WithExit(fault.ExitUsage)
	if near := Nearest(name[len("BARID_"):]); near != "" {
		f.WithFix("did you mean %s?", variable(near))
	}
	return f
}
