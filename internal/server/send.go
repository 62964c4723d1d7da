package server

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/slots"
)

// A message leaves when its command runs, also within EXEC. What a script publishes waits
// for the end of its transaction: the script may have to run again, and its messages must
// not arrive twice; and they are dropped if what it has written is taken back.

// staged are messages that wait for the end of a script's transaction.
type staged struct {
	on     bool
	list   []message
	bytes  int
	asides int // of the session when the first could be published
	at     int // where the reply of the present command begins in the session's
}

type message struct {
	kind             pubsub.Kind
	channel, payload []byte
	at               int // its place among the session's replies, for the client itself
}

// messageOverhead is what a staged message takes beside its bytes.
const messageOverhead = 80

// send sends a message to the subscribers of a channel on all nodes. It returns how many
// this node has.
func (s *session) send(kind pubsub.Kind, channel, payload []byte) (receivers int, err error) {
	st := &s.staged
	if !st.on {
		return s.sendNow(message{kind, channel, payload, 0}), nil
	}
	if st.bytes += len(channel) + len(payload) + messageOverhead; int64(st.bytes) > s.limits.ScriptMemory {
		return 0, errStagedTooBig
	}
	st.list = append(st.list, message{kind, bytes.Clone(channel), bytes.Clone(payload), st.at})
	return s.srv.cfg.Pubsub.Receivers(kind, channel), nil
}

// errStagedTooBig is about Limits.ScriptMemory.
const errStagedTooBig = replyError("ERR the messages that the script has published exceed the memory of a script")

func (s *session) sendNow(m message) (receivers int) {
	cfg := &s.srv.cfg
	if m.kind == pubsub.Shard {
		receivers = cfg.Pubsub.PublishShardBy(s, m.channel, m.payload)
		cfg.Messages.PublishShard(slots.Of(m.channel), m.channel, m.payload)
		return receivers
	}
	receivers = cfg.Pubsub.PublishBy(s, m.channel, m.payload)
	cfg.Messages.Publish(m.channel, m.payload)
	return receivers
}

// stage makes messages wait from here on, until unstage.
func (s *session) stage(m mark) { s.staged.on, s.staged.asides, s.staged.at = true, m.asides, m.bytes }

// dropStaged forgets messages: what they come from has not happened.
func (s *session) dropStaged() { s.staged.list, s.staged.bytes = nil, 0 }

// unstage sends the messages that have waited if what they come from has happened. Those
// that the client gets itself come before the reply of their command, as in Redis; after all
// replies if some of these are made later.
func (s *session) unstage(happened bool) {
	s.staged.on = false
	if !happened {
		s.dropStaged()
	}
	if len(s.staged.list) == 0 {
		return
	}
	replies, sent := s.Out.B, 0
	s.Out.B = nil
	for _, m := range s.staged.list {
		if len(s.asides) > s.staged.asides {
			m.at = len(replies)
		}
		s.Out.B = append(s.Out.B, replies[sent:m.at]...)
		sent = m.at
		s.sendNow(m)
	}
	s.Out.B = append(s.Out.B, replies[sent:]...)
	s.dropStaged()
}
