//go:build race

package e2e_test

// raceDetector: under it copying costs many times as much, so large values are smaller.
const raceDetector = true
