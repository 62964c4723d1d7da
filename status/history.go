package status

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
)

const (
	maxHistory = 512       // events
	historyAge = time.Hour // beyond which they are dropped
)

// history keeps what has happened lately.
type history struct {
	run string // tells the ids of this history from those of an earlier one

	mu    sync.Mutex // guards what follows
	list  []past
	next  int // the number of the next event
	grown chan struct{}
	ended bool
	jobs  jobStates
}

// past is an event that has happened.
type past struct {
	number int
	Time   time.Time `json:"time"`
	Name   string    `json:"name"`
	Text   string    `json:"text"`
}

func newHistory() *history {
	return &history{run: rand.Text()[:8], grown: make(chan struct{}), jobs: make(jobStates)}
}

// collect adds events until there are no more.
func (h *history) collect(events iter.Seq[slotmesh.Event]) {
	for e := range events {
		if text, ok := h.jobs.textOf(e); ok {
			h.add(past{Time: time.Now().UTC(), Name: e.EventName(), Text: text})
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.wakeLocked()
}

func (h *history) add(p past) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.number = h.next
	h.next++
	h.list = append(h.list, p)
	h.dropOldLocked(p.Time)
	h.wakeLocked()
}

func (h *history) dropOldLocked(now time.Time) {
	drop := max(0, len(h.list)-maxHistory)
	for drop < len(h.list) && now.Sub(h.list[drop].Time) > historyAge {
		drop++
	}
	if drop > 0 {
		h.list = append(h.list[:0], h.list[drop:]...)
		clear(h.list[len(h.list):cap(h.list)])
	}
}

func (h *history) wakeLocked() {
	close(h.grown)
	h.grown = make(chan struct{})
}

// since returns the events from number on, and a channel that is closed when there are
// more; it is nil if none will come.
func (h *history) since(number int) (list []past, next int, grown <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropOldLocked(time.Now())
	for _, p := range h.list {
		if p.number >= number {
			list = append(list, p)
		}
	}
	if !h.ended {
		grown = h.grown
	}
	return list, h.next, grown
}

func (h *history) id(p *past) string { return h.run + "-" + strconv.Itoa(p.number) }

// after returns the number behind the event with an id, 0 if it is of no event of this
// history.
func (h *history) after(id string) int {
	run, number, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	if err != nil || run != h.run || n < 0 {
		return 0
	}
	return n + 1
}

// follow hands the events behind the one with an id to send, and calls idle whenever there
// was none for a while. It returns when ctx ends, an error comes or the history ends.
func (h *history) follow(ctx context.Context, id string, send func(id, name string, data []byte) error,
	idle func() error, pause time.Duration) {
	number := h.after(id)
	timer := time.NewTicker(pause)
	defer timer.Stop()
	for {
		list, next, grown := h.since(number)
		number = next
		for i := range list {
			data, err := json.Marshal(&list[i])
			if err != nil || send(h.id(&list[i]), list[i].Name, data) != nil {
				return
			}
		}
		if grown == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-grown:
		case <-timer.C:
			if idle() != nil {
				return
			}
		}
	}
}
