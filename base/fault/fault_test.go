package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPrintShowsEveryPart(t *testing.T) {
	f := New("B1002", "unknown key %q", "hostnme").WithFound("barid.toml:3:1").WithMeans("the file is not used").
		WithFix("hostname = \"x\"").WithFix("barid config default")
	var b strings.Builder
	f.Print(&b)
	want := `error[B1002]: unknown key "hostnme"
  found   barid.toml:3:1
  means   the file is not used
  fix     1. hostname = "x"
          2. barid config default
  more    barid explain B1002            (English, العربية, فارسی)
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestOfFindsTheFaultOrWrapsThePlainError(t *testing.T) {
	f := New("B1002", "x").WithExit(ExitUsage)
	if got := Of(fmt.Errorf("doing: %w", f)); got != f {
		t.Errorf("lost the fault: %v", got)
	}
	plain := errors.New("disk on fire")
	if got := Of(plain); got.Code != "B9000" || !errors.Is(got, plain) {
		t.Errorf("plain error became %v", got)
	}
	if ExitCode(f) != ExitUsage || ExitCode(plain) != ExitFailed || ExitCode(nil) != 0 {
		t.Error("exit codes are wrong")
	}
}
