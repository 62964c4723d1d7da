package migrate

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// JobID names a job for ever: 20 random bytes, written as 40 lowercase hexadecimal
// digits.
type JobID [20]byte

// String returns the 40 digits.
func (id JobID) String() string { return hex.EncodeToString(id[:]) }

// Kind says what a job is for.
type Kind uint8

const (
	// KindMove hands slots of this node to another master, with their keys.
	KindMove Kind = 1
	// KindReturn brings keys to the owner of their slot from a node that holds them but does
	// not own the slot and will not: keys that were left behind when a move lost its slot to
	// a third node. It changes no ownership.
	KindReturn Kind = 2
)

// String returns "move" or "return".
func (k Kind) String() string {
	switch k {
	case KindMove:
		return "move"
	case KindReturn:
		return "return"
	}
	return "unknown"
}

// Job is a piece of work: slots that go from this node to another. It is what the
// journal keeps; how far it is follows from the cluster's map and the open slots.
type Job struct {
	ID        JobID
	Kind      Kind
	Slots     slots.Set
	Source    slots.NodeID // follows the source's failover
	Target    slots.NodeID // follows the target's failover
	Cancelled bool         // no further slot is begun
	// Successors are the target's replicas when it was last seen as a master: one of them
	// may take its place, also while this node is away.
	Successors []slots.NodeID
	// Created is when the job began here, or came here. It orders the jobs of a node.
	Created time.Time
}

// Succeed makes self, which has taken the place of the master former, the source or the
// target of the jobs that former was.
func Succeed(jobs []Job, former, self slots.NodeID) {
	for i := range jobs {
		switch job := &jobs[i]; former {
		case job.Source:
			job.Source = self
		case job.Target:
			job.Target = self
		}
	}
}

// delivered reports whether the owner of a slot has it from this job.
func (j *Job) delivered(owner *slots.Node) bool {
	return j.Kind == KindMove && owner != nil && owner.ID != j.Source &&
		(owner.ID == j.Target || slices.Contains(j.Successors, owner.ID))
}

// Progress is how far a job is.
type Progress struct {
	Slots int   // handed over
	Total int   // to hand over in all; shrinks when the job is cancelled or slots are lost
	Keys  int64 // acknowledged by the target
	Bytes int64 // acknowledged by the target, in wire form
	// Waiting says why the job does not go on at present, empty if it does.
	Waiting string
}

// Rate returns how many keys a second were moved in elapsed.
func (p Progress) Rate(elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(p.Keys) / elapsed.Seconds()
}

// ETA estimates the time to the end from what the slots so far took; 0 if nothing
// can be said yet.
func (p Progress) ETA(elapsed time.Duration) time.Duration {
	if p.Slots == 0 {
		return 0
	}
	return time.Duration(float64(elapsed) / float64(p.Slots) * float64(p.Total-p.Slots))
}
