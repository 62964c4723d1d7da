//go:build race

package server

// raceDetector: under it sync.Pool drops items at random, so allocations prove nothing.
const raceDetector = true
