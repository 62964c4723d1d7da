// Package e2e holds the stories of whole clusters: tests that start nodes on the network in
// memory, in fake time, and tell what happens to them and to the data. Its code is what
// these tests, and those of the root that look inside a node, have in common.
package e2e
