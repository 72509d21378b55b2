package clients

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"barid/e2e/peer"
)

// terminal is one that nobody sits before: tmux, of 40 lines with 130 columns.
type terminal struct {
	t      *testing.T
	socket string
}

// newTerminal starts a program in a terminal of its own.
func newTerminal(t *testing.T, home string, command ...string) *terminal {
	t.Helper()
	// A socket's name may have 107 octets; the folder of a test has more.
	dir, err := os.MkdirTemp("", "barid-tmux-")
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t, dir + "/s"}
	args := []string{
		"-f", "/dev/null", "new-session", "-d", "-x", "130", "-y", "40", "-c", home, "-e", "HOME=" + home, "-e", "LC_ALL=C.UTF-8",
		"-e", "TERM=screen", "-e", "EDITOR=true",
	}
	term.tmux(append(args, command...)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", term.screen())
		}
		cmd := exec.Command("tmux", "-u", "-S", term.socket, "kill-server")
		_ = cmd.Run() // it ends by itself with the program
		_ = os.RemoveAll(dir)
	})
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	r := peer.Run(term.t, peer.Command{Name: "tmux", Args: append([]string{"-u", "-S", term.socket}, args...), Env: []string{"LC_ALL=C.UTF-8"}})
	return r.Out + r.Err
}

func (term *terminal) screen() string { return term.tmux("capture-pane", "-p") }

// shows waits until all of some texts stand on the screen.
func (term *terminal) shows(texts ...string) {
	term.t.Helper()
	until(term.t, "the screen shows "+strings.Join(texts, ", "), func() bool {
		screen := term.screen()
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// lacks waits until none of some texts stands on the screen.
func (term *terminal) lacks(texts ...string) {
	term.t.Helper()
	until(term.t, "the screen does not show "+strings.Join(texts, ", "), func() bool {
		screen := term.screen()
		for _, text := range texts {
			if strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// leaves waits until a text stands on the screen and none of some others does: a list that is drawn anew may show
// nothing at all for a moment.
func (term *terminal) leaves(text string, gone ...string) {
	term.t.Helper()
	until(term.t, "the screen shows "+text+" without "+strings.Join(gone, ", "), func() bool {
		screen := term.screen()
		return strings.Contains(screen, text) && !slices.ContainsFunc(gone, func(g string) bool { return strings.Contains(screen, g) })
	})
}

// types sends text as it is; press sends keys by tmux's names: Enter, C-c, Up.
func (term *terminal) types(text string) { term.tmux("send-keys", "-l", text) }

func (term *terminal) press(keys ...string) { term.tmux(append([]string{"send-keys"}, keys...)...) }

// ends waits until the program has ended, and the terminal with it.
func (term *terminal) ends() {
	term.t.Helper()
	until(term.t, "the program ends", func() bool {
		said := term.tmux("list-sessions")
		return strings.Contains(said, "no server running") || strings.Contains(said, "error connecting")
	})
}
