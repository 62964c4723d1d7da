package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// MoveOptions say how keys travel where SETSLOT and MIGRATE move them; nodes that
// move slots by themselves need none.
type MoveOptions struct {
	// Pipeline is how many keys one MIGRATE takes. Default: as many as keep the source busy
	// for no longer than about 50 ms.
	Pipeline int
	// Timeout of a MIGRATE. Default 60 s, as in redis-cli.
	Timeout time.Duration
	// Replace overwrites keys that the target holds already though it does not own their
	// slot. Without it that is done only if they are the same, or left by an interrupted move.
	Replace bool
}

const defaultMoveTimeout = time.Minute

func (o MoveOptions) withDefaults() MoveOptions {
	if o.Timeout <= 0 {
		o.Timeout = defaultMoveTimeout
	}
	return o
}

// MovePlan is what Reshard, Rebalance and Drain do: which slots go from where to where.
type MovePlan struct {
	Verb string
	// Finish is what an interrupted move left open; it is finished first.
	Finish migrate.Plan
	// Moves is what is done then.
	Moves migrate.Plan
	// Resumed says that Moves is what an interrupted run of the same command had still to do.
	Resumed bool

	names   map[slots.NodeID]string
	drained slots.NodeID // what the plan empties, zero for other plans
	journal string       // the entry to keep until the plan is done, if any
}

// Empty reports whether there is nothing to do.
func (p *MovePlan) Empty() bool { return p.Finish.Empty() && p.Moves.Empty() }

// String prints a table with a line per move.
func (p *MovePlan) String() string {
	var b strings.Builder
	if !p.Finish.Empty() {
		fmt.Fprintf(&b, "First %s that an interrupted move left open:\n", plural(p.Finish.Len(), "slot"))
		p.table(&b, p.Finish)
	}
	if p.Resumed {
		b.WriteString("What an interrupted run of this command had still to do:\n")
	}
	if p.Moves.Empty() {
		b.WriteString("Nothing to move.\n")
		return b.String()
	}
	p.table(&b, p.Moves)
	fmt.Fprintf(&b, "%s in %s.\n", plural(p.Moves.Len(), "slot"), plural(len(p.Moves.Moves), "move"))
	return b.String()
}

// MarshalJSON writes moves with ids and slots as text.
func (p *MovePlan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Verb    string        `json:"verb"`
		Resumed bool          `json:"resumed"`
		Finish  []journalMove `json:"finish,omitempty"`
		Moves   []journalMove `json:"moves"`
	}{p.Verb, p.Resumed, journalMoves(p.Finish), journalMoves(p.Moves)})
}

func (p *MovePlan) table(b *strings.Builder, plan migrate.Plan) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tTO\tCOUNT\tSLOTS")
	for i := range plan.Moves {
		m := &plan.Moves[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", p.names[m.From], p.names[m.To], m.Slots.Len(), slotList(m.Slots))
	}
	w.Flush()
}

// newMovePlan starts a plan with what has to be finished first. The error matches
// ErrBroken.
func newMovePlan(v *View, verb string) (*MovePlan, error) {
	p := &MovePlan{Verb: verb, names: make(map[slots.NodeID]string)}
	for _, n := range v.Nodes {
		p.names[n.ID] = n.Address
	}
	var err error
	p.Finish, err = unfinished(v)
	return p, err
}

// planned returns the masters as they will own slots once p.Finish is done.
func (p *MovePlan) planned(v *View) []migrate.Master {
	masters := v.plannable()
	for i := range p.Finish.Moves {
		m := &p.Finish.Moves[i]
		for j := range masters {
			switch masters[j].ID {
			case m.From:
				masters[j].Slots.Subtract(&m.Slots)
			case m.To:
				masters[j].Slots.Union(&m.Slots)
			}
		}
	}
	return masters
}

// Move carries out a plan: in turn for each source, side by side for different ones. An
// error is a *StepError.
func (c *Client) Move(ctx context.Context, v *View, p *MovePlan, o MoveOptions) error {
	o = o.withDefaults()
	if p.journal != "" {
		if err := c.remember(p.journal, p.entry()); err != nil {
			return fmt.Errorf("admin: nothing was changed: the journal cannot be written: %w", err)
		}
	}
	if !p.drained.IsZero() {
		if err := c.excludeFromBalance(ctx, v, p.drained); err != nil {
			return fmt.Errorf("admin: nothing was changed: the cluster, which balances by itself, was not told to leave "+
				"node %s without slots: %w", p.names[p.drained], err)
		}
	}
	if err := c.awaitJobs(ctx, v); err != nil {
		return p.stopped("waiting for moves that are under way", err)
	}
	t, err := c.track(ctx, v, p)
	if err != nil {
		return p.stopped("counting the keys to move", err)
	}
	for _, part := range []migrate.Plan{p.Finish, p.Moves} {
		if err := c.moveAll(ctx, v, part, o, t); err != nil {
			return p.stopped("moving slots", err)
		}
	}
	t.report(true)
	if !p.Empty() {
		if err := c.awaitAgreement(ctx, v); err != nil {
			return p.stopped("waiting until all nodes agree", err)
		}
	}
	if p.journal != "" {
		return c.cfg.Journal.Remove(p.journal)
	}
	return nil
}

