package slotmesh

import (
	"log/slog"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/logging"
	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/storage"
)

// Names of other packages that a configuration needs.
type (
	// Network is how a node reaches others and is reached. [TCP] is the usual one; package
	// clustertest has one in memory.
	Network = network.Network

	// TCP is the Network of the operating system, with or without TLS.
	TCP = network.TCP

	// Disk keeps the files that must survive a restart. See Config.Dir for the usual one.
	Disk = storage.Disk

	// DiskLocker is a Disk that can be taken for one node alone: Start takes it, and Close
	// gives it back. Dir is one. A host's Disk should be one if two nodes could ever be
	// given the same files.
	DiskLocker = storage.Locker
)

// ErrDiskInUse is returned by Start of a node whose Dir or Disk another node has, of this
// process or of another one. Two nodes that write the same files would run under one id,
// serve the same slots and save over each other.
var ErrDiskInUse = storage.ErrInUse

// LevelTrace is the level at which a logger of [SlogLogger] passes on hclog's Trace:
// below slog.LevelDebug.
const LevelTrace = logging.LevelTrace

// SlogLogger makes a slog.Logger fit Config.Logger. The name of a part of the node
// ("gossip", "bus") comes as attribute "logger". Levels are those of l's handler;
// SetLevel does nothing.
func SlogLogger(l *slog.Logger) hclog.Logger { return logging.FromSlog(l) }
