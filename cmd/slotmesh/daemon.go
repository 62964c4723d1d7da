package main

import (
	"context"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
)

// ends returns the signals that end the command in an orderly way. A closed terminal
// (SIGHUP) is one, unless nohup says otherwise; serve goes on, as redis-server does: see
// outlive.
func ends(args []string) []os.Signal {
	list := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if (len(args) == 0 || args[0] != "serve") && !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// outlive keeps the process from ending with its terminal: SIGHUP goes to hangups from
// now on.
func outlive() (hangups <-chan os.Signal) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// outliveReader keeps the process from ending when nobody reads any more what it writes,
// such as its log: a write then fails, and no SIGPIPE comes.
func outliveReader() { signal.Ignore(syscall.SIGPIPE) }

// stay returns when ctx ends or the node was shut down by a client.
func stay(ctx context.Context, node *slotmesh.Node, log hclog.Logger, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			log.Info("asked to end by a signal")
			return
		case <-node.Done():
			if node.Err() == nil {
				log.Info("shut down by a client")
			}
			return
		case <-hangups:
			// The log file is opened anew by each line that finds it renamed; this is one.
			log.Info("SIGHUP: the log file is opened anew if it was renamed; the node goes on")
		}
	}
}

// tellSystemd sends a state, such as READY=1, to the service manager that started the
// process, if one did and asks for it: see sd_notify(3).
func tellSystemd(state string, log hclog.Logger) {
	path := os.Getenv("NOTIFY_SOCKET") // "@" stands for the abstract namespace, in package net as well
	if path == "" {
		return
	}
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = conn.Write([]byte(state))
		conn.Close()
	}
	if err != nil {
		log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}
