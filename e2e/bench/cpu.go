package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat on every Linux that Go runs on (USER_HZ is 100).
const tick = time.Second / 100

// CPU is the processor time that a process, its living descendants and its reaped children have used.
func CPU(pid int) time.Duration {
	parents := map[int]int{}
	used := map[int]time.Duration{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it ended while we looked
		}
		text := string(b)
		id, _ := strconv.Atoi(text[:strings.IndexByte(text, ' ')])
		f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // f[0] is field 3 of proc(5)
		if len(f) < 15 {
			continue
		}
		parents[id], _ = strconv.Atoi(f[1])
		for _, i := range []int{11, 12, 13, 14} { // utime stime cutime cstime
			n, _ := strconv.ParseInt(f[i], 10, 64)
			used[id] += time.Duration(n) * tick
		}
	}
	var sum time.Duration
	for id := range used {
		if descends(parents, id, pid) {
			sum += used[id]
		}
	}
	return sum
}

func descends(parents map[int]int, id, pid int) bool {
	for id > 1 {
		if id == pid {
			return true
		}
		id = parents[id]
	}
	return false
}

// Memory is the proportional set size of a process in KiB, 0 if it can not be read.
func Memory(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n
		}
	}
	return 0
}
