package stream

// owner marks what a Stream may change in place: nodes and pages that carry another mark
// are shared with clones, and the first change copies them. It has a size so that no two
// are at the same address.
type owner struct{ _ byte }

// account is what every change of a Stream needs: its mark, and the bytes in use.
type account struct {
	owner  *owner
	memory int64
}
