package server

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	flagsClusterRead  = flagStale
	flagsClusterAdmin = flagAdmin | flagStale | flagNoAsyncLoading
)

var clusterCommands = []command{
	{name: "cluster", arity: -2, group: "cluster", since: "3.0.0", summary: "Looks at the cluster and changes it.",
		list: rows(
			command{name: "addslots", arity: -3, flags: flagsClusterAdmin, since: "3.0.0", summary: "Takes unowned slots.",
				run: inCluster(cmdAddSlots)},
			command{name: "addslotsrange", arity: -4, flags: flagsClusterAdmin, since: "7.0.0",
				summary: "Takes ranges of unowned slots.", run: inCluster(cmdAddSlotsRange)},
			command{name: "bumpepoch", arity: 2, flags: flagsClusterAdmin, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Takes the next config epoch.", run: inCluster(cmdBumpEpoch)},
			cancelSlotMigrationsCommand,
			command{name: "count-failure-reports", arity: 3, flags: flagAdmin | flagStale, since: "3.0.0",
				tips: "nondeterministic_output", summary: "Counts who reports a node as down.",
				run: inCluster(cmdCountFailureReports)},
			command{name: "countkeysinslot", arity: 3, flags: flagsClusterRead, since: "3.0.0",
				summary: "Counts the keys of a slot.", run: inCluster(cmdCountKeysInSlot)},
			command{name: "delslots", arity: -3, flags: flagsClusterAdmin, since: "3.0.0", summary: "Makes slots unowned.",
				run: inCluster(cmdDelSlots)},
			command{name: "delslotsrange", arity: -4, flags: flagsClusterAdmin, since: "7.0.0",
				summary: "Makes ranges of slots unowned.", run: inCluster(cmdDelSlotsRange)},
			command{name: "failover", arity: -2, flags: flagsClusterAdmin, since: "3.0.0",
				summary: "Makes this replica the master of its shard.", run: inCluster(cmdFailover)},
			command{name: "flushslots", arity: 2, flags: flagsClusterAdmin, since: "3.0.0", summary: "Gives up all slots.",
				run: inCluster(cmdFlushSlots)},
			command{name: "forget", arity: 3, flags: flagsClusterAdmin, since: "3.0.0", summary: "Removes a node.",
				run: inCluster(cmdForget)},
			command{name: "getkeysinslot", arity: 4, flags: flagsClusterRead, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Returns keys of a slot.", run: inCluster(cmdGetKeysInSlot)},
			getSlotMigrationsCommand,
			command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "5.0.0",
				summary: "Lists the subcommands.", run: inCluster(cmdHelp)},
			command{name: "info", arity: 2, flags: flagsClusterRead, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Describes the cluster's state.", run: inCluster(cmdClusterInfo)},
			command{name: "keyslot", arity: 3, flags: flagsClusterRead | flagPlain, since: "3.0.0",
				summary: "Returns the slot of a key.", run: inCluster(cmdKeySlot)},
			command{name: "links", arity: 2, flags: flagsClusterRead, since: "7.0.0", tips: "nondeterministic_output",
				summary: "Describes the connections of the bus.", run: inCluster(cmdLinks)},
			command{name: "meet", arity: -4, flags: flagsClusterAdmin, since: "3.0.0", summary: "Introduces another node.",
				run: inCluster(cmdMeet)},
			migrateSlotsCommand,
			command{name: "myid", arity: 2, flags: flagsClusterRead, since: "3.0.0", summary: "Returns this node's id.",
				run: inCluster(cmdMyID)},
			command{name: "nodes", arity: 2, flags: flagsClusterRead, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Describes all nodes.", run: inCluster(cmdNodes)},
			command{name: "replicas", arity: 3, flags: flagAdmin | flagStale, since: "5.0.0", tips: "nondeterministic_output",
				summary: "Describes the replicas of a master.", run: inCluster(cmdReplicas)},
			command{name: "replicate", arity: 3, flags: flagsClusterAdmin, since: "3.0.0",
				summary: "Makes this node a replica of a master.", run: inCluster(cmdReplicate)},
			command{name: "reset", arity: -2, flags: flagAdmin | flagStale | flagNoScript, since: "3.0.0",
				summary: "Makes the node a lone one.", run: inCluster(cmdClusterReset)},
			command{name: "saveconfig", arity: 2, flags: flagsClusterAdmin, since: "3.0.0",
				summary: "Writes the cluster's state to disk.", run: inCluster(cmdSaveConfig)},
			command{name: "set-config-epoch", arity: 3, flags: flagsClusterAdmin, since: "3.0.0",
				summary: "Gives a fresh node its config epoch.", run: inCluster(cmdSetConfigEpoch)},
			setSlotCommand,
			command{name: "shards", arity: 2, flags: flagsClusterRead, since: "7.0.0", tips: "nondeterministic_output",
				summary: "Describes masters with their slots and replicas.", run: inCluster(cmdShards)},
			command{name: "slaves", arity: 3, flags: flagAdmin | flagStale, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Old name of REPLICAS.", run: inCluster(cmdReplicas)},
			command{name: "slots", arity: 2, flags: flagsClusterRead, since: "3.0.0", tips: "nondeterministic_output",
				summary: "Returns which node serves which slots.", run: inCluster(cmdSlots)},
		)},
}

// inCluster refuses a command on a standalone node.
func inCluster(run func(*session) error) func(*session) error {
	return func(s *session) error {
		if s.srv.standalone() {
			return errNoCluster
		}
		return run(s)
	}
}

// change lets the node do something, then replies OK.
func (s *session) change(do func(ctx context.Context) error) error {
	if err := do(s.srv.life); err != nil {
		return err
	}
	s.out.OK()
	return nil
}

// slotChange collects the slots of one command.
type slotChange struct {
	m        *slots.Map
	del      bool
	released slots.Set // see released
	vacated  slots.Set // see Ownership
	set      slots.Set
}

// add takes one more slot, after Redis' checks in Redis' order.
func (c *slotChange) add(slot slots.Slot) error {
	name := "ERR Slot " + itoa(int(slot))
	switch owned := c.m.Owner(slot) != nil; {
	case c.del && !owned && !c.vacated.Has(slot):
		return replyError(name + " is already unassigned")
	case !c.del && owned && !c.released.Has(slot):
		return replyError(name + " is already busy")
	case c.set.Has(slot):
		return replyError(name + " specified multiple times")
	}
	c.set.Add(slot)
	return nil
}

// slotList reads slot numbers.
func (s *session) slotList(c *slotChange) error {
	for i := 2; i < len(s.args); i++ {
		slot, err := s.slotArg(i)
		if err != nil {
			return err
		}
		if err := c.add(slot); err != nil {
			return err
		}
	}
	return nil
}

// slotRanges reads pairs of first and last slot.
func (s *session) slotRanges(c *slotChange) error {
	if len(s.args)%2 != 0 {
		return errArity(s.cmd)
	}
	for i := 2; i < len(s.args); i += 2 {
		first, err := s.slotArg(i)
		if err != nil {
			return err
		}
		last, err := s.slotArg(i + 1)
		if err != nil {
			return err
		}
		if first > last {
			return replyError("ERR start slot number " + itoa(int(first)) + " is greater than end slot number " +
				itoa(int(last)))
		}
		for slot := int(first); slot <= int(last); slot++ {
			if err := c.add(slots.Slot(slot)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) addSlots(read func(*slotChange) error) error {
	c := slotChange{m: s.srv.engine.Map(), released: s.srv.released.fresh(s.srv.cfg.Now())}
	if err := read(&c); err != nil {
		return err
	}
	return s.change(func(ctx context.Context) error { return s.srv.claimSlots(ctx, c.m, c.set) })
}

// delSlots takes slots that another node gave up a moment ago for dropped already, which
// is no error: this node just happens to have heard of it before the command came.
func (s *session) delSlots(read func(*slotChange) error) error {
	c := slotChange{m: s.srv.engine.Map(), del: true, vacated: s.srv.cfg.Cluster.Vacated()}
	if err := read(&c); err != nil {
		return err
	}
	c.removeVacated()
	return s.change(func(ctx context.Context) error {
		err := s.srv.cfg.Cluster.DelSlots(ctx, c.set)
		if err != nil { // the news may have come meanwhile
			before := c.set
			c.m, c.vacated = s.srv.engine.Map(), s.srv.cfg.Cluster.Vacated()
			if c.removeVacated(); c.set != before {
				err = s.srv.cfg.Cluster.DelSlots(ctx, c.set)
			}
		}
		if err == nil {
			s.srv.released.add(c.set, s.srv.cfg.Now())
		}
		return err
	})
}

// removeVacated removes the slots that count as dropped already.
func (c *slotChange) removeVacated() {
	for slot := range c.vacated.All() {
		if c.m.Owner(slot) == nil {
			c.set.Remove(slot)
		}
	}
}

func cmdAddSlots(s *session) error      { return s.addSlots(s.slotList) }
func cmdDelSlots(s *session) error      { return s.delSlots(s.slotList) }
func cmdAddSlotsRange(s *session) error { return s.addSlots(s.slotRanges) }
func cmdDelSlotsRange(s *session) error { return s.delSlots(s.slotRanges) }

func cmdFlushSlots(s *session) error {
	if s.srv.store.Len() > 0 {
		return replyError("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")
	}
	return s.change(s.srv.cfg.Cluster.FlushSlots)
}

func cmdMeet(s *session) error {
	if len(s.args) > 5 {
		return errSubArity(s.args)
	}
	port, err := s.number(3)
	if err != nil {
		return replyError("ERR Invalid TCP base port specified: " + string(clip(s.args[3], 128)))
	}
	bus := port + 10000 // docs/spec.md §2.7
	if len(s.args) == 5 {
		if bus, err = s.number(4); err != nil {
			return replyError("ERR Invalid TCP bus port specified: " + string(clip(s.args[4], 128)))
		}
	}
	host := string(s.args[2])
	if !slots.ValidHost(host) || port < 1 || port > 65535 || bus < 1 || bus > 65535 {
		return replyError("ERR Invalid node address specified: " + string(clip(s.args[2], 128)) + ":" +
			string(clip(s.args[3], 128)))
	}
	return s.change(func(ctx context.Context) error {
		return s.srv.cfg.Cluster.Meet(ctx, host, uint16(port), uint16(bus))
	})
}

// nodeArg reads the id of a node.
func (s *session) nodeArg(i int) (slots.NodeID, error) {
	id, err := slots.ParseNodeID(string(s.args[i]))
	if err != nil {
		return id, replyError("ERR Unknown node " + string(clip(s.args[i], 128)))
	}
	return id, nil
}

func cmdForget(s *session) error {
	id, err := s.nodeArg(2)
	if err != nil {
		return err
	}
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.Forget(ctx, id) })
}

func cmdSetConfigEpoch(s *session) error {
	epoch, err := s.number(2)
	if err != nil {
		return err
	}
	if epoch < 0 {
		return replyError("ERR Invalid config epoch specified: " + string(s.args[2]))
	}
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.SetConfigEpoch(ctx, uint64(epoch)) })
}

func cmdBumpEpoch(s *session) error {
	epoch, bumped, err := s.srv.cfg.Cluster.BumpEpoch(s.srv.life)
	if err != nil {
		return err
	}
	word := "STILL "
	if bumped {
		word = "BUMPED "
	}
	s.out.Simple(word + utoa(epoch))
	return nil
}

func cmdSaveConfig(s *session) error { return s.change(s.srv.cfg.Cluster.SaveConfig) }

func cmdClusterReset(s *session) error {
	hard := false
	switch {
	case len(s.args) > 3:
		return errSubArity(s.args)
	case len(s.args) == 3 && s.word(2, "HARD"):
		hard = true
	case len(s.args) == 3 && !s.word(2, "SOFT"):
		return errSyntax
	}
	if !s.srv.isReplica() && s.srv.store.Len() > 0 {
		return replyError("ERR CLUSTER RESET can't be called with master nodes containing keys")
	}
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.Reset(ctx, hard) })
}

func cmdKeySlot(s *session) error {
	s.out.Int(int64(slots.Of(s.args[2])))
	return nil
}

func cmdCountKeysInSlot(s *session) error {
	slot, err := s.number(2)
	if err != nil {
		return err
	}
	if slot < 0 || slot >= slots.Count {
		return replyError("ERR Invalid slot")
	}
	s.out.Int(int64(s.srv.store.Count(slots.Slot(slot))))
	return nil
}

func cmdGetKeysInSlot(s *session) error {
	slot, err := s.number(2)
	if err != nil {
		return err
	}
	n, err := s.number(3)
	if err != nil {
		return err
	}
	if slot < 0 || slot >= slots.Count || n < 0 {
		return replyError("ERR Invalid slot or number of keys")
	}
	keys := s.srv.store.Keys(slots.Slot(slot), int(min(n, 1<<31)))
	s.out.Array(len(keys))
	for _, key := range keys {
		s.out.Bulk(key)
	}
	return nil
}

func cmdCountFailureReports(s *session) error {
	id, err := s.nodeArg(2)
	if err != nil {
		return err
	}
	n, known := s.srv.cfg.Cluster.FailureReports(id)
	if !known {
		return replyError("ERR Unknown node " + string(s.args[2]))
	}
	s.out.Int(int64(n))
	return nil
}

func cmdMyID(s *session) error {
	s.out.BulkString(s.srv.engine.Map().Self().ID.String())
	return nil
}
