package admin

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// poll asks the node and fills in its row.
func (m *Monitor) poll(ctx context.Context, n *monitored) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	info, err := m.ask(ctx, n)
	if err != nil {
		n.Err = m.silence(err)
	} else {
		n.read(info)
	}
	n.Health = cmp.Or(n.Health, healthOf(info, err))
}

// question is a command and what reads its answer; that reports false if the server does not
// know the command, and is to be asked in another way.
type question struct {
	command []string
	read    func(*resp.Reply) bool
}

// questions returns what a master is asked besides INFO.
func (m *Monitor) questions(n *monitored) (list []question) {
	if !m.last.cluster || n.Role == RoleReplica {
		return nil
	}
	if !n.noJobs {
		list = append(list, question{[]string{"CLUSTER", "GETSLOTMIGRATIONS"}, n.readJobs})
	}
	if n.asksOpen {
		list = append(list, question{[]string{"CLUSTER", "NODES"}, n.readOpen})
	}
	if m.cfg.BusiestSlots > 0 && n.use.order < len(slotOrders) {
		list = append(list, question{n.use.command(m.cfg.BusiestSlots), n.use.read})
	}
	return list
}

// ask sends everything at once, and once more if the server does not know a part of it; that
// is asked in another way from then on.
func (m *Monitor) ask(ctx context.Context, n *monitored) (Fields, error) {
	if !n.usable {
		return nil, &NodeError{Node: n.Address, Err: errors.New("its address is not known")}
	}
	for {
		commands, questions := [][]string{{"INFO"}}, m.questions(n)
		for _, q := range questions {
			commands = append(commands, q.command)
		}
		replies, err := m.client.pipe(ctx, n.Address, commands)
		if err != nil {
			return nil, err
		}
		n.counters.at = time.Now()
		if err := replies[0].Err(); err != nil {
			return nil, &NodeError{n.Address, "INFO", err}
		}
		understood := true
		for i, q := range questions {
			understood = q.read(&replies[i+1]) && understood
		}
		if understood {
			return ParseFields(replies[0].Text()), nil
		}
	}
}

func (n *monitored) readJobs(r *resp.Reply) bool {
	n.noJobs = unsupported(r.Err())
	n.jobs = parseJobs(*r)
	return !n.noJobs
}

// readOpen reads the slots that somebody moves by SETSLOT and MIGRATE. A node tells its own
// ones only.
func (n *monitored) readOpen(r *resp.Reply) bool {
	n.open = nil
	members, _ := ParseNodes(r.Text())
	for i := range members {
		n.open = append(n.open, members[i].Open...)
	}
	return true
}

// openEach is how many masters are asked for their open slots for one Sample: each answer has
// a line for each node.
const openEach = 32

// chooseOpen decides which masters are asked for their open slots: all in turn, and those that
// are new.
func (m *Monitor) chooseOpen(list []*monitored) {
	masters := 0
	for _, n := range list {
		if n.Role != RoleReplica {
			masters++
		}
	}
	turns := (masters + openEach - 1) / openEach
	at := 0
	for _, n := range list {
		if n.Role == RoleReplica {
			continue
		}
		if n.asksOpen = n.before == nil || at%turns == m.turn%turns; !n.asksOpen {
			n.open = n.before.open
		}
		at++
	}
	m.turn++
}

// healthOf says how the node does that answered with info or err.
func healthOf(info Fields, err error) Health {
	switch {
	case refused(err, "LOADING"), info.Int("loading") == 1 && info["async_loading"] != "1":
		return HealthLoading
	case isRefusal(err):
		return HealthDenied
	case err != nil:
		return HealthSilent
	case info["master_sync_in_progress"] == "1":
		return HealthSyncing
	case info["master_link_status"] == "down":
		return HealthNoLink
	}
	return HealthOK
}

