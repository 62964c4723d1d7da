package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// topTask is one run of top.
type topTask struct {
	*task
	interval time.Duration
	frames   int // 0: until it is ended
	sortBy   string
	slots    bool
}

const (
	topInterval  = time.Second
	leastTop     = 100 * time.Millisecond // more would be a load of its own
	busiestSlots = 10
)

func topVerb(t *task) *verb {
	top := &topTask{task: t, interval: topInterval}
	return &verb{
		name: "top", args: "HOST:PORT",
		summary: "Show what all nodes do, in a table that refreshes.",
		help: `A line for each node, the replicas (R) below their master (M): its health, slots, keys, commands per second,
memory, bytes per second in and out, connections, how far a replica lags behind (bytes; or how long it has been
without its master) and the time of its process in per cent of one processor. Wider terminals show more. A node that
does not answer within a second, or the interval, is "silent", and its figures are "-". Totals count keys once. What
is per second is since the table before; the first one has what servers tell of the last moment.

It asks by INFO and CLUSTER NODES, so it shows clusters of slotmesh, Redis and Valkey, and a server outside cluster
mode with its replicas. Ctrl-C ends it, or q and Enter. Where the output is no terminal the tables follow each other,
not cut to a width, unless COLUMNS is set; --json prints an object on each line. NO_COLOR=1 turns colors off.`,
		examples: []string{"slotmesh top 127.0.0.1:7001", "slotmesh top 127.0.0.1:7001 --once --sort ops",
			"slotmesh top 127.0.0.1:7001 --slots --interval 5s"},
		flags: top.flags,
		run:   t.run(top.run),
	}
}

func (t *topTask) flags(f *flag.FlagSet) {
	t.common(f)
	f.Func("interval", "`time` between two tables: 5, 5s or 500ms; 1s without it", func(text string) (err error) {
		t.interval, err = parseInterval(text)
		return err
	})
	f.IntVar(&t.frames, "n", 0, "`number` of tables after which it ends; without it, none")
	f.BoolFunc("once", "print one table and end, as -n 1", func(string) error {
		t.frames = 1
		return nil
	})
	f.StringVar(&t.sortBy, "sort", sortAddress, "`column` by which shards are ordered: "+strings.Join(sortNames(), ", "))
	f.BoolVar(&t.slots, "slots", false, "show the busiest slots, too, where servers have CLUSTER SLOT-STATS")
}

func parseInterval(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.ParseFloat(text, 64); notNumber == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err == nil && d < leastTop {
		return 0, usagef("the least is %v", leastTop)
	}
	return d, err
}

func (t *topTask) run(ctx context.Context, args []string) error {
	addr, rest, err := address(args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return usagef("%q is one argument too many", rest[0])
	case t.frames < 0:
		return usagef("-n is %d", t.frames)
	case !slices.Contains(sortNames(), t.sortBy):
		return usagef("--sort %q is none of %s", t.sortBy, strings.Join(sortNames(), ", "))
	}
	cfg := admin.MonitorConfig{Timeout: max(t.interval, topInterval)}
	if t.slots {
		cfg.BusiestSlots = busiestSlots
	}
	screen := newScreen(t.out.stdout, t.json)
	defer screen.close()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	if in, ok := t.in.(*os.File); ok && screen.terminal && isTerminal(in) {
		go quitOn(in, quit)
	}
	err = t.show(ctx, t.client.Monitor(addr, cfg), screen)
	if ctx.Err() != nil && t.frames == 0 {
		return nil // that is how it ends
	}
	return err
}

// quitOn calls quit when a line of in begins with q.
func quitOn(in io.Reader, quit func()) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "q") {
			quit()
			return
		}
	}
}

// show prints one table after the other.
func (t *topTask) show(ctx context.Context, monitor *admin.Monitor, screen *screen) error {
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	resized := make(chan os.Signal, 1)
	defer notifyResize(resized)()
	for shown := 0; ; {
		sample, err := monitor.Sample(ctx)
		if err != nil {
			return err
		}
		if err := t.draw(screen, sample); err != nil {
			return err
		}
		if shown++; shown == t.frames {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-tick.C:
				waiting = false
			case <-resized:
				if err := t.draw(screen, sample); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (t *topTask) draw(screen *screen, sample *admin.Sample) error {
	if t.json {
		return json.NewEncoder(t.out.stdout).Encode(sample)
	}
	width, height := screen.size()
	f := frame{sample: sample, sortBy: t.sortBy, width: width, height: height, colors: screen.colors, slots: t.slots}
	return screen.draw(f.lines())
}
