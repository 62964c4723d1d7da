// Package member runs a node's part in the gossip: a [gossip.Core] on real connections,
// with a clock and a state file.
//
// A host opens the connections. It gives New a function that dials, and hands incoming
// connections to Accept; a net.Pipe will do as well as TCP. Commands go in by Do, and the
// agreed view comes out as a [slots.Map], by Map and by Config.OnOutput.
//
// # Order of effects
//
// What the core promises is saved before it is told to anybody: the state is written
// first, then the map is published, then events are reported, then messages leave, then
// Do returns. A member that cannot save falls silent: nothing is sent and no map is
// published, and Do says that the effect was not saved. It tries again with every tick.
//
// # Example
//
//	m, err := member.New(member.Config{
//		Core: gossip.Config{Addr: slots.Addr{Port: 7001, BusPort: 17001}},
//		Disk: storage.Dir("/var/lib/node1"),
//		Dial: dialBus,
//	})
//	if err != nil {
//		return err
//	}
//	m.Start()
//	defer m.Close()
//	err = m.Do(ctx, gossip.MeetNode{Addr: slots.Addr{Host: "10.0.0.2", Port: 7001}})
package member
