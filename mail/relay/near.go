package relay

// nearest gives the candidate that most looks like name, or "" if none does: at most a third of the letters differ.
func nearest(name string, candidates []string) string {
	best, most := "", len(name)/3+1
	for _, c := range candidates {
		if n := distance(name, c); n < most || n == most && best != "" && c < best {
			best, most = c, n
		}
	}
	return best
}

// distance is the number of letters to insert, delete, change or swap with the next. Names are short (MaxName).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
