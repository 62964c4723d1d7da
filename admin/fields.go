package admin

import (
	"strconv"
	"strings"
)

// Fields are the k:v lines of INFO and CLUSTER INFO.
type Fields map[string]string

// ParseFields reads such lines; comments and lines without a colon are passed over.
func ParseFields(text string) Fields {
	f := make(Fields)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			f[key] = value
		}
	}
	return f
}

// Int returns a field as a number, 0 if it is none.
func (f Fields) Int(key string) int64 {
	n, _ := strconv.ParseInt(f[key], 10, 64)
	return n
}
