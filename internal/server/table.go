package server

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// builtIn is the table of commands: each group is a list of rows in a file of its own.
// Those here are about a session; all others are in package commands.
var builtIn = commands.NewTable(
	commands.StringGroup, commands.NumberGroup, commands.BitmapGroup, commands.LCSGroup, commands.HyperLogLogGroup,
	commands.HashGroup, commands.FieldExpiryGroup, commands.SetGroup,
	commands.SetAlgebraGroup,
	commands.ListGroup, commands.ListEditGroup, commands.ListMoveGroup, commands.ListBlockingGroup,
	commands.KeyGroup, commands.ExpiryGroup, commands.DumpGroup, commands.SortGroup,
	commands.MigrateGroup, commands.ScanGroup, commands.ConnectionGroup, connectionGroup, aclGroup, transactionGroup,
	commands.ServerGroup, monitorGroup, commands.ClusterGroup, waitGroup,
	commands.ReplicationGroup, followerGroup, commands.SnapshotGroup, commands.LogGroup,
	commands.ZSetGroup, commands.ZSetRangeGroup, commands.ZSetBoundGroup, commands.ZSetPopGroup, commands.ZSetAlgebraGroup,
	commands.ZSetBlockingGroup, commands.GeoGroup, commands.GeoSearchGroup,
	commands.StreamGroup, commands.StreamReadGroup, commands.GroupReadGroup, commands.ConsumerGroupGroup,
	commands.PendingGroup, commands.ClaimGroup, commands.StreamInfoGroup,
	commands.ScriptGroup, commands.FunctionGroup,
	commands.PubsubGroup, subscriptionGroup,
)

// makeTables makes the server's tables of commands, and the node that they work on.
func (s *Server) makeTables() error {
	rows, err := extensionRows(s.cfg.Extensions)
	if err != nil {
		return err
	}
	renamed, err := renamedTable(s.cfg.Rename)
	if err != nil {
		return err
	}
	for i := range rows {
		if renamed.Find([]byte(rows[i].Name)) != nil {
			return fmt.Errorf("server: command %q has the name that another command was given: choose another",
				s.cfg.Extensions[i].Name)
		}
	}
	s.original = builtIn.With(rows)
	s.node = s.newNode(renamed.With(rows))
	s.node.SetSparseSketch(s.cfg.Limits.SparseSketch)
	return nil
}

// newNode returns what commands work on.
func (s *Server) newNode(table *commands.Table) *commands.Node {
	cfg := &s.cfg
	return &commands.Node{
		Engine: cfg.Engine, Store: cfg.Engine.Store(), Server: services{s}, Table: table, Logger: cfg.Logger,
		Now: cfg.Now, Life: s.life,
		Cluster: cfg.Cluster, Settings: cfg.Settings, Snapshots: cfg.Snapshots, Log: cfg.Log,
		Replication: s.replication,
		Follows:     s.cfg.Follows,
		Promises:    cfg.Promises, OnShutdown: cfg.OnShutdown, ResetStats: cfg.ResetStats, Info: cfg.Info, Dial: cfg.Dial,
		MigrateTLS: cfg.MigrateTLS, Scripts: s.scripts, Functions: s.functions, Pubsub: cfg.Pubsub,
		ScriptControl: scriptControl{s},
		Slow:          &s.slow, Latency: &s.latency, Percentiles: s.percentiles,
		Port: cfg.Port, Version: cfg.Version, ConfigFile: cfg.ConfigFile, RunID: newRunID(), Started: cfg.Now(),
	}
}

// ofSession makes a command of what works on the session of the client that calls.
func ofSession(run func(*session) error) func(*commands.Call) error {
	return func(c *commands.Call) error { return run(c.Client.(*session)) }
}

// ofSessionTx is ofSession for what runs in a transaction on the slot of the keys.
func ofSessionTx(run func(*session, *keyspace.Tx) error) func(*commands.Call, *keyspace.Tx) error {
	return func(c *commands.Call, tx *keyspace.Tx) error { return run(c.Client.(*session), tx) }
}
