package commands

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Migrations moves slots by jobs of the node itself, as Valkey 9 does: a job, once begun,
// ends without further commands.
type Migrations interface {
	// StartMigration begins to move slots of this node to another master.
	StartMigration(ctx context.Context, set slots.Set, target slots.NodeID) (migrate.JobID, error)
	// ListMigrations returns the jobs under way and the latest that are over.
	ListMigrations() []migrate.Status
	// StopMigration makes a job of this node begin no further slot. It does nothing if the
	// job is over.
	StopMigration(ctx context.Context, id migrate.JobID) error
}

var (
	cancelSlotMigrationsCommand = Command{Name: "cancelslotmigrations", Arity: 2,
		Flags: flagsClusterAdmin | Hidden, Since: "9.0.0",
		Summary: "Ends the jobs of this node that move slots.", Run: inCluster(cmdCancelSlotMigrations)}
	getSlotMigrationsCommand = Command{Name: "getslotmigrations", Arity: 2, Flags: flagsClusterAdmin | Hidden,
		Since: "9.0.0", Tips: "nondeterministic_output",
		Summary: "Describes the jobs of this node that move slots.", Run: inCluster(cmdGetSlotMigrations)}
	migrateSlotsCommand = Command{Name: "migrateslots", Arity: -4,
		Args:  "SLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...] NODE <node-id> [SLOTSRANGE ...]",
		Flags: flagsClusterAdmin | Hidden, Since: "9.0.0",
		Summary: "Starts jobs that move slots of this node to others.", Run: inCluster(cmdMigrateSlots)}
)

// slotMove is one group of MIGRATESLOTS: SLOTSRANGE a b [a b …] NODE id.
type slotMove struct {
	set    slots.Set
	target slots.NodeID
}

func cmdMigrateSlots(c *Call) error {
	m := c.Node.Engine.Map()
	if !m.Self().IsMaster() {
		return ReplyError("ERR Slot migration can only be used on primary nodes")
	}
	var moves []slotMove
	var all slots.Set
	for i := 2; i < len(c.Args); {
		move, next, err := c.slotMove(m, i)
		if err != nil {
			return err
		}
		common := all
		if common.Intersect(&move.set); !common.Empty() {
			return ReplyError("ERR Slot ranges in migrations overlap")
		}
		all.Union(&move.set)
		moves = append(moves, move)
		i = next
	}
	if err := c.mayMigrate(m, &all); err != nil {
		return err
	}
	return c.startMigrations(moves)
}

// slotMove reads one group from argument i on.
func (c *Call) slotMove(m *slots.Map, i int) (move slotMove, next int, err error) {
	if !c.Word(i, "SLOTSRANGE") {
		return move, 0, ErrSyntax
	}
	if move.set, i, err = c.slotPairs(i + 1); err != nil {
		return move, 0, err
	}
	if i+1 >= len(c.Args) || !c.Word(i, "NODE") {
		return move, 0, ErrSyntax
	}
	if move.target, err = slots.ParseNodeID(string(c.Args[i+1])); err != nil {
		return move, 0, ReplyError("ERR Invalid node name: " + string(Clip(c.Args[i+1], 128)))
	}
	switch node := m.Node(move.target); {
	case node == nil:
		return move, 0, ReplyError("ERR Unknown node name: " + string(Clip(c.Args[i+1], 128)))
	case move.target == m.Self().ID:
		return move, 0, ReplyError("ERR Target node can not be this node")
	case !node.IsMaster():
		return move, 0, errTargetMaster
	}
	return move, i + 2, nil
}

// slotPairs reads pairs of first and last slot until something else comes.
func (c *Call) slotPairs(i int) (set slots.Set, next int, err error) {
	var list []slots.Range
	for ; i < len(c.Args) && !c.Word(i, "NODE"); i += 2 {
		if i+1 >= len(c.Args) || c.Word(i+1, "NODE") {
			return set, i, ReplyError("ERR No end slot for final slot range")
		}
		var r slots.Range
		if r.First, err = c.slotArg(i); err == nil {
			r.Last, err = c.slotArg(i + 1)
		}
		if err != nil {
			return set, i, err
		}
		if r.First > r.Last {
			return set, i, ReplyError("ERR Start slot number " + strconv.Itoa(int(r.First)) +
				" is greater than end slot number " +
				strconv.Itoa(int(r.Last)))
		}
		for _, p := range list {
			if r.First <= p.Last && p.First <= r.Last {
				return set, i, ReplyError("ERR Slot range " + pair(r) + " overlaps with previous range " + pair(p))
			}
		}
		list = append(list, r)
		set.AddRange(r)
	}
	if len(list) == 0 {
		return set, i, ReplyError("ERR No slot ranges specified")
	}
	return set, i, nil
}

