package commands

import (
	"context"
	"strconv"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	flagsClusterRead  = Stale
	flagsClusterAdmin = Admin | Stale | NoAsyncLoading
)

// ClusterGroup is CLUSTER.
var ClusterGroup = []Command{
	{Name: "cluster", Arity: -2, Group: "cluster", Since: "3.0.0",
		Summary: "Looks at the cluster and changes it.",
		Subs: []Command{
			{Name: "addslots", Arity: -3, Args: "<slot> [<slot> ...]", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Takes unowned slots.", Run: inCluster(cmdAddSlots)},
			{Name: "addslotsrange", Arity: -4, Args: "<start slot> <end slot> [<start slot> <end slot> ...]",
				Flags: flagsClusterAdmin, Since: "7.0.0", Summary: "Takes ranges of unowned slots.",
				Run: inCluster(cmdAddSlotsRange)},
			balanceCommand,
			{Name: "bumpepoch", Arity: 2, Flags: flagsClusterAdmin, Since: "3.0.0",
				Tips: "nondeterministic_output", Summary: "Takes the next config epoch.",
				Run: inCluster(cmdBumpEpoch)},
			cancelSlotMigrationsCommand,
			{Name: "count-failure-reports", Arity: 3, Args: "<node-id>", Flags: Admin | Stale, Since: "3.0.0",
				Tips: "nondeterministic_output", Summary: "Counts who reports a node as down.",
				Run: inCluster(cmdCountFailureReports)},
			{Name: "countkeysinslot", Arity: 3, Args: "<slot>", Flags: flagsClusterRead | Callable,
				Since: "3.0.0", Summary: "Counts the keys of a slot.", Run: inCluster(cmdCountKeysInSlot)},
			{Name: "delslots", Arity: -3, Args: "<slot> [<slot> ...]", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Makes slots unowned.", Run: inCluster(cmdDelSlots)},
			{Name: "delslotsrange", Arity: -4, Args: "<start slot> <end slot> [<start slot> <end slot> ...]",
				Flags: flagsClusterAdmin, Since: "7.0.0", Summary: "Makes ranges of slots unowned.",
				Run: inCluster(cmdDelSlotsRange)},
			{Name: "failover", Arity: -2, Args: "[FORCE|TAKEOVER]", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Makes this replica the master of its shard.", Run: inCluster(cmdFailover)},
			{Name: "flushslots", Arity: 2, Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Gives up all slots.", Run: inCluster(cmdFlushSlots)},
			{Name: "forget", Arity: 3, Args: "<node-id>", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Removes a node.", Run: inCluster(cmdForget)},
			{Name: "getkeysinslot", Arity: 4, Args: "<slot> <count>", Flags: flagsClusterRead | Callable,
				Since: "3.0.0", Tips: "nondeterministic_output", Summary: "Returns keys of a slot.",
				Run: inCluster(cmdGetKeysInSlot)},
			getSlotMigrationsCommand,
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0",
				Summary: "Lists the subcommands.", Run: inCluster(Help)},
			{Name: "info", Arity: 2, Flags: flagsClusterRead | Callable, Since: "3.0.0", Tips: "nondeterministic_output",
				Summary: "Describes the cluster's state.", Run: inCluster(cmdClusterInfo)},
			{Name: "keyslot", Arity: 3, Args: "<key>", Flags: flagsClusterRead | Plain | Callable,
				Since: "3.0.0", Summary: "Returns the slot of a key.", Run: inCluster(cmdKeySlot)},
			{Name: "links", Arity: 2, Flags: flagsClusterRead, Since: "7.0.0", Tips: "nondeterministic_output",
				Summary: "Describes the connections of the bus.", Run: inCluster(cmdLinks)},
			{Name: "meet", Arity: -4, Args: "<ip> <port> [<bus-port>]", Flags: flagsClusterAdmin,
				Since: "3.0.0", Summary: "Introduces another node.", Run: inCluster(cmdMeet)},
			migrateSlotsCommand,
			{Name: "myid", Arity: 2, Flags: flagsClusterRead, Since: "3.0.0",
				Summary: "Returns this node's id.", Run: inCluster(cmdMyID)},
			{Name: "nodes", Arity: 2, Flags: flagsClusterRead | Callable, Since: "3.0.0",
				Tips: "nondeterministic_output", Summary: "Describes all nodes.", Run: inCluster(cmdNodes)},
			{Name: "replicas", Arity: 3, Args: "<node-id>", Flags: Admin | Stale, Since: "5.0.0",
				Tips: "nondeterministic_output", Summary: "Describes the replicas of a master.",
				Run: inCluster(cmdReplicas)},
			{Name: "replicate", Arity: 3, Args: "<node-id>", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Makes this node a replica of a master.", Run: inCluster(cmdReplicate)},
			{Name: "reset", Arity: -2, Args: "[HARD|SOFT]", Flags: Admin | Stale | NoScript, Since: "3.0.0",
				Summary: "Makes the node a lone one.", Run: inCluster(cmdClusterReset)},
			{Name: "saveconfig", Arity: 2, Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Writes the cluster's state to disk.", Run: inCluster(cmdSaveConfig)},
			{Name: "set-config-epoch", Arity: 3, Args: "<epoch>", Flags: flagsClusterAdmin, Since: "3.0.0",
				Summary: "Gives a fresh node its config epoch.", Run: inCluster(cmdSetConfigEpoch)},
			setSlotCommand,
			{Name: "shards", Arity: 2, Flags: flagsClusterRead, Since: "7.0.0", Tips: "nondeterministic_output",
				Summary: "Describes masters with their slots and replicas.", Run: inCluster(cmdShards)},
			{Name: "slaves", Arity: 3, Args: "<node-id>", Flags: Admin | Stale, Since: "3.0.0",
				Tips: "nondeterministic_output", Summary: "Old name of REPLICAS.", Run: inCluster(cmdReplicas)},
			slotStatsCommand,
			{Name: "slots", Arity: 2, Flags: flagsClusterRead, Since: "3.0.0", Tips: "nondeterministic_output",
				Summary: "Returns which node serves which slots.", Run: inCluster(cmdSlots)},
		}},
}

// inCluster refuses a command on a standalone node.
func inCluster(run func(*Call) error) func(*Call) error {
	return func(c *Call) error {
		if c.Node.Standalone() {
			return ErrNoCluster
		}
		return run(c)
	}
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
	name := "ERR Slot " + strconv.Itoa(int(slot))
	switch owned := c.m.Owner(slot) != nil; {
	case c.del && !owned && !c.vacated.Has(slot):
		return ReplyError(name + " is already unassigned")
	case !c.del && owned && !c.released.Has(slot):
		return ReplyError(name + " is already busy")
	case c.set.Has(slot):
		return ReplyError(name + " specified multiple times")
	}
	c.set.Add(slot)
	return nil
}

// slotList reads slot numbers.
func (c *Call) slotList(ch *slotChange) error {
	for i := 2; i < len(c.Args); i++ {
		slot, err := c.slotArg(i)
		if err != nil {
			return err
		}
		if err := ch.add(slot); err != nil {
			return err
		}
	}
	return nil
}

// slotRanges reads pairs of first and last slot.
func (c *Call) slotRanges(ch *slotChange) error {
	if len(c.Args)%2 != 0 {
		return ErrArity(c.Cmd)
	}
	for i := 2; i < len(c.Args); i += 2 {
		first, err := c.slotArg(i)
		if err != nil {
			return err
		}
		last, err := c.slotArg(i + 1)
		if err != nil {
			return err
		}
		if first > last {
			return ReplyError("ERR start slot number " + strconv.Itoa(int(first)) + " is greater than end slot number " +
				strconv.Itoa(int(last)))
		}
		for slot := int(first); slot <= int(last); slot++ {
			if err := ch.add(slots.Slot(slot)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Call) addSlots(read func(*slotChange) error) error {
	ch := slotChange{m: c.Node.Engine.Map(), released: c.Node.released.fresh(c.Node.Now())}
	if err := read(&ch); err != nil {
		return err
	}
	return c.change(func(ctx context.Context) error { return c.Node.claimSlots(ctx, ch.m, ch.set) })
}

// delSlots treats slots that another node gave up a moment ago as dropped already. That
// is no error: this node just heard of it before the command came.
func (c *Call) delSlots(read func(*slotChange) error) error {
	ch := slotChange{m: c.Node.Engine.Map(), del: true, vacated: c.Node.Cluster.Vacated()}
	if err := read(&ch); err != nil {
		return err
	}
	ch.removeVacated()
	return c.change(func(ctx context.Context) error {
		err := c.Node.Cluster.DelSlots(ctx, ch.set)
		if err != nil { // the news may have come meanwhile
			before := ch.set
			ch.m, ch.vacated = c.Node.Engine.Map(), c.Node.Cluster.Vacated()
			if ch.removeVacated(); ch.set != before {
				err = c.Node.Cluster.DelSlots(ctx, ch.set)
			}
		}
		if err == nil {
			c.Node.released.add(ch.set, c.Node.Now())
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

func cmdAddSlots(c *Call) error      { return c.addSlots(c.slotList) }
func cmdDelSlots(c *Call) error      { return c.delSlots(c.slotList) }
func cmdAddSlotsRange(c *Call) error { return c.addSlots(c.slotRanges) }
func cmdDelSlotsRange(c *Call) error { return c.delSlots(c.slotRanges) }

func cmdFlushSlots(c *Call) error {
	if c.Node.Store.Len() > 0 {
		return ReplyError("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")
	}
	return c.change(c.Node.Cluster.FlushSlots)
}

func cmdMeet(c *Call) error {
	if len(c.Args) > 5 {
		return ErrSubArity(c.Args)
	}
	port, err := c.Number(3)
	if err != nil {
		return ReplyError("ERR Invalid TCP base port specified: " + string(Clip(c.Args[3], 128)))
	}
	bus := port + 10000 // docs/spec.md §2.7
	if len(c.Args) == 5 {
		if bus, err = c.Number(4); err != nil {
			return ReplyError("ERR Invalid TCP bus port specified: " + string(Clip(c.Args[4], 128)))
		}
	}
	host := string(c.Args[2])
	if !slots.ValidHost(host) || port < 1 || port > 65535 || bus < 1 || bus > 65535 {
		return ReplyError("ERR Invalid node address specified: " + string(Clip(c.Args[2], 128)) + ":" +
			string(Clip(c.Args[3], 128)))
	}
	return c.change(func(ctx context.Context) error {
		return c.Node.Cluster.Meet(ctx, host, uint16(port), uint16(bus))
	})
}

// nodeArg reads the id of a node.
func (c *Call) nodeArg(i int) (slots.NodeID, error) {
	id, err := slots.ParseNodeID(string(c.Args[i]))
	if err != nil {
		return id, ReplyError("ERR Unknown node " + string(Clip(c.Args[i], 128)))
	}
	return id, nil
}

func cmdForget(c *Call) error {
	id, err := c.nodeArg(2)
	if err != nil {
		return err
	}
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.Forget(ctx, id) })
}

func cmdSetConfigEpoch(c *Call) error {
	epoch, err := c.Number(2)
	if err != nil {
		return err
	}
	if epoch < 0 {
		return ReplyError("ERR Invalid config epoch specified: " + string(c.Args[2]))
	}
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.SetConfigEpoch(ctx, uint64(epoch)) })
}

func cmdBumpEpoch(c *Call) error {
	epoch, bumped, err := c.Node.Cluster.BumpEpoch(c.Node.Life)
	if err != nil {
		return err
	}
	word := "STILL "
	if bumped {
		word = "BUMPED "
	}
	c.Out.Simple(word + strconv.FormatUint(epoch, 10))
	return nil
}

func cmdSaveConfig(c *Call) error { return c.change(c.Node.Cluster.SaveConfig) }

func cmdClusterReset(c *Call) error {
	hard := false
	switch {
	case len(c.Args) > 3:
		return ErrSubArity(c.Args)
	case len(c.Args) == 3 && c.Word(2, "HARD"):
		hard = true
	case len(c.Args) == 3 && !c.Word(2, "SOFT"):
		return ErrSyntax
	}
	if !c.Node.IsReplica() && c.Node.Store.Len() > 0 {
		return ReplyError("ERR CLUSTER RESET can't be called with master nodes containing keys")
	}
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.Reset(ctx, hard) })
}

func cmdKeySlot(c *Call) error {
	c.Out.Int(int64(slots.Of(c.Args[2])))
	return nil
}

func cmdCountKeysInSlot(c *Call) error {
	slot, err := c.Number(2)
	if err != nil {
		return err
	}
	if slot < 0 || slot >= slots.Count {
		return ReplyError("ERR Invalid slot")
	}
	c.Out.Int(int64(c.Node.Store.Count(slots.Slot(slot))))
	return nil
}

func cmdGetKeysInSlot(c *Call) error {
	slot, err := c.Number(2)
	if err != nil {
		return err
	}
	n, err := c.Number(3)
	if err != nil {
		return err
	}
	if slot < 0 || slot >= slots.Count || n < 0 {
		return ReplyError("ERR Invalid slot or number of keys")
	}
	keys, err := c.Node.Store.TryKeys(slots.Slot(slot), int(min(n, 1<<31)), c.Access.Done)
	if err != nil {
		return err
	}
	c.Out.Array(len(keys))
	for _, key := range keys {
		c.Out.Bulk(key)
	}
	return nil
}

func cmdCountFailureReports(c *Call) error {
	id, err := c.nodeArg(2)
	if err != nil {
		return err
	}
	n, known := c.Node.Cluster.FailureReports(id)
	if !known {
		return ReplyError("ERR Unknown node " + string(c.Args[2]))
	}
	c.Out.Int(int64(n))
	return nil
}

func cmdMyID(c *Call) error {
	c.Out.BulkString(c.Node.Engine.Map().Self().ID.String())
	return nil
}
