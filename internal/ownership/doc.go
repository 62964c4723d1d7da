// Package ownership looks after the slots of one node while they change hands. It knows
// no Node: [Config] has the few functions that it needs.
//
//   - [Slots.Set] opens, closes and assigns slots. Open slots are a shard's state, not only
//     its master's: they travel to the replicas as metadata of the replication stream, and
//     a promoted replica opens them again before it serves ([Slots.OpenAtMaster]).
//   - Keys of a slot that another master took stay for a while, and then go
//     ([Slots.DropLost], docs/spec.md §4.6).
//   - Hooks tell the host which slots are acquired, about to leave, and lost.
//   - After a start, slots of which the snapshot brought keys are claimed, or the keys
//     dropped ([Slots.ClaimLoaded], [Slots.DropStaleImports]).
//
// A change of the map takes, in this order, [Slots.Prepare], the map's coming into force,
// [Slots.Notify] and, when the node's role in replication has changed with it,
// [Slots.ReplicateOpen] and [Slots.FindLost].
package ownership
