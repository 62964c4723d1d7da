package server

import "github.com/slotmesh/slotmesh/internal/server/commands"

// What commands ask of the node, under the names of this package too: it is the one that
// the node imports.
type (
	Cluster    = commands.Cluster
	Observer   = commands.Observer
	Membership = commands.Membership
	Ownership  = commands.Ownership
	Roles      = commands.Roles
	SlotMoves  = commands.SlotMoves
	Migrations = commands.Migrations
	Settings   = commands.Settings
	Snapshots  = commands.Snapshots
	Log        = commands.Log
	Promises   = commands.Promises

	SnapshotStatus = commands.SnapshotStatus
	LoadStatus     = commands.LoadStatus
	LogStatus      = commands.LogStatus

	CommandStats = commands.CommandStats
	SlowEntry    = commands.SlowEntry

	Peer         = commands.Peer
	Link         = commands.Link
	Counter      = commands.Counter
	Replication  = commands.Replication
	Follows      = commands.Follows
	Replica      = commands.Replica
	Backlog      = commands.Backlog
	Master       = commands.Master
	SlotState    = commands.SlotState
	FailoverMode = commands.FailoverMode
)

const (
	SlotStable    = commands.SlotStable
	SlotImporting = commands.SlotImporting
	SlotMigrating = commands.SlotMigrating
	SlotNode      = commands.SlotNode

	FailoverDefault  = commands.FailoverDefault
	FailoverForce    = commands.FailoverForce
	FailoverTakeover = commands.FailoverTakeover
)
