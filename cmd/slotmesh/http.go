package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/status"
)

// Bounds of the connections of browsers and scrapers. There is none for a whole reply: the
// stream of events lasts.
const (
	httpHeaderTimeout = 5 * time.Second
	httpReadTimeout   = 10 * time.Second
	httpIdleTimeout   = time.Minute
	httpMaxHeader     = 16 << 10
)

// httpHandler is what --http serves.
func httpHandler(node *slotmesh.Node) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", status.Handler(node))
	return mux
}

// serveHTTP serves httpHandler at addr, "" for nowhere, until close is called. It returns
// where.
func serveHTTP(addr string, node *slotmesh.Node, log hclog.Logger) (url string, close func(), err error) {
	if addr == "" {
		return "", func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("--http %s: %w", addr, err)
	}
	server := &http.Server{
		Handler:           httpHandler(node),
		ReadHeaderTimeout: httpHeaderTimeout,
		ReadTimeout:       httpReadTimeout,
		IdleTimeout:       httpIdleTimeout,
		MaxHeaderBytes:    httpMaxHeader,
		ErrorLog:          log.Named("http").StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	go server.Serve(ln)
	url = "http://" + ln.Addr().String() + "/"
	log.Info("serving the status page", "url", url)
	return url, func() { server.Close() }, nil
}
