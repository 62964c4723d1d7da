package migrate

import "time"

// State is how a job stands.
type State uint8

const (
	Running    State = 1
	Cancelling State = 2 // what is open goes on to its end, nothing else is begun
	Finished   State = 3 // all slots that were to be handed over are
	Cancelled  State = 4 // some are, none is open
	Failed     State = 5 // ended for a reason that Status.Err tells; no slot is open
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Cancelling:
		return "cancelling"
	case Finished:
		return "finished"
	case Cancelled:
		return "cancelled"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Status is a job as List shows it.
type Status struct {
	Job      Job
	Import   bool // the job brings slots here; otherwise it is this node's own
	State    State
	Doing    string // what it is doing, for people
	Progress Progress
	Elapsed  time.Duration // since it was started, or restarted, here; for a job that is over, in all
	Updated  time.Time
	Err      error // why a job that is over failed
}

// EventName returns the name of a Status for logs and metrics.
func (Status) EventName() string { return "migration" }

// Over reports whether the job has come to its end.
func (s *Status) Over() bool { return s.State >= Finished }
