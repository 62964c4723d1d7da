package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/health"
)

// probeTimeout bounds what one client of the probes may take.
const probeTimeout = 5 * time.Second

// serveHealth answers the probes /livez and /readyz at addr, "" for nowhere, until close is
// called.
func serveHealth(addr string, node *slotmesh.Node, log hclog.Logger) (close func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--health %s: %w", addr, err)
	}
	server := &http.Server{Handler: health.Handler(node), ReadTimeout: probeTimeout, WriteTimeout: probeTimeout,
		ErrorLog: log.Named("health").StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug})}
	go server.Serve(ln)
	log.Info("answering probes", "livez", "http://"+ln.Addr().String()+"/livez",
		"readyz", "http://"+ln.Addr().String()+"/readyz")
	return func() { server.Close() }, nil
}
