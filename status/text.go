package status

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// told are the events that the history keeps: all but new maps, of which the other ones tell
// what is new, and progress.
var told = []slotmesh.Event{
	gossip.NodeAdded{}, gossip.NodeRemoved{}, gossip.HealthChanged{}, gossip.AddrChanged{}, gossip.Met{},
	gossip.MeetFailed{}, gossip.Expelled{}, gossip.StateChanged{}, gossip.SlotsChanged{}, gossip.RoleChanged{},
	gossip.EpochChanged{}, gossip.ElectionStarted{}, gossip.ElectionLost{}, gossip.HandOverAsked{},
	gossip.WritesPaused{}, gossip.WritesResumed{}, gossip.FailoverAborted{}, gossip.Fenced{},
	gossip.ElectorateChanged{}, gossip.Warning{},
	replication.SyncStarted{}, replication.Synced{}, replication.LinkLost{}, replication.ReplicaJoined{},
	replication.ReplicaLeft{}, replication.Saved{}, replication.LogRewritten{}, replication.LogFailed{},
	replication.LogRecovered{},
	migrate.Status{}, slotmesh.Leaving{}, slotmesh.Forming{}, slotmesh.Founded{}, slotmesh.BalancePlanned{},
	slotmesh.BalanceOrdered{}, slotmesh.BalancePauseChanged{}, slotmesh.EventsMissed{},
}

// eventNames are the names of what is told.
func eventNames() []string {
	names := make([]string, len(told))
	for i, e := range told {
		names[i] = e.EventName()
	}
	return names
}

// jobStates are the states of the jobs that have been told.
type jobStates map[migrate.JobID]migrate.State

// textOf says what an event means; ok is false for one that is not told.
func (j jobStates) textOf(e slotmesh.Event) (text string, ok bool) {
	switch e := e.(type) {
	case slotmesh.MapChanged, replication.SyncProgress:
		return "", false
	case migrate.Status:
		return j.textOfJob(&e)
	case gossip.Warning:
		return nodePrefix(e.Node) + e.Text, true
	case slotmesh.EventsMissed:
		return fmt.Sprintf("%d events were left out", e.Count), true
	case gossip.SlotsChanged: // a move tells of its slots itself, not in many steps
		if len(j) > 0 && (e.Planned || e.Lost == nil || e.Lost.Empty()) {
			return "", false
		}
	}
	for _, describe := range []func(slotmesh.Event) string{textOfMember, textOfFailover, textOfCopies, textOfPlan} {
		if text := describe(e); text != "" {
			return text, true
		}
	}
	return "", false
}

// textOfJob tells of a job when its state changes.
func (j jobStates) textOfJob(s *migrate.Status) (text string, ok bool) {
	if j[s.Job.ID] == s.State {
		return "", false
	}
	if j[s.Job.ID] = s.State; s.Over() {
		delete(j, s.Job.ID)
	}
	text = fmt.Sprintf("move of %s from %s to %s: %s", count(s.Progress.Total, "slot"), s.Job.Source.Short(),
		s.Job.Target.Short(), s.State)
	return text + because(s.Err), true
}

func textOfMember(e slotmesh.Event) string {
	switch e := e.(type) {
	case gossip.NodeAdded:
		return "node " + e.Node.Short() + " is a member"
	case gossip.NodeRemoved:
		return "node " + e.Node.Short() + " was forgotten"
	case gossip.HealthChanged:
		return fmt.Sprintf("node %s is %s, was %s", e.Node.Short(), e.Now, e.Was)
	case gossip.AddrChanged:
		return fmt.Sprintf("node %s is at %s, was at %s", e.Node.Short(), e.Now, e.Was)
	case gossip.Met:
		return fmt.Sprintf("met node %s at %s", e.Node.Short(), e.Addr)
	case gossip.MeetFailed:
		return fmt.Sprintf("could not meet the node at %s", e.Addr) + because(e.Err)
	case gossip.Expelled:
		return "node " + e.By.Short() + " made the cluster forget this node"
	case gossip.StateChanged:
		return fmt.Sprintf("the cluster's state is %s", e.Now) + reason(e.Reason)
	case gossip.SlotsChanged:
		return fmt.Sprintf("this node got %s and lost %s", slotCount(e.Acquired), slotCount(e.Lost))
	case gossip.RoleChanged:
		if e.Master.IsZero() {
			return "node " + e.Node.Short() + " is a master"
		}
		return fmt.Sprintf("node %s is a replica of %s", e.Node.Short(), e.Master.Short())
	}
	return ""
}

