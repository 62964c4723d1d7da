package admin

// SetImportPiece sets the bytes after which ImportFile cuts collections, and returns what sets
// them back.
func SetImportPiece(bytes int) (undo func()) {
	before := importPiece
	importPiece = bytes
	return func() { importPiece = before }
}
