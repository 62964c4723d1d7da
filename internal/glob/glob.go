// Package glob matches keys and names against the patterns of KEYS, SCAN and PSUBSCRIBE.
package glob

// Match reports whether s matches the pattern as Redis' KEYS does: * ? [abc] [^a]
// [a-z] and \ before a byte that is meant as it is. It never takes more than
// len(pattern) × len(s) steps.
func Match(pattern, s []byte) bool {
	// Only the last star matters when a later part does not match: what the
	// stars before it took can stay as it is.
	starPattern, starText := -1, 0
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			starPattern, starText = p, i
			p++
			continue
		}
		if p < len(pattern) {
			if ok, next := matchOne(pattern, p, s[i]); ok {
				p = next
				i++
				continue
			}
		}
		if starPattern < 0 {
			return false
		}
		starText++
		p, i = starPattern+1, starText
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches one byte against the pattern element at p and returns where the
// next element begins.
func matchOne(pattern []byte, p int, c byte) (ok bool, next int) {
	switch pattern[p] {
	case '?':
		return true, p + 1
	case '[':
		return matchClass(pattern, p+1, c)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return pattern[p] == c, p + 1
}

// matchClass matches what stands in brackets, from p on. A class without an end
// reaches to the end of the pattern.
func matchClass(pattern []byte, p int, c byte) (ok bool, next int) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			ok = ok || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := pattern[p], pattern[p+2]
			if low > high {
				low, high = high, low
			}
			ok = ok || c >= low && c <= high
			p += 2
		default:
			ok = ok || pattern[p] == c
		}
	}
	return ok != not, min(p+1, len(pattern))
}
