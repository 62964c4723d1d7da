package slotmesh

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/follow/follower"
	"github.com/slotmesh/slotmesh/internal/follow/replica"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// newStandby makes what lets a standalone node follow a Redis.
func (n *Node) newStandby() *replica.Replica {
	return replica.New(n.life.ctx, replica.Config{
		Engine: n.engine,
		Store:  n.store,
		Do: func(args [][]byte) error {
			_, err := n.server.Do(&server.Call{Args: args, Follows: true, Context: n.life.ctx}, nil)
			return err
		},
		Renew: n.shard.Backlog.Renew,
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			var cfg *tls.Config
			if n.values().tls.replication {
				_, cfg = n.tlsConfigs()
			}
			return tlsdial.Dial(ctx, n.cfg.Network.Dial, addr, cfg)
		},
		Link: func() follow.Config {
			text, addr := n.settings.text, n.replicaAddr()
			return follow.Config{User: text.String("masteruser"), Password: text.String("masterauth"), Port: int(addr.Port)}
		},
		Timeout: n.cfg.Replication.Timeout,
		Spawn:   n.life.trySpawn,
		Logger:  n.log.Named("replication"),
	})
}

// standby is the Replica of a standalone node as commands use it: what it follows stands in
// the configuration, too.
type standby struct{ *Node }

func (s standby) ReplicaOf(host string, port int) (same bool) {
	text := ""
	if host == "" {
		s.following.Stop()
	} else {
		same = s.following.Follow(host, port)
		text = host + " " + strconv.Itoa(port)
	}
	s.settings.replicaOf(text)
	return same
}

// startStandby follows the server that the configuration names.
func (n *Node) startStandby() error {
	host, port, err := replicaOf(n.settings.text.String("replicaof"))
	switch {
	case err != nil || host == "":
		return err
	case !n.cfg.Standalone:
		return errors.New("slotmesh: replicaof directive not allowed in cluster mode: use CLUSTER REPLICATE")
	}
	n.following.Follow(host, port)
	return nil
}

// followedView completes what ROLE and INFO show while the node follows a Redis.
func (n *Node) followedView(v *server.Replication) {
	s, ok := n.following.Status()
	if !ok {
		return
	}
	v.Offset = s.Applied
	if s.Received.ID != "" {
		v.ID, v.PreviousID, v.PreviousLimit = s.Received.ID, "", 0
	}
	v.Master = &server.Master{Host: s.Host, Port: uint16(s.Port), State: s.State.String(), LastIO: -1,
		Syncing: s.State == follower.Sync || s.Loading}
	if v.Master.Syncing && s.State == follower.Connected {
		v.Master.State = follower.Sync.String()
	}
	if s.SyncSize > 0 {
		v.Master.Percent = 100 * float64(s.SyncRead) / float64(s.SyncSize)
	}
	if !s.LastIO.IsZero() {
		v.Master.LastIO = time.Since(s.LastIO)
	}
	if !s.DownSince.IsZero() {
		v.Master.DownFor = time.Since(s.DownSince)
	}
}

// checkReplicaOf checks which server a node follows: a host and a port, or none.
func checkReplicaOf(text string) error {
	if _, _, err := replicaOf(text); err != nil {
		return err
	}
	return nil
}

// replicaOf reads the directive replicaof; no host means nobody.
func replicaOf(text string) (host string, port int, err error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) == 2 && strings.EqualFold(words[0], "no") && strings.EqualFold(words[1], "one") {
		return "", 0, nil
	}
	if len(words) == 2 {
		if port, err = strconv.Atoi(words[1]); err == nil && port >= 0 && port <= 65535 {
			return words[0], port, nil
		}
	}
	return "", 0, errors.New("it must be a host and a port, such as 10.0.0.1 6379, or no one")
}
