// Package bus connects the nodes of a cluster with each other. A node listens on one port
// for all others; every connection there serves one purpose, its kind: gossip,
// replication, migration, calls, messages, or invalidations.
//
// # Vocabulary
//
//   - The kind of a connection says what it carries. Each kind has connections of its
//     own, so that a heartbeat never queues behind data.
//
//   - The preamble is the first message on a connection, after the proofs: "SMB", the
//     version of the bus, the kind, and the id of the node that dials. Nothing else is
//     decoded before it.
//
//   - A call is a request that one node sends to another one (package peer). Its connection
//     begins, after the preamble, with the id of the node that is wanted; only that node
//     accepts, so that no request reaches a stranger that has taken over an address.
//
//   - Evidence is what the ends of a connection have shown each other: that they know the
//     secret of the cluster, or certificates. A [Security] says which evidence is asked for.
//
//   - An arrival is a connection that is unfinished: what its dialling end has to show and
//     to say first has not come in full. Number, bytes and time of arrivals are bounded.
//
// # How nodes prove that they belong to the cluster
//
// The dialling end decides by its first byte: 22 begins TLS, "S" the preamble of a
// connection without. With a secret, or where certificates are asked for:
//
//	dialling end                                  accepting end
//	------------ TLS 1.3, ALPN "slotmesh-bus", no resumption ------------
//	'P' HMAC(k, "…the dialling end" ‖ e)    →
//	                                        ←     'y' HMAC(k, "…the accepting end" ‖ e)
//	preamble                                →
//
// HMAC is that of SHA-256; k is derived from the secret (PBKDF2), and e is keying material
// that TLS exports from this connection (RFC 8446 §7.5, in the manner of RFC 9266). The
// certificate that a node presents, unless it has one from its configuration, is made at
// its start and means nothing. The accepting end takes two secrets, and answers with the
// one that the other end has shown, so that a cluster changes its secret without a stop.
// An end that is refused hears the alert access_denied, and is told no reason.
//
// What that shows:
//
//   - A man in the middle has two TLS connections, one with each end, and their e differ:
//     no choice of its keys makes the two handshakes have the same transcript. A proof for
//     the one is false for the other, so both ends hang up. If it only passes bytes on, it
//     is a wire: it reads and changes nothing.
//   - A recorded connection is worth nothing when played again: e depends on fresh random
//     numbers and keys of both ends. There is no resumption and no early data, which are
//     what could be replayed in TLS 1.3.
//   - A proof that is sent back to its maker is false: each end proves under a label of its
//     own. An attacker who opens a second connection, to have its challenge answered
//     there, finds another e.
//   - Nothing but the first bytes is decoded before the proof. A stranger that dials gets no
//     proof at all.
//   - Secrets that were learned later do not open what was recorded: the secret is in no
//     key of the encryption.
//
// What it does not show:
//
//   - An attacker that takes the place of an accepting end gets the proof of the end that
//     dials, and can try secrets on it at home, each at the cost of the derivation. So a
//     secret must not be guessable: it has at least 16 bytes, and "slotmesh secret" makes
//     one of 130 random bits.
//   - A node that has the secret is a member, and may give itself any node's id. Rights
//     between members are a matter of [Config].Admit and of what the connections carry.
//   - Traffic is seen: which nodes talk to each other, when and how much.
//   - An encryption key lasts as long as its connection: crypto/tls does not replace it.
//
// With certificates (Security.Certified) both ends verify the other's by the authorities of
// the configuration; then the accepting end knows that the dialling end has one when the
// preamble names the kind. Secret and certificates are independent: both may be asked for.
//
// # Example
//
//	b := bus.New(ctx, bus.Config{Network: network.TCP{}, Logger: log, ID: self, Answer: answer})
//	b.Handle(bus.Gossip, func(conn net.Conn, from slots.NodeID) { driver.Accept(conn) })
//	err := b.Secure(bus.Security{Secret: secret})
//	addr, err := b.Listen("10.0.0.1:17000")
//	b.Start()
//	conn, err := b.Dial(ctx, other, bus.Gossip)
//	reply, err := b.Call(ctx, otherID, other, &peer.Request{Args: args})
package bus
