package gossip

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// News travels in two ways. What a node brings in itself (its own record, a node it met,
// one it forgot) it tells all its links at once; a node that hears it first passes it on
// to two others with the next Tick, for those without a link to the source. Whatever
// still gets lost is found by digests: every heartbeat carries the XOR of the hashes of
// all records, and two nodes whose digests differ compare a summary. So an idle bus
// carries no gossip section at all.
const (
	passOn        = 2
	recordsAtOnce = 128 // in one message: below MaxMessage even with a bitmap each
	syncsPerTick  = 8
	probesPerTick = 2
	firstSyncWait = 200 * time.Millisecond
)

type newsItem struct {
	id   slots.NodeID
	all  bool         // tell all links, not only some
	from slots.NodeID // the node that told it
}

func (c *Core) tellAll(id slots.NodeID) { c.tell(newsItem{id: id, all: true}) }

func (c *Core) tell(item newsItem) {
	for i := range c.news {
		if c.news[i].id == item.id {
			c.news[i].all = c.news[i].all || item.all
			return
		}
	}
	if item.all || len(c.news) < maxNews {
		c.news = append(c.news, item)
	}
}

// tellOwners tells the records of the nodes that own slots which a record in the news
// gives up. They travel together: a node that heard only of the loss would take the slots
// for unowned, and the cluster for down.
func (c *Core) tellOwners(set *slots.Set, item newsItem) {
	for _, n := range c.list {
		if n.owned == nil {
			continue
		}
		both := *n.owned
		if both.Intersect(set); !both.Empty() {
			item.id = n.rec.ID
			c.tell(item)
		}
	}
}

// flushNews sends this node's own news at once, and passes on what others told after each
// Tick. A record that changes many times in between, such as that of the target of a
// move, is passed on once, as it is then: nearly all nodes have it from its source long
// before.
func (c *Core) flushNews() {
	passing := c.passing
	c.passing = false
	if len(c.news) == 0 {
		return
	}
	from := c.news[len(c.news)-1].from
	if !c.givenUp.Empty() {
		c.tellOwners(&c.givenUp, newsItem{from: from})
		c.givenUp = slots.Set{}
	}
	var all, some []Record
	later := c.news[:0]
	for _, item := range c.news {
		r, ok := c.recordOf(item.id)
		switch {
		case !ok:
		case item.all:
			all = append(all, r)
		case passing:
			some = append(some, r)
		default:
			later = append(later, item)
		}
	}
	c.news = later
	for _, m := range c.newsMessages(all) {
		c.sendTo(m, func(*node) bool { return true })
	}
	if len(some) == 0 {
		return
	}
	messages := c.newsMessages(some)
	for _, l := range c.pick(passOn, func(n *node) bool { return n.rec.ID != from }) {
		for _, m := range messages {
			c.send(l, m)
		}
	}
}

// recordOf returns the record of a member or of a forgotten node.
func (c *Core) recordOf(id slots.NodeID) (Record, bool) {
	if n := c.nodes[id]; n != nil {
		return n.rec, true
	}
	if g := c.gone.byID[id]; g != nil {
		return Record{ID: id, Gen: g.gen, Gone: true}, true
	}
	return Record{}, false
}

func (c *Core) newsMessages(records []Record) []*Message {
	var list []*Message
	for part := range slices.Chunk(records, recordsAtOnce) {
		m := c.message(TypeNews)
		m.Records = part
		list = append(list, m)
	}
	return list
}

// pick returns links to up to n random members that want returns true for.
func (c *Core) pick(n int, want func(*node) bool) []*link {
	var links []*link
	for _, o := range c.list {
		if o != c.self && len(o.links) > 0 && want(o) {
			links = append(links, o.link())
		}
	}
	n = min(n, len(links))
	for i := range n {
		j := i + c.cfg.Rand.IntN(len(links)-i)
		links[i], links[j] = links[j], links[i]
	}
	return links[:n]
}

