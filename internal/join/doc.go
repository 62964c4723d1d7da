// Package join has what a node needs to become a member of a cluster by the client address
// of one of its nodes: it asks that node where its bus listens, and keeps the callers
// that wait for the outcome of an introduction.
package join
