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

// distance is the number of letters to insert, delete or change. Names are short (MaxName).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
