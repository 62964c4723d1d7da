package server

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Migrations moves slots by jobs of the node itself, as Valkey 9 does: a job, once begun,
// ends without anybody's help.
type Migrations interface {
	// StartMigration begins to move slots of this node to another master and returns the
	// name of the job, 40 hexadecimal digits.
	StartMigration(ctx context.Context, set slots.Set, target slots.NodeID) (name string, err error)
	// ListMigrations returns the jobs under way and the latest that are over.
	ListMigrations() []Migration
	// StopMigration makes a job begin no further slot.
	StopMigration(ctx context.Context, name string) error
}

// Migration is one job as CLUSTER GETSLOTMIGRATIONS shows it.
type Migration struct {
	Name    string
	Import  bool // told by the target; otherwise by the source
	Slots   slots.Set
	Source  slots.NodeID
	Target  slots.NodeID
	Created time.Time
	Updated time.Time
	State   string // over: "success", "failed" or "cancelled"; otherwise what it is doing, in a word
	Over    bool
	Message string
	Moved   int   // slots handed over
	Keys    int64 // that the target has acknowledged
	Bytes   int64 // of these
}

var (
	cancelSlotMigrationsCommand = command{name: "cancelslotmigrations", arity: 2, flags: flagsClusterAdmin | flagHidden,
		since:   "9.0.0",
		summary: "Ends the jobs of this node that move slots.", run: inCluster(cmdCancelSlotMigrations)}
	getSlotMigrationsCommand = command{name: "getslotmigrations", arity: 2, flags: flagsClusterAdmin | flagHidden,
		since: "9.0.0", tips: "nondeterministic_output",
		summary: "Describes the jobs of this node that move slots.", run: inCluster(cmdGetSlotMigrations)}
	migrateSlotsCommand = command{name: "migrateslots", arity: -4, flags: flagsClusterAdmin | flagHidden, since: "9.0.0",
		summary: "Starts jobs that move slots of this node to others.", run: inCluster(cmdMigrateSlots)}
)

// slotMove is one group of MIGRATESLOTS: SLOTSRANGE a b [a b …] NODE id.
type slotMove struct {
	set    slots.Set
	target slots.NodeID
}

func cmdMigrateSlots(s *session) error {
	m := s.srv.engine.Map()
	if !m.Self().IsMaster() {
		return replyError("ERR Slot migration can only be used on primary nodes")
	}
	var moves []slotMove
	var all slots.Set
	for i := 2; i < len(s.args); {
		move, next, err := s.slotMove(m, i)
		if err != nil {
			return err
		}
		common := all
		if common.Intersect(&move.set); !common.Empty() {
			return replyError("ERR Slot ranges in migrations overlap")
		}
		all.Union(&move.set)
		moves = append(moves, move)
		i = next
	}
	if err := s.mayMigrate(m, &all); err != nil {
		return err
	}
	return s.startMigrations(moves)
}

// slotMove reads one group from argument i on.
func (s *session) slotMove(m *slots.Map, i int) (move slotMove, next int, err error) {
	if !s.word(i, "SLOTSRANGE") {
		return move, 0, errSyntax
	}
	if move.set, i, err = s.slotPairs(i + 1); err != nil {
		return move, 0, err
	}
	if i+1 >= len(s.args) || !s.word(i, "NODE") {
		return move, 0, errSyntax
	}
	if move.target, err = slots.ParseNodeID(string(s.args[i+1])); err != nil {
		return move, 0, replyError("ERR Invalid node name: " + string(clip(s.args[i+1], 128)))
	}
	switch node := m.Node(move.target); {
	case node == nil:
		return move, 0, replyError("ERR Unknown node name: " + string(clip(s.args[i+1], 128)))
	case move.target == m.Self().ID:
		return move, 0, replyError("ERR Target node can not be this node")
	case !node.IsMaster():
		return move, 0, errTargetMaster
	}
	return move, i + 2, nil
}

