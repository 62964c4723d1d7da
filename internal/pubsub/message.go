package pubsub

import "strconv"

// Kind says what a subscription is to.
type Kind uint8

// The kinds of subscriptions.
const (
	Channel Kind = iota // a channel of the whole cluster
	Pattern             // all channels of the cluster whose names match
	Shard               // a channel that belongs to a slot, and to the shard that serves it
)

// String returns the first word of the frames with which a kind's messages arrive.
func (k Kind) String() string {
	switch k {
	case Pattern:
		return "pmessage"
	case Shard:
		return "smessage"
	}
	return "message"
}

// Message is what arrives at the subscribers of one channel or pattern. Its bytes are
// shared by all of them and must not be changed.
type Message struct {
	Kind      Kind
	Pattern   string     // that the channel matches; only of the kind Pattern
	Publisher Subscriber // that published it, nil if none did
	Channel   []byte
	Payload   []byte

	push  []byte // the frame of RESP3
	array []byte // that of RESP2, made when the first subscriber asks for it
}

// newMessage copies channel and payload.
func newMessage(kind Kind, pattern string, publisher Subscriber, channel, payload []byte) *Message {
	const heads = 64 // the lines before the parts
	b := make([]byte, 0, heads+len(pattern)+len(channel)+len(payload))
	if kind == Pattern {
		b = append(b, ">4\r\n"...)
	} else {
		b = append(b, ">3\r\n"...)
	}
	b = appendBulk(b, kind.String())
	if kind == Pattern {
		b = appendBulk(b, pattern)
	}
	m := &Message{Kind: kind, Pattern: pattern, Publisher: publisher}
	b = appendBulk(b, channel)
	channelEnd := len(b) - len(crlf)
	b = appendBulk(b, payload)
	payloadEnd := len(b) - len(crlf)
	m.Channel = b[channelEnd-len(channel) : channelEnd : channelEnd]
	m.Payload = b[payloadEnd-len(payload) : payloadEnd : payloadEnd]
	m.push = b
	return m
}

const crlf = "\r\n"

func appendBulk[T ~string | ~[]byte](b []byte, part T) []byte {
	b = append(b, '$')
	b = strconv.AppendInt(b, int64(len(part)), 10)
	b = append(b, crlf...)
	b = append(b, part...)
	return append(b, crlf...)
}

// RESP3 returns the message as a client that speaks RESP3 gets it.
func (m *Message) RESP3() []byte { return m.push }

// RESP2 returns the message as a client that speaks RESP2 gets it. Only Deliver may call
// it.
func (m *Message) RESP2() []byte {
	if m.array == nil {
		m.array = append([]byte(nil), m.push...)
		m.array[0] = '*'
	}
	return m.array
}
