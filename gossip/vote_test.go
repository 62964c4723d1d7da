package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// docs/spec.md §6.5, and what this protocol asks beyond it: voter and candidate know the
// same voters, and an epoch that a node uses itself is used up.
func TestWhoGetsAVote(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(voter *Core, request *Message)
		answer Type
	}{
		{"all is well", func(*Core, *Message) {}, TypeVote},
		{"an old epoch", func(_ *Core, m *Message) { m.Epoch-- }, TypeDeny},
		{"voted in this epoch", func(v *Core, m *Message) { v.lastVoteEpoch = m.Epoch }, TypeDeny},
		{"took this epoch for itself", func(v *Core, m *Message) { v.setConfigEpoch(m.Epoch, "test") }, TypeDeny},
		{"the voter's own shard has this epoch", func(v *Core, m *Message) { v.useEpoch(m.Epoch) }, TypeDeny},
		{"a replica of another", func(v *Core, m *Message) { m.Subject = v.ID() }, TypeDeny},
		{"a later owner", func(v *Core, m *Message) { m.Slots = v.self.owned; v.self.rec.ConfigEpoch = m.ConfigEpoch + 1 },
			TypeDeny},
		{"the master works, by command", func(_ *Core, m *Message) { m.Forced = true }, TypeVote},
		{"the voter hears the master", func(v *Core, m *Message) {
			master := v.nodes[m.Subject]
			master.pingSent, master.lastHeard = time.Time{}, v.now
		}, TypeDeny},
		{"a replica of nobody that is known", func(v *Core, m *Message) { m.Subject = slots.NodeID{99} }, TypeDeny},
		{"other voters", func(_ *Core, m *Message) { m.Electorate++ }, TypeSummary},
		{"other voters, by command", func(_ *Core, m *Message) { m.Electorate, m.Forced = 0, true }, TypeSummary},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShards(t, 1, 3, 1, time.Second)
			master, voter, candidate := s.nodes[0], s.nodes[1].core, s.nodes[3].core
			m := candidate.message(TypeVoteRequest)
			m.Epoch = max(voter.currentEpoch, candidate.currentEpoch) + 1
			m.Subject, m.Slots = master.id, master.core.self.owned
			m.ConfigEpoch, m.Electorate = master.core.self.rec.ConfigEpoch, candidate.electorate()
			voter.raiseEpoch(m.Epoch, voter.ID())
			missed := voter.nodes[master.id]
			missed.pingSent, missed.lastHeard = s.now.Add(-time.Second), s.now.Add(-time.Second)
			c.change(voter, m)
			l := voter.nodes[candidate.ID()].link()
			voter.Output()
			before := voter.lastVoteEpoch
			voter.Step(s.now, l.id, m)
			out := voter.Output()
			var got []Type
			for _, send := range out.Sends {
				if t := send.Msg.Type; send.Link == l.id && (t == TypeVote || t == TypeDeny || t == TypeSummary) {
					got = append(got, t)
				}
			}
			if len(got) != 1 || got[0] != c.answer {
				t.Fatalf("answered %v, want %v", got, c.answer)
			}
			if voted := c.answer == TypeVote; voted && (out.Save == nil || out.Save.LastVoteEpoch != m.Epoch) {
				t.Error("a vote left before it was saved")
			} else if !voted && voter.lastVoteEpoch != before {
				t.Error("the vote was spent although it was not given")
			}
		})
	}
}
