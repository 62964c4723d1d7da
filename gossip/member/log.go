package member

import (
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// logEvent is the log's view of what happens, but for slots: see slotLog.
func logEvent(log logger, e gossip.Event) {
	switch e := e.(type) {
	case gossip.NodeAdded:
		log.Info("node joined", "node", e.Node)
	case gossip.NodeRemoved:
		log.Info("node forgotten", "node", e.Node)
	case gossip.HealthChanged:
		if e.Now == slots.Failed {
			log.Warn("node failed: a majority of the masters agreed", "node", e.Node)
		} else {
			log.Info("node health changed", "node", e.Node, "was", e.Was, "now", e.Now)
		}
	case gossip.AddrChanged:
		log.Info("node is reached elsewhere", "node", e.Node, "was", e.Was, "now", e.Now, "tls_port", e.Now.TLSPort)
	case gossip.StateChanged:
		log.Info("cluster state changed", "state", e.Now, "reason", e.Reason)
	case gossip.RoleChanged:
		log.Info("role changed", "node", e.Node, "master", e.Master)
	case gossip.ElectionStarted:
		log.Info("asking for votes", "master", e.Master, "epoch", e.Epoch, "manual", e.Manual)
	case gossip.ElectionLost:
		log.Warn("election lost", "epoch", e.Epoch, "reason", e.Reason)
	case gossip.HandOverAsked:
		log.Info("the master ends, taking over", "master", e.By)
	case gossip.WritesPaused:
		log.Info("writes paused for a failover", "to", e.For, "until", e.Until)
	case gossip.WritesResumed:
		log.Info("writes resumed")
	case gossip.FailoverAborted:
		log.Warn("failover called off", "reason", e.Reason)
	case gossip.EpochChanged:
		log.Info("config epoch changed", "epoch", e.ConfigEpoch, "reason", e.Reason)
	case gossip.Fenced:
		logFence(log, e)
	case gossip.MeetFailed:
		log.Error("meeting a node failed", "addr", e.Addr, "error", e.Err)
	case gossip.Expelled:
		log.Error("the cluster forgot this node; MEET it again to let it in", "by", e.By)
	case gossip.Warning:
		log.Warn(e.Text, "node", e.Node)
	}
}

// logFence is the log's view of a fence.
func logFence(log logger, e gossip.Fenced) {
	switch {
	case e.On:
		log.Info("fenced after a restart with slots: serving once no replica is found to hold more")
	case e.Epoch == 0:
		log.Info("the fence has ended")
	}
	for _, s := range e.Lacks {
		if s.Told {
			log.Warn("going on with less data than a failed replica holds", "replica", s.Replica, "term", s.Data.Term,
				"offset", s.Data.Offset)
		} else {
			log.Warn("going on without having heard what a failed replica holds", "replica", s.Replica)
		}
	}
}

// logger is the part of hclog.Logger that events use.
type logger interface {
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}