// pair prints a range with both ends, also of one slot.
func pair(r slots.Range) string { return strconv.Itoa(int(r.First)) + "-" + strconv.Itoa(int(r.Last)) }

// mayMigrate checks that all slots are this node's, and in no job yet.
func (c *Call) mayMigrate(m *slots.Map, set *slots.Set) error {
	for slot := range set.All() {
		switch {
		case m.Owner(slot) == nil:
			return ReplyError("ERR Slot " + strconv.Itoa(int(slot)) + " has no node served")
		case !m.IsMine(slot):
			return ReplyError("ERR Slots are not served by this node")
		}
	}
	for _, s := range c.migrations() {
		if s.Import || s.Over() {
			continue
		}
		s.Job.Slots.Intersect(set)
		for slot := range s.Job.Slots.All() {
			return ReplyError("ERR I am already migrating slot " + strconv.Itoa(int(slot)) + ".")
		}
	}
	return nil
}

// startMigrations starts all jobs, or none: those begun before one that is refused are
// called off.
func (c *Call) startMigrations(moves []slotMove) error {
	cluster := c.Node.Cluster
	var begun []migrate.JobID
	for _, move := range moves {
		id, err := cluster.StartMigration(c.Node.Life, move.set, move.target)
		if err != nil {
			for _, id := range begun {
				if err := cluster.StopMigration(c.Node.Life, id); err != nil {
					c.Node.Logger.Warn("calling off a migration", "job", id, "error", err)
				}
			}
			return err
		}
		begun = append(begun, id)
	}
	c.Out.OK()
	return nil
}

func cmdCancelSlotMigrations(c *Call) error {
	found := false
	for _, s := range c.migrations() {
		if s.Import || s.Over() {
			continue
		}
		found = true
		if err := c.Node.Cluster.StopMigration(c.Node.Life, s.Job.ID); err != nil {
			return err
		}
	}
	if !found {
		return ReplyError("ERR No migrations ongoing")
	}
	c.Out.OK()
	return nil
}

func cmdGetSlotMigrations(c *Call) error {
	list := c.migrations()
	c.Out.Array(len(list))
	for i := range list {
		c.describeMigration(&list[i])
	}
	return nil
}

// migrations returns the jobs that move slots; a Return is a repair, which moves none.
func (c *Call) migrations() []migrate.Status {
	return slices.DeleteFunc(c.Node.Cluster.ListMigrations(),
		func(s migrate.Status) bool { return s.Job.Kind != migrate.KindMove })
}

// describeMigration appends the fields of Valkey 9, and how much has been moved.
func (c *Call) describeMigration(s *migrate.Status) {
	operation := "EXPORT"
	if s.Import {
		operation = "IMPORT"
	}
	var ranges []byte
	for r := range s.Job.Slots.Ranges() {
		if len(ranges) > 0 {
			ranges = append(ranges, ' ')
		}
		ranges = append(ranges, pair(r)...)
	}
	c.Out.Map(14)
	c.textField("name", s.Job.ID.String())
	c.textField("operation", operation)
	c.textField("slot_ranges", string(ranges))
	c.textField("target_node", s.Job.Target.String())
	c.textField("source_node", s.Job.Source.String())
	c.intField("create_time", unixSeconds(s.Job.Created))
	c.intField("last_update_time", unixSeconds(s.Updated))
	c.intField("last_ack_time", unixSeconds(s.Updated))
	c.textField("state", migrationState(s.State))
	c.textField("message", migrationMessage(s))
	c.intField("cow_size", 0)
	c.intField("slots", int64(s.Progress.Slots))
	c.intField("keys", s.Progress.Keys)
	c.intField("bytes", s.Progress.Bytes)
}

// migrationState is the word of Valkey 9 for how a job ended; it has none for ours before
// that.
func migrationState(s migrate.State) string {
	if s == migrate.Finished {
		return "success"
	}
	return s.String()
}

func migrationMessage(s *migrate.Status) string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Progress.Waiting != "":
		return s.Progress.Waiting
	case s.Over():
		return ""
	}
	return s.Doing
}

func (c *Call) textField(name, value string) {
	c.Out.BulkString(name)
	c.Out.BulkString(value)
}

func (c *Call) intField(name string, value int64) {
	c.Out.BulkString(name)
	c.Out.Int(value)
}

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