// slotPairs reads pairs of first and last slot until something else comes.
func (s *session) slotPairs(i int) (set slots.Set, next int, err error) {
	var list []slots.Range
	for ; i < len(s.args) && !s.word(i, "NODE"); i += 2 {
		if i+1 >= len(s.args) || s.word(i+1, "NODE") {
			return set, i, replyError("ERR No end slot for final slot range")
		}
		var r slots.Range
		if r.First, err = s.slotArg(i); err == nil {
			r.Last, err = s.slotArg(i + 1)
		}
		if err != nil {
			return set, i, err
		}
		if r.First > r.Last {
			return set, i, replyError("ERR Start slot number " + itoa(int(r.First)) + " is greater than end slot number " +
				itoa(int(r.Last)))
		}
		for _, p := range list {
			if r.First <= p.Last && p.First <= r.Last {
				return set, i, replyError("ERR Slot range " + pair(r) + " overlaps with previous range " + pair(p))
			}
		}
		list = append(list, r)
		set.AddRange(r)
	}
	if len(list) == 0 {
		return set, i, replyError("ERR No slot ranges specified")
	}
	return set, i, nil
}

// pair prints a range with both ends, also of one slot.
func pair(r slots.Range) string { return itoa(int(r.First)) + "-" + itoa(int(r.Last)) }

// mayMigrate checks that all slots are this node's, and in no job yet.
func (s *session) mayMigrate(m *slots.Map, set *slots.Set) error {
	for slot := range set.All() {
		switch {
		case m.Owner(slot) == nil:
			return replyError("ERR Slot " + itoa(int(slot)) + " has no node served")
		case !m.IsMine(slot):
			return replyError("ERR Slots are not served by this node")
		}
	}
	for _, job := range s.srv.cfg.Cluster.ListMigrations() {
		if job.Import || job.Over {
			continue
		}
		job.Slots.Intersect(set)
		for slot := range job.Slots.All() {
			return replyError("ERR I am already migrating slot " + itoa(int(slot)) + ".")
		}
	}
	return nil
}

// startMigrations starts all jobs, or none: those begun before one that is refused are
// called off.
func (s *session) startMigrations(moves []slotMove) error {
	cluster := s.srv.cfg.Cluster
	var begun []string
	for _, move := range moves {
		name, err := cluster.StartMigration(s.srv.life, move.set, move.target)
		if err != nil {
			for _, name := range begun {
				if err := cluster.StopMigration(s.srv.life, name); err != nil {
					s.srv.cfg.Logger.Warn("calling off a migration", "job", name, "error", err)
				}
			}
			return err
		}
		begun = append(begun, name)
	}
	s.out.OK()
	return nil
}

func cmdCancelSlotMigrations(s *session) error {
	cluster := s.srv.cfg.Cluster
	found := false
	for _, job := range cluster.ListMigrations() {
		if job.Import || job.Over {
			continue
		}
		found = true
		if err := cluster.StopMigration(s.srv.life, job.Name); err != nil {
			return err
		}
	}
	if !found {
		return replyError("ERR No migrations ongoing")
	}
	s.out.OK()
	return nil
}

func cmdGetSlotMigrations(s *session) error {
	list := s.srv.cfg.Cluster.ListMigrations()
	s.out.Array(len(list))
	for i := range list {
		s.describeMigration(&list[i])
	}
	return nil
}

// describeMigration appends the fields of Valkey 9, and how much has been moved.
func (s *session) describeMigration(job *Migration) {
	operation := "EXPORT"
	if job.Import {
		operation = "IMPORT"
	}
	var ranges []byte
	for r := range job.Slots.Ranges() {
		if len(ranges) > 0 {
			ranges = append(ranges, ' ')
		}
		ranges = append(ranges, pair(r)...)
	}
	s.out.Map(14)
	s.textField("name", job.Name)
	s.textField("operation", operation)
	s.textField("slot_ranges", string(ranges))
	s.textField("target_node", job.Target.String())
	s.textField("source_node", job.Source.String())
	s.intField("create_time", unixSeconds(job.Created))
	s.intField("last_update_time", unixSeconds(job.Updated))
	s.intField("last_ack_time", unixSeconds(job.Updated))
	s.textField("state", job.State)
	s.textField("message", job.Message)
	s.intField("cow_size", 0)
	s.intField("slots", int64(job.Moved))
	s.intField("keys", job.Keys)
	s.intField("bytes", job.Bytes)
}

func (s *session) textField(name, value string) {
	s.out.BulkString(name)
	s.out.BulkString(value)
}

func (s *session) intField(name string, value int64) {
	s.out.BulkString(name)
	s.out.Int(value)
}

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
