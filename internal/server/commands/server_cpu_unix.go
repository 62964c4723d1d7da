//go:build unix

package commands

import (
	"syscall"
	"time"
)

// cpuTimes returns the processor time of the process, in the system and in the program.
func cpuTimes() (system, user time.Duration) {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0, 0
	}
	return time.Duration(use.Stime.Nano()), time.Duration(use.Utime.Nano())
}
