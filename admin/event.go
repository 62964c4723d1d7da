package admin

import (
	"fmt"
	"time"
)

// Event is something that a running operation tells: a [Step], a [Progress] or a
// [Notice].
type Event interface{ event() }

// Step is one thing that is about to be done.
type Step struct {
	Node string // "host:port", empty if it concerns the whole cluster
	Text string // "assigning slots 0-5460"
}

// Notice is something the operator should read although the operation goes on.
type Notice struct {
	Node string
	Text string
}

// Progress is how far a move, an import, a backup or a restore is.
type Progress struct {
	Slots, TotalSlots int   // handed over, and to hand over in all; 0 of 0 where slots are not what counts
	Keys, TotalKeys   int64 // done, and in all as far as it is known
	Bytes             int64 // of payload; 0 where the protocol does not tell
	// Commands of an append-only file that are carried out, and those in it.
	Commands, TotalCommands int64
	Elapsed                 time.Duration
}

func (Step) event()     {}
func (Notice) event()   {}
func (Progress) event() {}

// Rate returns the keys done per second.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Keys) / p.Elapsed.Seconds()
}

// ETA estimates the time to the end from the pace so far; 0 if nothing can be said yet.
func (p Progress) ETA() time.Duration {
	done, total := float64(p.Slots), float64(p.TotalSlots)
	if total == 0 {
		done, total = float64(p.Keys+p.Commands), float64(p.TotalKeys+p.TotalCommands)
	}
	if done == 0 || total <= done {
		return 0
	}
	return time.Duration(float64(p.Elapsed) * (total - done) / done)
}

// String prints the progress as one line.
func (p Progress) String() string {
	text := ""
	if p.TotalSlots > 0 {
		text = fmt.Sprintf("%d/%d slots, ", p.Slots, p.TotalSlots)
	}
	text += fmt.Sprintf("%d", p.Keys)
	if p.TotalKeys > 0 {
		text += fmt.Sprintf("/%d", p.TotalKeys)
	}
	text += " keys"
	if p.TotalCommands > 0 {
		text += fmt.Sprintf(", %d/%d commands", p.Commands, p.TotalCommands)
	}
	if p.Bytes > 0 {
		text += ", " + FormatBytes(p.Bytes)
	}
	if r := p.Rate(); r > 0 {
		text += fmt.Sprintf(", %.0f keys/s", r)
	}
	if eta := p.ETA(); eta > 0 {
		text += ", " + eta.Round(time.Second/10).String() + " left"
	}
	return text
}

// FormatBytes prints a number of bytes as "12.3 MB", in powers of 1,024.
func FormatBytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for f >= 1<<10 && unit < 4 {
		f /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %cB", f, " KMGT"[unit])
}

func (c *Client) step(node, format string, args ...any) {
	c.emit(Step{Node: node, Text: fmt.Sprintf(format, args...)})
}

func (c *Client) notice(node, format string, args ...any) {
	c.emit(Notice{Node: node, Text: fmt.Sprintf(format, args...)})
}

func (c *Client) emit(e Event) {
	c.events.Lock()
	defer c.events.Unlock()
	c.cfg.OnEvent(e)
}
