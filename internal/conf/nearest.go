package conf

// nearest returns the name of the directive that is most like name, "" if none is like it
// enough to be meant. Among equals it takes the first of the table, where those that are
// obeyed stand.
func (t *Table) nearest(name string) string {
	most := min(3, (len(name)+2)/3) // more changes make any short word of any other
	best, found := most+1, ""
	for i := range t.rows {
		for _, candidate := range []string{t.rows[i].Name, t.rows[i].Alias} {
			if candidate == "" {
				continue
			}
			if d := distance(name, candidate, best); d < best {
				best, found = d, candidate
			}
		}
	}
	return found
}

// distance returns how many letters of a have to be inserted, left out, replaced or
// swapped with the next one to get b: the restricted Damerau-Levenshtein distance. It
// returns limit if that is reached.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := above[j-1]
			if a[i-1] != b[j-1] {
				changed++
			}
			row[j] = min(changed, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit)
}
