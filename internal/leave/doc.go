// Package leave takes a node out of its cluster without a loss: a master hands its role to
// a replica or, if none is in step, its slots to the other masters; then all others forget
// the node.
package leave
