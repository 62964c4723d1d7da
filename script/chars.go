package script

// Classes of characters as in the C locale: ASCII only.

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isLower(c byte) bool    { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool    { return 'A' <= c && c <= 'Z' }
func isAlpha(c byte) bool    { return isLower(c | 0x20) }
func isAlnum(c byte) bool    { return isAlpha(c) || isDigit(c) }
func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isSpace(c byte) bool    { return c == ' ' || '\t' <= c && c <= '\r' }
func isControl(c byte) bool  { return c < ' ' || c == 0x7f }
func isPunct(c byte) bool    { return ' ' < c && c < 0x7f && !isAlnum(c) }

func toLower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

func toUpper(c byte) byte {
	if isLower(c) {
		return c - 'a' + 'A'
	}
	return c
}
