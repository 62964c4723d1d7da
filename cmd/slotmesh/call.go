package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

func callVerb(t *task) *verb {
	var masters, replicas bool
	return &verb{
		name: "call", args: "HOST:PORT COMMAND [ARGUMENT …]",
		summary: "Send a command to all nodes.",
		help: "Flags stand before COMMAND. The exit code is 1 if a node answered with an error, or not at all.\n" +
			"A library of functions is loaded on all masters; replicas get it from them.",
		examples: []string{"slotmesh call 127.0.0.1:7001 config get maxmemory",
			"slotmesh call --cluster-only-masters 127.0.0.1:7001 dbsize",
			`slotmesh call --cluster-only-masters 127.0.0.1:7001 function load replace "$(cat mylib.lua)"`},
		verbatim: 2,
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.BoolVar(&masters, "cluster-only-masters", false, "to masters only")
			f.BoolVar(&replicas, "cluster-only-replicas", false, "to replicas only")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			addr, command, err := address(args)
			if err != nil {
				return err
			}
			if len(command) == 0 {
				return usagef("a command is missing")
			}
			which := admin.AllNodes
			switch {
			case masters && replicas:
				return usagef("--cluster-only-masters and --cluster-only-replicas exclude each other")
			case masters:
				which = admin.OnlyMasters
			case replicas:
				which = admin.OnlyReplicas
			}
			v, err := t.client.View(ctx, addr)
			if err != nil {
				return err
			}
			return t.answers(t.client.Call(ctx, v, which, command...))
		}),
	}
}

// answers prints what nodes said, "host:port: text".
func (t *task) answers(list []admin.Answer) error {
	type answer struct {
		Node  string `json:"node"`
		Reply string `json:"reply"`
		Error string `json:"error,omitempty"`
	}
	var values []answer
	var b strings.Builder
	failed := 0
	for _, a := range list {
		v := answer{Node: a.Node, Reply: a.Text}
		if a.Err != nil {
			failed++
			v.Error = a.Err.Error()
			err := a.Err
			if node := (*admin.NodeError)(nil); errors.As(err, &node) {
				err = node.Err // the line names the node already
			}
			fmt.Fprintf(&b, "%s: (error) %v\n", a.Node, err)
		} else {
			indent := strings.Repeat(" ", len(a.Node)+len(": "))
			fmt.Fprintf(&b, "%s: %s\n", a.Node, strings.ReplaceAll(a.Text, "\n", "\n"+indent))
		}
		values = append(values, v)
	}
	if err := t.result(values, line(strings.TrimSuffix(b.String(), "\n"))); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d nodes did not do it", failed, len(list))
	}
	return nil
}
