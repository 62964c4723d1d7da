//go:build unix

package listen

import (
	"math"
	"syscall"
)

// OpenFiles returns how many descriptors this process may have open, 0 if there is no
// bound. The Go runtime has raised the limit to the hard one already.
func OpenFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil || uint64(l.Cur) > math.MaxInt32 {
		return 0
	}
	return int(l.Cur)
}
