// Package migrate moves slots between masters while clients read and write them, and plans
// such moves.
//
// # Vocabulary
//
//   - A [Plan] says which slots go from which master to which: [Reshard], [Rebalance] and
//     [Drain] make one, as the stock tools would. Plans are pure; printing one is the dry
//     run.
//   - A [Job] hands a set of this node's slots to one target. Once begun it ends by
//     itself, whatever crashes meanwhile. A Return is a job that repairs: it brings keys
//     to the owner of their slot and changes no ownership.
//   - A window is some slots of a job that go through its phases together: one slot if it
//     holds many keys, up to some hundred if they hold few, so that round trips and syncs
//     of the disk are shared. The keys of one window move before those of the next; its
//     preparation and its end overlap with its neighbours'.
//   - A batch is some keys on their way, in flight ([keyspace.InFlight]): they can be
//     read at the source, a write to one waits until the batch is decided. Or it is some
//     parts of a large key, which is not in flight until its last batch.
//   - The [Registry] has the jobs for whose slots a node is responsible: it brings home
//     the keys that a lost race of epochs leaves behind.
//
// # The phases of a window
//
//	preparing   the target marks the slots as importing, durably
//	opening     the source marks them as migrating, durably: from now on a key that is not at the
//	            source is asked for, and created, at the target (ASK)
//	listing     only after a restart or a failover of the source: see below
//	moving      batches: taken and frozen, sent, stored, acknowledged, and only then deleted
//	            here; passes over the slots until one finds no key
//	finalising  the target claims the slots with a new epoch, durably, and tells everybody
//	closing     the source takes note
//
// Between finalising and closing the source is empty and migrating, so that every request
// goes to the target: there is no gap. Moving ends however busy a slot is, because no key
// is created at the source any more. A cancelled job finishes the windows that are open
// and begins no other: to roll one back would take as long, and could fail where
// finishing cannot.
//
// # Why no key is lost, doubled or brought back
//
// While a slot is open, keys only ever go from the source to the target. A key is at the
// target for clients only when the source has deleted its own, which it does when the
// target has acknowledged the batch. Until then no client writes the key at either end,
// so the two copies are equal, and:
//
//   - a batch that is sent again finds its keys there, in the same or a later version, and
//     changes nothing;
//   - a batch that the target refuses is undone there as a whole before the source lets
//     its keys be written again;
//   - when the connection is lost, writes to the undecided keys are refused (TRYAGAIN), not
//     allowed: a delete would bring the target's copy to light;
//   - a new connection of a job ends the earlier ones at the target, with everything that
//     they had still to say, before the first word is exchanged on it;
//   - a source that was restarted, or promoted, does not know what it had sent. It
//     rejects writes to the open slots until the target has listed the keys that it has,
//     and those that have been deleted there since the slots were opened. It deletes
//     both: the target's state is at least as new. Of slots that the target has claimed
//     it deletes all keys that a snapshot has brought back: those that are not at the
//     target any more have been deleted there.
//
// The target remembers deletions in memory, key by key, but not the keys that FLUSHALL
// drops there. If it is lost as well while a slot is open, keys that were deleted there
// come back with a source that has an older state than it had; reads of such a source may
// show that state until the target has listed its keys.
//
// # How a large key moves
//
// A large collection ([keyspace.Precopy]) would keep its writers waiting for as long as it
// takes to send. It is copied while they write, in batches that put nothing in flight:
//
//   - first all its parts, some hundred under each hold of the slot's lock; meanwhile the
//     source notes the names of the parts that change;
//   - then those parts, as they are by now, round after round. Ops on parts are absolute,
//     so it does no harm that a part goes over twice;
//   - when little is left (32 KiB) and all that was sent is acknowledged, the key is
//     frozen. The rest and OpReveal make the last batch, which is one like any other:
//     when it is acknowledged, the key is deleted here in the same step that ends the
//     freeze.
//
// The target gathers the parts as a staged key ([keyspace.OpStage]), beside its keys: no
// read, count or list of keys shows it. OpReveal makes it the key at once. All this goes
// to the target's replicas in the stream, as it comes, and is in full syncs; a batch is
// acknowledged when they have it, so the last one finds them with all that preceded it.
//
// Until OpReveal is carried out the key is at the source and nowhere else, and from then
// to its deletion at the source it is frozen: what was said of batches holds. What is
// staged is worth nothing by itself, and is dropped rather than trusted:
//
//   - it is of one connection ([Staging]): parts that come on another one are refused, even
//     if both return the same key. When the connection ends, the target drops it; the
//     source begins anew. A last batch that is sent again finds the key revealed, in its
//     version, and changes nothing; or finds nothing staged, and is refused;
//   - a batch that is refused takes with it what was staged of its keys, so that no later
//     batch, or OpReveal, can build on a part that is missing;
//   - a target that comes back, or a replica that takes its place, drops what it finds
//     staged before it answers a hello, and what no session brings, once a second;
//   - at the source there is nothing to outlive it: who takes its place begins anew.
//
// If the key is deleted, renamed, copied over or given another value at the source, its
// copy is taken back (OpUnstage), and a new one begins if there is still such a key; a
// change of its expiry alone travels with OpReveal. If it changes faster than it is copied
// (more is sent than twice its size, or 4 MiB of names of changed parts are not sent yet),
// it is frozen before that, and what is left goes over in batches all the same.
//
// A key that fits into a batch has its parts in one batch with others: OpStage, the parts,
// OpReveal. The target refuses a key that is not to fit into its memory when it begins.
//
// # What outlives a crash
//
// The journal keeps the jobs, not how far they are: that follows from the cluster's map
// and the open slots, which gossip keeps. So the journal is written when a job begins,
// changes its target or ends, and not for each slot. A job stays in it for a while when it
// is over; of the jobs that have had a slot only the latest goes on with it ([Resumable]).
// The target keeps the jobs that come to it, too.
//
// A job follows a failover of its target. With the source's journal
// (migrator.Config.OnJournal), the replica that takes the source's place goes on
// (Migrator.Resume). If the target is forgotten, open slots are closed as the source's
// own; what had been moved left the cluster with the target. Keys that a target had
// acknowledged and not yet replicated when it died for good are lost, as is any write of
// an asynchronously replicated master; unless its writer was told that replicas have it:
//
// # What writers were told of replicas
//
// A writer may have been told that k replicas hold its write (WAIT, or a write that
// waits; see package replicator). That holds across a move of the slot, whichever of the
// two masters dies:
//
//   - the source says with each window what its writers in the slots were told
//     ([Promises]), and the target, which keeps the promise from then on, refuses to
//     prepare them while it has fewer replicas in good standing. The window waits,
//     closed, with the reason in [Progress].Waiting; the job can be cancelled, and goes
//     on by itself. Slots for which nothing was promised share no window with them, and
//     come first;
//   - a batch is acknowledged when all replicas in good standing, at least k, have it;
//     the acknowledgement says how many do. If they are lost just then the batch waits:
//     writes to its keys are refused (TRYAGAIN), and a window that is open stays so until
//     they are back;
//   - the source deletes a batch only if as many replicas have it as writers have been
//     promised by then, which may be more than when it was sent. From that moment a
//     writer that asks for acknowledgements of a key in it is answered with the number of
//     the target's replicas;
//   - a target without slots has no successor, so that its replicas cannot save what it
//     got: one slot goes there by itself, the one with the fewest keys, and the others
//     when the target has it. If every slot has keys, those of that one slot are exposed
//     meanwhile;
//   - the source opens such slots only when k of its own replicas know, so that the one
//     that takes its place does not consider keys its own that are at the target.
//
// A Return does the same. Writes that reach the target, in a slot that comes there, are
// acknowledged by the target's replicas. Such a write may be lost if the source had
// promised nothing for that slot, opened it while its own replicas were away, and one of
// these then takes its place. Deletions that only the target's memory knew may come back
// if both masters are lost.
//
// When a third node wins a race of epochs for a slot, the job goes on without that slot,
// and both ends return its keys to the new owner, which keeps what it has already. When a
// source has been silent for some seconds, the target asks it whether it is going on with
// what it has begun; one that has lost its journal goes on with it by a new job. Slots
// that were opened by hand are left to the operator.
//
// A slot that the target owns has all its keys: [Registry.Coming] lets the host refuse to
// assign one by hand before. It can be assigned only when its source has failed; the keys
// that had not moved are then given up.
//
// # Who may bring slots
//
// A session opens, fills and claims slots that its source owns by the target's map, and no
// others, and goes on with a job only for the job's source or the node that took its
// place. So a node that lies, or acts on an old map, can give away its own slots only. A
// Return may come from any master of the cluster, since none knows which masters have had
// keys of a slot. It brings the owner keys that are not there, and changes no others.
//
// # The cores and their driver
//
// A [Sender] is the source's side of a job, a [Receiver] the target's side of one
// connection, and a [Registry] what a node answers for. All three are passive: time,
// messages and maps go in, and each input is followed by effects that are to be carried
// out. They have no goroutine, clock, lock or socket. Package migrate/migrator runs them
// on real connections and a disk: that is what a program uses, unless it brings its own
// connections.
//
// # Example
//
//	plan, err := migrate.Rebalance(migrate.Masters(node.Map()), migrate.Balance{UseEmpty: true})
//	fmt.Print(plan)
//	for _, move := range plan.Moves { // each on the node move.From
//		id, err := migrator.Move(move.Slots, move.To)
//		err = migrator.Wait(ctx, id)
//	}
package migrate
