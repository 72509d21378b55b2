package clients

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/e2e/peer"
)

// display is a screen that nobody sits before: Xvfb, which keeps its pixels in a file.
type display struct {
	t    *testing.T
	name string // ":7"
	file string
}

// newDisplay starts Xvfb, which finds a free number by itself.
func newDisplay(t *testing.T) *display {
	t.Helper()
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(peer.Need(t, "Xvfb"), "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-fbdir", dir)
	cmd.ExtraFiles = []*os.File{w}
	spawn(t, cmd)
	_ = w.Close() // Xvfb has its own
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	return &display{t: t, name: ":" + strings.TrimSpace(number), file: filepath.Join(dir, "Xvfb_screen0")}
}

// spawn starts a program in a group of its own, which is ended when the test ends.
func spawn(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // it may have ended by itself
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever is left of its group
		<-ended
	})
}

// picture reads what is on the screen: an XWD file of true colour, 32 bits a pixel.
func (d *display) picture() *image.RGBA {
	d.t.Helper()
	b, err := os.ReadFile(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	field := func(n int) int { return int(binary.BigEndian.Uint32(b[4*n:])) }
	width, height, depth, line, colours := field(4), field(5), field(11), field(12), field(19)
	if depth != 32 || field(1) != 7 {
		d.t.Fatalf("%d bits a pixel, XWD version %d", depth, field(1))
	}
	pixels := b[field(0)+12*colours:]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p := pixels[y*line+4*x:]
			img.SetRGBA(x, y, color.RGBA{p[2], p[1], p[0], 255})
		}
	}
	return img
}

// save writes a picture where BARID_PICTURES says, for a person to look at.
func (d *display) save(name string) {
	d.t.Helper()
	dir := os.Getenv("BARID_PICTURES")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, d.picture()); err != nil {
		d.t.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, f.Name())
}
