package slotmesh

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A configuration of the cluster that cannot work is refused, with the field and the remedy.
func TestClusterConfig(t *testing.T) {
	list := []string{"10.0.0.1:7001"}
	for want, cfg := range map[string]Config{
		"Config.Join: ":                {Join: []string{"10.0.0.1"}},
		"Config.Join and Config.":      {Join: list, Discover: func(context.Context) ([]string, error) { return nil, nil }},
		"Config.Standalone":            {Join: list, Standalone: true},
		"Expect is -1":                 {Join: list, Cluster: ClusterConfig{Expect: -1}},
		"set Config.Join":              {Cluster: ClusterConfig{Expect: 3}},
		"a node with Config.Witness":   {Join: list, Witness: true, Cluster: ClusterConfig{Expect: 3}},
		"use at least 3":               {Join: list, Cluster: ClusterConfig{Expect: 2, Replicas: 2}},
		"Config.Cluster.Replicas is -": {Join: list, Cluster: ClusterConfig{Replicas: -1}},
		"Balance.Mode is \"of":         {Cluster: ClusterConfig{Balance: BalanceConfig{Mode: "of"}}},
		"Balance.By is \"size\"":       {Cluster: ClusterConfig{Balance: BalanceConfig{By: "size"}}},
		"Balance.Jobs is -1":           {Cluster: ClusterConfig{Balance: BalanceConfig{Jobs: -1}}},
		"Balance.HoldOff is -1s":       {Cluster: ClusterConfig{Balance: BalanceConfig{HoldOff: -time.Second}}},
		"Config.Cluster.Name is":       {Join: list, Cluster: ClusterConfig{Name: "a\nb"}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	n, err := New(Config{Join: list, Cluster: ClusterConfig{Name: "my app", Expect: 6, Replicas: 1}})
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
}

// A list to join makes a node one of a cluster, unless the file says that it is none.
func TestJoinDirective(t *testing.T) {
	cfg, _, err := LoadConfig("", "--slotmesh-join", "10.0.0.1:7001, dns:nodes:7002", "--dir", t.TempDir())
	if err != nil || cfg.Standalone || len(cfg.Join) != 2 || cfg.Join[1] != "dns:nodes:7002" {
		t.Errorf("%v, standalone %t, %v", cfg.Join, cfg.Standalone, err)
	}
	cfg, _, err = LoadConfig("", "--slotmesh-join", "10.0.0.1:7001", "--cluster-enabled", "no")
	if err != nil || !cfg.Standalone {
		t.Errorf("cluster-enabled no: standalone %t, %v", cfg.Standalone, err)
	}
	if _, _, err := LoadConfig("", "--slotmesh-join", "10.0.0.1"); err == nil ||
		!strings.Contains(err.Error(), "host:port") {
		t.Errorf("half an address: %v", err)
	}
}
