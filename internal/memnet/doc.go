// Package memnet is a network in memory: hosts, TCP-like connections, and the
// faults of a real network on demand. A cluster of nodes runs on it in one
// process, in real time or inside testing/synctest.
//
// # Vocabulary
//
//   - A [Network] holds the hosts and the links between them. Create it
//     inside the synctest bubble that uses it.
//   - A [Host] has an IP address of its own and offers Listen and Dial, the
//     network seam of a node. 127.0.0.1 on a host is that host itself.
//   - A link is the way from one host to another. It can be slow
//     ([Network.SetDelay]) or cut ([Network.Cut], [Network.Drop],
//     [Network.Partition]). What is sent on a cut link is not lost, just as
//     TCP sends again until it gets through: it stalls until the link heals.
//     Writers stall once the connection's buffer is full, dialling stalls at
//     once; deadlines and contexts end both.
//   - [Network.Reset] breaks connections as a RST does; [Network.Kill] is the
//     death of the process on a host.
//
// # Cost
//
// A connection needs no goroutine. Its buffers grow with what is in flight, to
// 64 KiB per direction. Timers exist only for deadlines and delayed bytes. No
// mutex is held while anything waits, so a blocked goroutine is durably
// blocked in the sense of testing/synctest.
//
// # Example
//
//	net := memnet.New()
//	l, _ := net.Host("10.0.0.1").Listen(":7001")
//	go serve(l)
//	conn, _ := net.Host("10.0.0.2").Dial(ctx, "10.0.0.1:7001")
//	net.Cut("10.0.0.1", "10.0.0.2") // conn stalls …
//	net.Heal()                      // … and goes on
package memnet
