package keyspace

import "errors"

// Errors of writes that a Store by itself never returns, but a node does that replicates
// it: here packages replication and client find the same values. [ErrOutOfMemory] is one
// that a Store returns.
var (
	// ErrNoReplicas refuses a write while too few replicas are in good standing. Its text is
	// the error reply of the Redis protocol (docs/spec.md §11).
	ErrNoReplicas = errors.New("NOREPLICAS Not enough good replicas to write.")

	// ErrNotSaved refuses a write while the last snapshot has failed, on a node that should
	// save by itself. Its text is the error reply of the Redis protocol.
	ErrNotSaved = errors.New("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to " +
		"persist to disk. Commands that may modify the data set are disabled, because this instance is configured to " +
		"report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the " +
		"Redis logs for details about the RDB error.")

	// ErrNotLogged is matched by the error that refuses a write while the log on disk cannot
	// be written. The text of that error is the error reply of the Redis protocol.
	ErrNotLogged = errors.New("MISCONF Errors writing to the AOF file")

	// ErrAmbiguous is matched by the error of a write that may or may not have been carried
	// out, or that may not survive a failover.
	ErrAmbiguous = errors.New("the write may or may not have been carried out, and may or may not survive")
)
