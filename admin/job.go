package admin

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Job is a move of slots that nodes carry out by themselves, as CLUSTER
// GETSLOTMIGRATIONS tells it.
type Job struct {
	Name    string // the job's id
	Export  bool   // told by the source; otherwise by the target
	Slots   slots.Set
	Source  slots.NodeID
	Target  slots.NodeID
	State   string // "success", "failed" and "cancelled" are final
	Message string
	Keys    int64 // moved so far; 0 if the node does not tell
	Bytes   int64
}

// Ended reports whether the job is over, well or not.
func (j *Job) Ended() bool { return j.Succeeded() || j.Failed() }

// Succeeded reports whether all slots of the job are the target's.
func (j *Job) Succeeded() bool { return j.State == "success" }

// Failed reports whether the job was given up.
func (j *Job) Failed() bool {
	return j.State == "failed" || j.State == "cancelled" || j.State == "canceled"
}

// peer is the node at the other end, zero if it is not told.
func (j *Job) peer() slots.NodeID {
	if j.Export {
		return j.Target
	}
	return j.Source
}

// stuck reports whether the job waits for a node that does not answer. It ends by itself
// once that is back, replaced by its replica, or forgotten.
func (v *View) stuck(j *Job) bool {
	peer := v.Node(j.peer())
	return !j.Ended() && peer != nil && !peer.Alive()
}

// parseJobs reads an array of maps, flat in RESP2. Fields it does not know are passed
// over, an entry that makes no sense too: jobs are only for looking at.
func parseJobs(r resp.Reply) []Job {
	var list []Job
	for i := range r.Elems {
		e := &r.Elems[i]
		text := func(key string) string {
			if v := e.Lookup(key); v != nil {
				return v.Text()
			}
			return ""
		}
		number := func(key string) int64 {
			if v := e.Lookup(key); v != nil {
				if v.Kind == resp.Int {
					return v.Int
				}
				n, _ := resp.ParseInt(v.Str)
				return n
			}
			return 0
		}
		job := Job{
			Name: text("name"), Export: strings.EqualFold(text("operation"), "export"),
			State: strings.ToLower(text("state")), Message: text("message"),
			Keys: number("keys"), Bytes: number("bytes"),
		}
		var err error
		if job.Slots, err = slots.ParseSet(text("slot_ranges")); err != nil || job.Name == "" {
			continue
		}
		job.Source, _ = slots.ParseNodeID(text("source_node")) // zero if it is not told
		job.Target, _ = slots.ParseNodeID(text("target_node"))
		list = append(list, job)
	}
	return list
}
