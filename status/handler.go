package status

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/health"
	"github.com/slotmesh/slotmesh/slots"
)

//go:embed page
var files embed.FS

var pageTemplate = template.Must(template.ParseFS(files, "page/index.html"))

// policy lets the page use its own script, style and data, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// rights are the commands that show in the Redis protocol what the page shows.
var rights = []string{"INFO", "CLUSTER SHARDS"}

// Handler serves the page of a node, and what belongs to it: see the package's description.
// It may be made before the node is started. From its making on, one goroutine of the node
// collects events; it ends when the node is closed, as open streams of events do.
func Handler(node *slotmesh.Node) http.Handler {
	h := &handler{node: node, history: newHistory(), sampler: newSampler(node)}
	node.Go(func(ctx context.Context) { h.history.collect(node.Events(ctx)) })
	probes, mux := health.Handler(node), http.NewServeMux()
	mux.Handle("GET /livez", probes)
	mux.Handle("GET /readyz", probes)
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /{$}":         h.page,
		"GET /style.css":   h.file("page/style.css", "text/css; charset=utf-8"),
		"GET /script.js":   h.file("page/script.js", "text/javascript; charset=utf-8"),
		"GET /status.json": h.report,
		"GET /events":      h.events,
		"GET /explain":     h.explain,
	} {
		mux.HandleFunc(pattern, Guard(node, serve))
	}
	return mux
}

type handler struct {
	node    *slotmesh.Node
	history *history
	sampler *sampler
	streams atomic.Int32 // of events that are open
}

// Guard answers with serve what somebody asks who may see how the node is, as Handler does: a
// user of the node with the right to run INFO and CLUSTER SHARDS, by HTTP Basic
// authentication, or anybody if the node asks its clients for no password. It is for what a
// host serves beside the page, such as metrics.
func Guard(node *slotmesh.Node, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		user, password, _ := r.BasicAuth()
		err := node.Authorize(user, password, rights...)
		var refused client.ReplyError
		switch {
		case err == nil:
			serve(w, r)
		case !errors.As(err, &refused):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case refused.Code() == "NOPERM":
			http.Error(w, err.Error(), http.StatusForbidden)
		default:
			h.Set("WWW-Authenticate", `Basic realm="slotmesh", charset="UTF-8"`)
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	}
}

func (h *handler) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	shown := struct{ Addr, Names string }{h.node.Addr().Client(), strings.Join(eventNames(), " ")}
	if err := pageTemplate.Execute(&b, shown); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

func (h *handler) file(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := files.ReadFile(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Write(b)
	}
}

func (h *handler) report(w http.ResponseWriter, r *http.Request) {
	report, err := h.sampler.sample(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, report)
}

func (h *handler) explain(w http.ResponseWriter, r *http.Request) {
	slot, err := slots.Parse(r.URL.Query().Get("slot"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, struct {
		Slot slots.Slot `json:"slot"`
		Text string     `json:"text"`
	}{slot, h.node.Explain(slot)})
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(b, '\n'))
}