func textOfFailover(e slotmesh.Event) string {
	switch e := e.(type) {
	case gossip.EpochChanged:
		return fmt.Sprintf("the config epoch is %d", e.ConfigEpoch) + reason(e.Reason)
	case gossip.ElectionStarted:
		return fmt.Sprintf("asks for votes to succeed %s, in epoch %d", e.Master.Short(), e.Epoch)
	case gossip.ElectionLost:
		return fmt.Sprintf("was not elected in epoch %d", e.Epoch) + reason(e.Reason)
	case gossip.HandOverAsked:
		return "master " + e.By.Short() + " is about to end, and hands over"
	case gossip.WritesPaused:
		return "writes pause for a failover to " + e.For.Short()
	case gossip.WritesResumed:
		return "writes go on"
	case gossip.FailoverAborted:
		return "the manual failover was called off" + reason(e.Reason)
	case gossip.Fenced:
		if e.On {
			return "serves nothing until it knows that no replica has more data"
		}
		return "serves again"
	case gossip.ElectorateChanged:
		return count(len(e.Electorate.Voters), "node") + " named as voters"
	}
	return ""
}

func textOfCopies(e slotmesh.Event) string {
	switch e := e.(type) {
	case replication.SyncStarted:
		return syncKind(e.Full) + " from " + e.Master.Short() + " begins"
	case replication.Synced:
		return fmt.Sprintf("%s from %s is done after %v", syncKind(e.Full), e.Master.Short(), e.Took.Round(time.Millisecond))
	case replication.LinkLost:
		return "no link to master " + e.Master.Short() + because(e.Err)
	case replication.ReplicaJoined:
		return "replica " + e.Replica.Short() + " is online after a " + syncKind(e.Full)
	case replication.ReplicaLeft:
		return "replica " + e.Replica.Short() + " has left" + because(e.Err)
	case replication.Saved:
		if e.Err != nil {
			return "the snapshot could not be written" + because(e.Err)
		}
		return fmt.Sprintf("a snapshot of %s was written in %v", count(e.Keys, "key"), e.Took.Round(time.Millisecond))
	case replication.LogRewritten:
		if e.Err != nil {
			return "the log on disk could not be rewritten" + because(e.Err)
		}
		return fmt.Sprintf("the log on disk begins anew with %d bytes, after %v", e.Size, e.Took.Round(time.Millisecond))
	case replication.LogFailed:
		return "the log on disk cannot be written" + because(e.Err)
	case replication.LogRecovered:
		return fmt.Sprintf("the log on disk goes on, after %v", e.After.Round(time.Millisecond))
	}
	return ""
}

func textOfPlan(e slotmesh.Event) string {
	switch e := e.(type) {
	case slotmesh.Leaving:
		text := fmt.Sprintf("this node leaves the cluster: %v", e.Stage)
		if e.Left > 0 {
			text += ", " + count(e.Left, "slot") + " left"
		}
		return text + reason(e.Reason)
	case slotmesh.Forming:
		return fmt.Sprintf("the cluster forms: %d of %d nodes are there", e.Have, e.Want)
	case slotmesh.Founded:
		return fmt.Sprintf("the cluster was founded by %s, of them %s", count(e.Nodes, "node"), count(e.Masters, "master"))
	case slotmesh.BalancePlanned:
		return fmt.Sprintf("this node balances the cluster, by %s", count(len(e.Steps), "step"))
	case slotmesh.BalanceOrdered:
		return "ordered: " + e.Step.String() + because(e.Err)
	case slotmesh.BalancePauseChanged:
		if e.On {
			return "balancing is paused, by node " + e.By.Short()
		}
		return "balancing goes on, by node " + e.By.Short()
	}
	return ""
}

func syncKind(full bool) string {
	if full {
		return "full sync"
	}
	return "partial sync"
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return reason(err.Error())
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func nodePrefix(id slots.NodeID) string {
	if id.IsZero() {
		return ""
	}
	return "node " + id.Short() + ": "
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func slotCount(s *slots.Set) string {
	if s == nil {
		return "no slots"
	}
	return count(s.Len(), "slot")
}
