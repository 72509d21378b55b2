package sendmail

import (
	"reflect"
	"strings"
	"testing"
)

func ptr[T any](v T) *T { return &v }

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		args string // words, separated by blanks; '' is an empty one
		want Options
	}{
		{"-t", Options{Extract: true}},
		{"-t -i", Options{Extract: true, IgnoreDots: true}},
		{"-ti", Options{Extract: true, IgnoreDots: true}},
		{"-t -oi -f root@example.org", Options{Extract: true, IgnoreDots: true, From: ptr("root@example.org")}},
		{"-t -i -froot@example.org", Options{Extract: true, IgnoreDots: true, From: ptr("root@example.org")}},
		{"-f '' info@example.org", Options{From: ptr(""), Args: []string{"info@example.org"}}},
		{"-r فروش@example.org info@example.org", Options{From: ptr("فروش@example.org"), Args: []string{"info@example.org"}}},
		{"info@example.org -f x", Options{From: ptr("x"), Args: []string{"info@example.org"}}},
		{"-i -- -info@example.org", Options{IgnoreDots: true, Args: []string{"-info@example.org"}}},
		{"-oem -oi -odb -os -F Desk info", Options{IgnoreDots: true, FullName: "Desk", Args: []string{"info"}}},
		{"-O IgnoreDots=true -O DeliveryMode=b info", Options{IgnoreDots: true, Args: []string{"info"}}},
		{"-OIgnoreDots=false info", Options{Args: []string{"info"}}},
		{"-FCronDaemon -i -odi -oem -oi -t -f root", Options{Extract: true, IgnoreDots: true, FullName: "CronDaemon", From: ptr("root")}},
		{"-N never info", Options{Notify: "NEVER", Args: []string{"info"}}},
		{"-Nsuccess,failure -R hdrs -V id1 info", Options{Notify: "SUCCESS,FAILURE", Ret: "HDRS", EnvID: "id1", Args: []string{"info"}}},
		{"-Ac -C /etc/mail/x -B8BITMIME -G -U -h 3 -p x -L tag -X /tmp/log -n -m -e m -v info", Options{Verbose: true, Args: []string{"info"}}},
		{"-bm info", Options{Args: []string{"info"}}},
		{"-bs", Options{Mode: Session}},
		{"-b s", Options{Mode: Session}},
		{"-bp", Options{Mode: List}},
		{"-bi", Options{Mode: Aliases}},
		{"-I", Options{Mode: Aliases}},
		{"-bv info", Options{Mode: Verify, Args: []string{"info"}}},
		{"-q", Options{Mode: Flush}},
		{"-qf", Options{Mode: Flush}},
		{"-qI1F42A", Options{Mode: Flush, Only: "1F42A"}},
		{"-qRexample.net", Options{Mode: Flush, Site: "example.net"}},
		{"-", Options{Args: []string{"-"}}},
	} {
		args := strings.Fields(c.args)
		for i, a := range args {
			args[i] = strings.Trim(a, "'")
		}
		got, err := Parse(args)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.args, got, err)
		}
	}
}

func TestArgumentsThatAreRefused(t *testing.T) {
	for args, code := range map[string]int{
		"-Z": Usage, "-f": Usage, "-R some info": Usage, "-N sometimes info": Usage, "-N never,failure info": Usage,
		"-bd": Unavailable, "-bd -q30m": Unavailable, "-q30m": Unavailable, "-bt": Unavailable, "-qX": Usage, "--help": Usage,
	} {
		if o, err := Parse(strings.Fields(args)); CodeOf(err) != code {
			t.Errorf("%s: exit %d (%v), want %d; %+v", args, CodeOf(err), err, code, o)
		}
	}
}
