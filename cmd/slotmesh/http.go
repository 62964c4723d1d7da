package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/metrics"
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
	mux.HandleFunc("GET /metrics", status.Guard(node, metrics.Handler(node).ServeHTTP))
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
		Handler:           onlyLocalNames(ln.Addr(), node, httpHandler(node)),
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

// onlyLocalNames refuses requests to other names where nobody is asked for a password and a
// loopback address is listened on: a page of the web could have its own name resolve to
// that, and read in a browser of this machine what is there (DNS rebinding).
func onlyLocalNames(at net.Addr, node *slotmesh.Node, serve http.Handler) http.Handler {
	if tcp, ok := at.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return serve
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocalName(r.Host) && node.Authorize("", "") == nil {
			http.Error(w, "use localhost or an IP address for this page, or set a password (requirepass)",
				http.StatusForbidden)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// isLocalName reports whether the host of a request is an IP address or localhost.
func isLocalName(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || net.ParseIP(host) != nil
}
