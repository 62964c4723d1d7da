package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/script"
)

func serveVerb() *verb {
	return &verb{
		name:    "serve",
		args:    "[FILE] [--leave-on-term] [--directive value ...]",
		summary: "Run one node in the foreground until SIGTERM, Ctrl-C or a client's SHUTDOWN.",
		help: "FILE has the form of redis.conf; \"-\" reads the standard input. Directives on the command line " +
			"override it. A bad value\n" +
			"and a directive that does not exist end the start with exit code 1, the file, the line and what is accepted. " +
			"Those of\n" +
			"Redis and Valkey that only tune what is not there are told in one line of the log. One whose being ignored " +
			"would leave\n" +
			"the node less protected than the file says (loadmodule …)\n" +
			"ends the start too; --allow-unprotected starts all the same.\n" +
			"\n" +
			"The keys are in snapshots in the folder (save, dbfilename) and, with appendonly yes, every write is in a log " +
			"beside them.\n" +
			"appendfsync says what a crash takes: always nothing that was answered, everysec (the default) the last second.\n" +
			"\n" +
			"Without requirepass clients of other machines are turned away, unless protected-mode is no. The bus, on " +
			"which nodes\n" +
			"talk, listens on 127.0.0.1 unless all nodes have one secret (--secret, cluster-secret, cluster-secret-file " +
			"or the\n" +
			"environment variable " + secretVar + "; \"slotmesh secret\" makes one), or tls-cluster is yes, or " +
			"protected-mode is no.\n" +
			"port 0 leaves out the TCP port: clients use unixsocket.\n" +
			"With tls-port, tls-cert-file, tls-key-file and tls-ca-cert-file, clients speak TLS at that port, beside port or " +
			"with port 0\n" +
			"instead of it; tls-cluster makes nodes do so among themselves.\n\n" +
			"With --leave-on-term, SIGTERM and Ctrl-C make a node of a cluster leave it first: its role or its slots go to " +
			"other nodes,\n" +
			"then all forget it. It does not wait for that longer than --leave-timeout (1m); a second signal ends it at " +
			"once.\n\n" +
			"With --join (slotmesh-join), addresses of nodes with commas between them, or dns:name:port for all addresses of " +
			"a name,\n" +
			"the node joins the cluster that it finds there, or founds one when --expect nodes are there that were given the\n" +
			"same, with --replicas replicas for each master. Its own address may be in the list. Nodes with another\n" +
			"--cluster-name are refused.\n\n" +
			"With --health HOST:PORT (slotmesh-health) it answers the probes of an orchestrator there over HTTP: /livez, and " +
			"/readyz\n" +
			"once the cluster serves and a replica has its master's data. They ask for no password, and show no keys.\n" +
			"With --http HOST:PORT (slotmesh-http) it serves a page there that shows the cluster, beside the same probes; it " +
			"asks for\n" +
			"a user of the node who may run INFO and CLUSTER SHARDS if clients need a password.\n\n" +
			"It outlives its terminal and the reader of its log (SIGHUP, SIGPIPE), goes on in a new log file when the old " +
			"one\n" +
			"is renamed, and tells the service manager of NOTIFY_SOCKET (systemd's Type=notify) when it is ready and when " +
			"it stops.",
		examples: []string{
			"slotmesh serve --port 7001 --cluster-enabled yes --dir /var/lib/slotmesh",
			"slotmesh serve --port 7001 --dir n1 --join 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003 --expect 6 --replicas 1",
			"slotmesh serve --port 7001 --dir n1 --appendonly yes --appendfsync always",
			"slotmesh serve /etc/slotmesh.conf --loglevel verbose",
			"slotmesh serve --port 0 --tls-port 7001 --tls-cert-file node.crt --tls-key-file node.key --tls-ca-cert-file ca.crt",
			"slotmesh serve /etc/slotmesh.conf --include /etc/slotmesh.d/node1.conf",
		},
		run: serve,
	}
}

func serve(ctx context.Context, out output, args []string) error {
	if len(args) == 1 && isVersion(args[0]) {
		printVersion(out)
		return nil
	}
	leaving, args, err := readLeaveOptions(args)
	if err != nil {
		return err
	}
	hangups := outlive()
	outliveReader()
	file := ""
	if len(args) > 0 && (args[0] == "-" || !strings.HasPrefix(args[0], "-")) {
		file, args = args[0], args[1:]
	}
	cfg, warnings, err := slotmesh.LoadConfig(file, longNames(args)...)
	if err != nil {
		for _, w := range warnings {
			fmt.Fprintln(out.stderr, "warning:", w)
		}
		return err
	}
	cfg.Secret = environmentSecret(cfg.Secret)
	log := cfg.Logger
	for _, w := range warnings {
		log.Warn(w)
	}
	cfg.Scripts = script.New(script.Config{})
	node, err := slotmesh.New(cfg)
	if err != nil {
		return err
	}
	endProbes, err := serveHealth(cfg.HealthAddr(), node, log)
	if err != nil {
		log.Error("cannot answer probes", "error", err)
		return err
	}
	defer endProbes()
	_, endHTTP, err := serveHTTP(cfg.HTTPAddr(), node, log)
	if err != nil {
		log.Error("cannot serve the status page", "error", err)
		return err
	}
	defer endHTTP()
	if err := node.Start(ctx); err != nil {
		err = explainStart(err)
		log.Error("cannot start", "error", err)
		return err
	}
	ready := []any{"addr", node.Addr().Client(), "cluster", !cfg.Standalone}
	if a := node.Addr(); a.TLSPort != 0 {
		ready = append(ready, "tls", a.ClientTLS())
	}
	log.Info("ready to accept connections", ready...)
	tellSystemd("READY=1", log)
	stay(ctx, node, log, hangups)
	tellSystemd("STOPPING=1", log)
	if ctx.Err() != nil {
		leaving.leave(node, log)
	}
	if err := node.Err(); err != nil {
		log.Error("ended", "error", err)
		return err
	}
	if err := closeAll([]*slotmesh.Node{node}); err != nil {
		log.Error("ended", "error", err)
		return err
	}
	log.Info("ended")
	return nil
}
