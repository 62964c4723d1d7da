package status

import (
	"fmt"
	"net/http"
	"time"
)

const (
	maxStreams  = 64               // of events at a time
	keepAlive   = 15 * time.Second // between comments
	retryMillis = 2000             // after which a browser connects again
	sendTimeout = 10 * time.Second // a client that takes nothing for so long is cut off
)

// events answers /events.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	if h.streams.Add(1) > maxStreams {
		h.streams.Add(-1)
		http.Error(w, fmt.Sprintf("%d streams of events are open: try again later", maxStreams),
			http.StatusServiceUnavailable)
		return
	}
	defer h.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	// The server's bound for reading a request would end the stream. Where there is no
	// connection, as in tests, there is no deadline either.
	control.SetReadDeadline(time.Time{})
	write := func(format string, args ...any) error {
		control.SetWriteDeadline(time.Now().Add(sendTimeout))
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return control.Flush()
	}
	if write("retry: %d\n\n", retryMillis) != nil {
		return
	}
	h.history.follow(r.Context(), r.Header.Get("Last-Event-ID"), func(id, name string, data []byte) error {
		return write("id: %s\nevent: %s\ndata: %s\n\n", id, name, data)
	}, func() error { return write(": here\n\n") }, keepAlive)
}
