package committer

import (
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// Policy says when the log is made durable.
type Policy uint8

const (
	// Off keeps no log.
	Off Policy = iota
	// Always makes a record durable before the reply to its write leaves.
	Always
	// EverySecond makes the log durable each second: a crash of the machine loses at most the
	// last one. What was written is in the hands of the operating system within 20 ms, so
	// that the end of the process alone loses no more than that.
	EverySecond
	// Never leaves it to the operating system when the log becomes durable, but for a clean end.
	Never
)

// policyNames are those of appendfsync in redis.conf.
var policyNames = [...]string{Off: "off", Always: "always", EverySecond: "everysec", Never: "no"}

// String returns the policy's name in redis.conf: always, everysec or no; or off.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// Valid reports whether p is one of the constants.
func (p Policy) Valid() bool { return int(p) < len(policyNames) }

// FailedError says that the log could not be written. Nothing is written to its files any
// more; a complete rewrite into new ones ends that state. Its text is the reply that
// clients get whose writes are refused.
type FailedError struct{ Err error }

func (e *FailedError) Error() string {
	return "MISCONF Errors writing to the AOF file: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Err }

// Is makes the error match keyspace.ErrNotLogged.
func (e *FailedError) Is(target error) bool { return target == keyspace.ErrNotLogged }

// ErrClosed is the error of a Committer that has been closed.
var ErrClosed = errors.New("the log is closed")

// ErrRewriting refuses a second rewrite at the same time.
//
//nolint:staticcheck // Redis' words, sent to clients
var ErrRewriting = errors.New("Background append only file rewriting already in progress")

// Status is how a log stands.
type Status struct {
	Policy   Policy
	Size     int64 // bytes of the base and of the segments in force
	BaseSize int64 // bytes of these when the last rewrite ended: what growth is measured by
	Pending  int64 // bytes of the stream that are not written yet
	Unsynced int64 // bytes of the stream that are not durable yet
	Durable  int64 // offset up to which the stream is on disk, -1 while there is no base
	written  int64

	Rewriting      bool
	Scheduled      bool          // a rewrite waits for a snapshot to end
	CurrentRewrite time.Duration // of the rewrite under way, else 0
	LastRewrite    time.Duration // of the last one, -1 if there was none
	Rewrites       uint64        // that ended well
	InVain         uint64        // rewrites that have failed since the last good one
	LastRewriteErr error

	Failed   error  // why nothing can be written, nil if it can: a *FailedError
	Failures uint64 // how often that began
	Syncs    uint64 // that ended well
	Delayed  uint64 // Syncs of EverySecond that writers had to wait for, since they took more than 2 s
	// SyncTimes are how long each of Syncs took, GroupSizes how many bytes of the stream it
	// made durable: with Always the writes that waited for it together.
	SyncTimes  Histogram[time.Duration]
	GroupSizes Histogram[int64]
}
