package main

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

var errNotWell = errors.New("the cluster has problems, see above")

func checkVerb(t *task) *verb {
	return &verb{
		name: "check", args: "HOST:PORT",
		summary: "Look for everything that is not as it should be.",
		help: "All nodes are asked, also for what they believe of each other. The exit code is 1 if there are errors; " +
			"warnings\n" +
			"alone leave it 0. fix repairs most of what is found.",
		examples: []string{
			"slotmesh check 127.0.0.1:7001",
			"slotmesh check 127.0.0.1:7001 --json",
			"slotmesh check 127.0.0.1:7001 --tls --cacert ca.crt --cert me.crt --key me.key",
		},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.Bool("cluster-search-multiple-owners", true, "slots with several owners are always looked for; known for "+
				"the sake of scripts")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			v, _, err := t.view(ctx, args, 0)
			if err != nil {
				return err
			}
			return t.report(ctx, v)
		}),
	}
}

// listed is a node in the JSON of check.
type listed struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Role    string `json:"role"`
	Master  string `json:"master,omitempty"`
	Slots   string `json:"slots,omitempty"`
	Epoch   uint64 `json:"epoch"`
	Alive   bool   `json:"alive"`
}

func list(v *admin.View) (nodes []listed) {
	for _, n := range v.Nodes {
		l := listed{ID: n.ID.String(), Address: n.Address, Role: "master", Slots: n.Slots().String(), Epoch: n.Epoch,
			Alive: n.Alive()}
		if !n.IsMaster() {
			l.Role, l.Master = "replica", n.Master.String()
		}
		nodes = append(nodes, l)
	}
	return nodes
}

// report prints the summary and what check finds but for problems of some kinds; an error
// if that is bad.
func (t *task) report(ctx context.Context, v *admin.View, but ...admin.Problem) error {
	d, err := t.client.Examine(ctx, v)
	if err != nil {
		return err
	}
	r := slices.DeleteFunc(d.Report, func(f admin.Finding) bool { return slices.Contains(but, f.Problem) })
	t.say("%s>>> Performing Cluster Check (using node %s)\n%s", admin.Summarize(v), v.Nodes[0].Address,
		strings.TrimSuffix(v.String(), "\n"))
	if err := t.result(struct {
		OK       bool         `json:"ok"`
		Nodes    []listed     `json:"nodes"`
		Findings admin.Report `json:"findings"`
	}{r.OK(), list(v), r}, r); err != nil {
		return err
	}
	if !r.OK() {
		return errNotWell
	}
	return nil
}