func (p *MovePlan) stopped(step string, err error) error {
	return &StepError{Verb: p.Verb, Step: step, Err: err,
		Left: "slots in hand stay open and serve through ASK, no key is lost",
		Next: fmt.Sprintf("the same command continues; or \"slotmesh fix %s\" closes the open slots", p.anyNode())}
}

func (p *MovePlan) anyNode() string {
	for _, part := range []migrate.Plan{p.Finish, p.Moves} {
		for i := range part.Moves {
			return p.names[part.Moves[i].To]
		}
	}
	return "HOST:PORT"
}

// moveAll runs the moves of each source in order, sources side by side.
func (c *Client) moveAll(ctx context.Context, v *View, p migrate.Plan, o MoveOptions, t *tracker) error {
	bySource := make(map[slots.NodeID][]migrate.Move)
	var order []slots.NodeID
	for _, m := range p.Moves {
		if bySource[m.From] == nil {
			order = append(order, m.From)
		}
		bySource[m.From] = append(bySource[m.From], m)
	}
	// One failure stops the others at their next step.
	all, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := each(len(order), func(i int) error {
		for _, m := range bySource[order[i]] {
			if err := c.moveOne(all, v, m, o, t); err != nil {
				cancel(err)
				return err
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return err // what each of them leaves behind
	}
	return context.Cause(all)
}

func (c *Client) moveOne(ctx context.Context, v *View, m migrate.Move, o MoveOptions, t *tracker) error {
	from, to := v.Node(m.From), v.Node(m.To)
	if from == nil || to == nil {
		return fmt.Errorf("%w: %s or %s", ErrUnknownNode, m.From, m.To)
	}
	c.step("", "moving %s (%s) from %s to %s", plural(m.Slots.Len(), "slot"), slotList(m.Slots), from.Name(), to.Name())
	if from.Jobs && to.Jobs {
		return c.moveByJob(ctx, from, to, m.Slots, t)
	}
	h := &handMove{c: c, view: v, from: from, to: to, o: o, track: t, batch: o.Pipeline}
	return h.run(ctx, m.Slots)
}

// tracker counts what was moved and tells it, not too often.
type tracker struct {
	c     *Client
	begin time.Time

	mu   sync.Mutex // guards the rest
	p    Progress
	last time.Time
}

const progressEvery = 100 * time.Millisecond

// track begins to count; the totals are those of now.
func (c *Client) track(ctx context.Context, v *View, p *MovePlan) (*tracker, error) {
	t := &tracker{c: c, begin: time.Now()}
	sources := make(map[slots.NodeID]*slots.Set)
	for _, part := range []migrate.Plan{p.Finish, p.Moves} {
		t.p.TotalSlots += part.Len()
		for i := range part.Moves {
			m := &part.Moves[i]
			if sources[m.From] == nil {
				sources[m.From] = new(slots.Set)
			}
			sources[m.From].Union(&m.Slots)
		}
	}
	for id, set := range sources {
		n := v.Node(id)
		if n == nil {
			return nil, fmt.Errorf("%w: %s", ErrUnknownNode, id)
		}
		counts, err := c.countKeys(ctx, []*Node{n}, *set)
		if err != nil {
			return nil, err
		}
		for _, by := range counts {
			t.p.TotalKeys += int64(by[id])
		}
	}
	return t, nil
}

func (t *tracker) add(slots int, keys int64) {
	t.mu.Lock()
	t.p.Slots += slots
	t.p.Keys += keys
	t.mu.Unlock()
	t.report(false)
}

func (t *tracker) addBytes(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p.Bytes += n
}

// setCommands sets how many commands are carried out so far.
func (t *tracker) setCommands(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p.Commands = n
}

// report tells the progress if the last time is long enough ago, or at the end.
func (t *tracker) report(end bool) {
	now := time.Now()
	t.mu.Lock()
	if !end && now.Sub(t.last) < progressEvery {
		t.mu.Unlock()
		return
	}
	t.last = now
	t.p.Elapsed = now.Sub(t.begin)
	p := t.p
	t.mu.Unlock()
	t.c.emit(p)
}
