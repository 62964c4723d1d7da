// Package admin administers clusters from outside: it creates them, checks and repairs
// them, moves their slots, adds and removes nodes, saves and restores their keys. It is
// what operators know as redis-trib or redis-cli --cluster, for Go programs.
//
// It speaks the public protocol only, so it serves clusters of slotmesh nodes, of Redis 5
// to 7 and of Valkey alike. Where both ends of a move carry it out by themselves (CLUSTER
// MIGRATESLOTS), it starts that and watches; elsewhere it moves keys with SETSLOT and
// MIGRATE.
//
// With [Config].TLS it connects by TLS, to the ports that the nodes tell a client of that
// kind. Servers that bring keys to each other by MIGRATE use TLS or not as their own
// tls-cluster says; each is told the port of its target that is right for it.
//
// # Vocabulary
//
//   - A [View] is what all nodes of a cluster say at about the same moment, each with its
//     own opinion about the others. Everything is decided on a View.
//   - A finding is something in a View that is not as it should be; [Check] returns them as
//     values, [Client.PlanFix] turns them into steps.
//   - A plan is a value that says what an operation would do. Printing it is the dry run.
//     Making one changes nothing.
//   - Running a plan changes the cluster, tells [Event]s while it does, and ends early
//     when its context does. A run that was interrupted, at any moment and even by kill
//     -9, is finished by the same call again; its [StepError] says what was left in which
//     state.
//
// # Example
//
//	client, err := admin.New(admin.Config{Password: "secret"})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	view, err := client.View(ctx, "127.0.0.1:7001")
//	if err != nil {
//		return err
//	}
//	if report := admin.Check(view); !report.OK() {
//		return fmt.Errorf("not well:\n%s", report)
//	}
//	plan, err := admin.PlanDrain(view, "127.0.0.1:7003")
//	if err != nil {
//		return err
//	}
//	fmt.Print(plan)
//	err = client.Move(ctx, view, plan, admin.MoveOptions{})
package admin
