// Package listen opens what clients connect to, and tells for how many of them the
// process has file descriptors.
package listen
