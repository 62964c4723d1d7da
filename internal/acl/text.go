package acl

// equalFold reports whether two names are equal in any mixture of ASCII cases.
func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// hasSpaces reports whether a text has white space or a NUL: such names and patterns could
// not be read again from a file.
func hasSpaces(s string) bool {
	for i := range len(s) {
		if isSpace(s[i]) || s[i] == 0 {
			return true
		}
	}
	return false
}
