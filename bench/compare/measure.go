package main

import (
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime returns the processor time that this process has used, in user and kernel mode.
// On a machine with other work it tells more than the clock on the wall.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadTime returns the processor time of the calling thread, which must be locked.
// Unlike getrusage's it does not go by ticks of the system's clock.
func threadTime() time.Duration {
	var ts unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts))
	return time.Duration(ts.Nano())
}

// alternate runs each contender once a round, rounds times, so that what disturbs the
// machine meanwhile disturbs all; it returns the figures by contender. The first round
// warms up and is left out.
func alternate(rounds, contenders int, measure func(contender int) float64) [][]float64 {
	figures := make([][]float64, contenders)
	for round := range rounds + 1 {
		for c := range contenders {
			if f := measure(c); round > 0 {
				figures[c] = append(figures[c], f)
			}
		}
	}
	return figures
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// ratios divides round by round and returns the median quotient.
func ratio(own, peer []float64) float64 {
	quotients := make([]float64, len(own))
	for i := range own {
		quotients[i] = own[i] / peer[i]
	}
	return median(quotients)
}