// sendAll tells a new member everything.
func (c *Core) sendAll(l *link) {
	records := make([]Record, 0, len(c.list))
	for _, n := range c.list {
		records = append(records, n.rec)
	}
	for _, m := range c.newsMessages(records) {
		c.send(l, m)
	}
}

// probe asks a few peers whose digest differed for their present one, after a change
// here. Their Pongs tell whether there is anything to compare.
func (c *Core) probe() {
	if c.probes == 0 {
		return
	}
	want := func(n *node) bool { return n.digest != c.digest && !c.now.Before(n.nextSync) }
	for _, l := range c.pick(min(probesPerTick, c.probes), want) {
		c.probes--
		c.sendPing(l.node, l)
	}
}

// compareViews sends a summary to a peer whose Pong shows that its view differs.
func (c *Core) compareViews(n *node, l *link) {
	if n.digest == c.digest {
		n.syncWait = firstSyncWait
		return
	}
	if c.now.Before(n.nextSync) || c.syncs == 0 {
		return
	}
	c.syncs--
	n.nextSync = c.now.Add(n.syncWait)
	n.syncWait = min(2*n.syncWait, max(c.cfg.NodeTimeout/2, firstSyncWait))
	c.sendSummary(l)
}

func (c *Core) sendSummary(l *link) {
	m := c.message(TypeSummary)
	m.Summary = make([]Entry, 0, len(c.list))
	for _, o := range c.list {
		m.Summary = append(m.Summary, Entry{prefix(o.rec.ID), o.hash})
	}
	c.send(l, m)
}

// onSummary answers with the records that the peer lacks or has in another version, and
// asks for its version of those.
func (c *Core) onSummary(_ *node, l *link, m *Message) {
	theirs := make(map[uint64]uint64, len(m.Summary))
	for _, e := range m.Summary {
		theirs[e.Node] = e.Hash
	}
	var records []Record
	var want []uint64
	for _, n := range c.list {
		p := prefix(n.rec.ID)
		hash, ok := theirs[p]
		delete(theirs, p)
		if ok && hash == n.hash {
			continue
		}
		records = append(records, n.rec)
		if ok {
			want = append(want, p)
		}
	}
	for _, id := range c.gone.order {
		if p := prefix(id); theirs[p] != 0 {
			delete(theirs, p)
			r, _ := c.recordOf(id)
			records = append(records, r)
			want = append(want, p) // it may have been met again since
		}
	}
	for _, e := range m.Summary {
		if _, left := theirs[e.Node]; left {
			want = append(want, e.Node)
		}
	}
	c.reply(l, records, want)
	if e := c.election; e != nil {
		// The peer may be a voter that knew other voters, see onVoteRequest.
		if soon := e.sent.Add(hurry); soon.Before(e.askAgain) {
			e.askAgain = soon
		}
	}
}

// reply sends records, and asks for those of want.
func (c *Core) reply(l *link, records []Record, want []uint64) {
	messages := c.newsMessages(records)
	if len(messages) == 0 {
		if len(want) == 0 {
			return
		}
		messages = append(messages, c.message(TypeNews))
	}
	messages[len(messages)-1].Want = want
	for _, m := range messages {
		c.send(l, m)
	}
}

func (c *Core) onNews(n *node, l *link, m *Message) {
	doubt := false
	for i := range m.Records {
		r := &m.Records[i]
		if doubt && r.ID == n.rec.ID && c.leavesGap(n, r) {
			continue // until the next owners have spoken; it is found by comparing digests
		}
		doubt = !c.merge(r, n) || doubt
		if l.node == nil {
			return // one of the two nodes was forgotten
		}
	}
	if len(m.Want) == 0 {
		return
	}
	want := make(map[uint64]bool, len(m.Want))
	for _, p := range m.Want {
		want[p] = true
	}
	var records []Record
	for _, o := range c.list {
		if want[prefix(o.rec.ID)] {
			records = append(records, o.rec)
		}
	}
	c.reply(l, records, nil)
}
