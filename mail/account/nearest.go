package account

// nearest gives the candidate that most looks like name, or "" if none does: at most a third of the
// characters differ.
func nearest(name string, candidates []string) string {
	best, most := "", len([]rune(name))/3+1
	for _, c := range candidates {
		if n := distance(name, c, most); n < most {
			best, most = c, n
		}
	}
	return best
}

// distance is the number of characters to insert, delete or change; it stops counting at most.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d >= most || -d >= most {
		return most
	}
	line := make([]int, len(y)+1)
	for j := range line {
		line[j] = j
	}
	for i := range x {
		diagonal := line[0]
		line[0] = i + 1
		low := line[0]
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost = 1 + min(diagonal, line[j], line[j+1])
			}
			diagonal, line[j+1] = line[j+1], cost
			low = min(low, cost)
		}
		if low >= most {
			return most
		}
	}
	return min(line[len(y)], most)
}
