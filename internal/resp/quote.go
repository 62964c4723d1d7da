package resp

// AppendQuoted appends b in quotation marks, as Redis shows the arguments of commands:
// what is not printable ASCII is escaped, so that [SplitWords] reads it back.
func AppendQuoted(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(b) > 0 {
		n := 0
		for n < len(b) && b[n] >= ' ' && b[n] <= '~' && b[n] != '"' && b[n] != '\\' {
			n++
		}
		dst = append(dst, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			break
		}
		switch c := b[0]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\a':
			dst = append(dst, '\\', 'a')
		case '\b':
			dst = append(dst, '\\', 'b')
		default:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		}
		b = b[1:]
	}
	return append(dst, '"')
}