// read fills in the figures.
func (n *monitored) read(info Fields) {
	n.Version = cmp.Or(info["slotmesh_version"], info["valkey_version"], info["redis_version"])
	n.Keys = 0
	for db, text := range info {
		if _, err := strconv.Atoi(strings.TrimPrefix(db, "db")); err == nil && strings.HasPrefix(text, "keys=") {
			text, _, _ = strings.Cut(text[len("keys="):], ",")
			keys, _ := strconv.ParseUint(text, 10, 63)
			n.Keys += Figure(keys)
		}
	}
	n.Memory, n.Uptime = info.figure("used_memory"), info.figure("uptime_in_seconds")
	n.Clients, n.Blocked = info.figure("connected_clients"), info.figure("blocked_clients")
	n.offset = info.figure("master_repl_offset")
	if info["role"] == "slave" {
		n.offset = info.figure("slave_repl_offset")
		n.LinkDown = info.figure("master_link_down_since_seconds")
	}
	n.readFollowers(info)
	n.readRates(info)
}

// readFollowers reads the addresses of the replicas of a server, "ip=…,port=…,…".
func (n *monitored) readFollowers(info Fields) {
	for i := range info.Int("connected_slaves") {
		fields := make(map[string]string)
		for part := range strings.SplitSeq(info["slave"+strconv.FormatInt(i, 10)], ",") {
			key, value, _ := strings.Cut(part, "=")
			fields[key] = value
		}
		if addr := net.JoinHostPort(fields["ip"], fields["port"]); fields["ip"] != "" && fields["port"] != "0" {
			n.followers = append(n.followers, addr)
		}
	}
}

// readRates compares the counters with those of the Sample before, if they are of the same
// run of the server.
func (n *monitored) readRates(info Fields) {
	c := &n.counters
	c.run = info["run_id"]
	c.commands, c.in, c.out = info.figure("total_commands_processed"), info.figure("total_net_input_bytes"),
		info.figure("total_net_output_bytes")
	c.hits, c.misses = info.figure("keyspace_hits"), info.figure("keyspace_misses")
	c.evicted, c.expired = info.figure("evicted_keys"), info.figure("expired_keys")
	if c.cpu = info.figure("used_cpu_user"); c.cpu.Known() {
		c.cpu += max(info.figure("used_cpu_sys"), 0)
	}
	var b *counters
	if n.before != nil && n.before.Err == nil && n.before.counters.run == c.run {
		b = &n.before.counters
	}
	if b == nil {
		const kilo = 1000
		n.Ops = info.figure("instantaneous_ops_per_sec")
		n.In, n.Out = info.figure("instantaneous_input_kbps"), info.figure("instantaneous_output_kbps")
		if n.In.Known() && n.Out.Known() {
			n.In, n.Out = n.In*kilo, n.Out*kilo
		}
		return
	}
	rate := func(now, before Figure) Figure {
		elapsed := Figure(c.at.Sub(b.at).Seconds())
		if !now.Known() || !before.Known() || now < before || elapsed <= 0 {
			return Unknown // CONFIG RESETSTAT begins them anew
		}
		return (now - before) / elapsed
	}
	n.Ops, n.In, n.Out = rate(c.commands, b.commands), rate(c.in, b.in), rate(c.out, b.out)
	n.Evicted, n.Expired = rate(c.evicted, b.evicted), rate(c.expired, b.expired)
	if n.CPU = rate(c.cpu, b.cpu); n.CPU.Known() {
		n.CPU *= 100
	}
	if hits, misses := c.hits-b.hits, c.misses-b.misses; hits >= 0 && misses >= 0 && hits+misses > 0 {
		n.Hits = 100 * hits / (hits + misses)
	}
}

// figure returns a field as a number, Unknown if it is none or below zero.
func (f Fields) figure(key string) Figure {
	v, err := strconv.ParseFloat(f[key], 64)
	if err != nil || !(v >= 0) {
		return Unknown
	}
	return Figure(v)
}

// measureLag compares a replica with its master. They were asked at nearly, not exactly the
// same moment, so a replica in step may seem to be behind by what was written meanwhile.
func (n *monitored) measureLag() {
	if n.Role == RoleReplica && n.master != nil && n.offset.Known() && n.master.offset.Known() {
		n.Lag = max(n.master.offset-n.offset, 0)
	}
}
