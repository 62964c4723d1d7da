// Package status serves a page on which people see how a cluster is: who owns which slots,
// what moves, who lags, where the operations go, and what has happened within the last hour.
//
//	http.Handle("/", status.Handler(node))
//
// One node serves it, and asks the others once a second at most, while somebody looks. A node
// in no cluster shows itself. Nothing of keys and values is shown; a key that is typed in to
// ask for its slot is hashed by the browser and not sent.
//
// # Paths
//
//	/             the page; /style.css and /script.js are parts of it
//	/status.json  what the page shows, as JSON: [Report]
//	/events       what happens, as server-sent events: see below
//	/explain      ?slot=N: {"slot": N, "text": …} with what [slotmesh.Node.Explain] says
//	/livez        and /readyz: probes, as of package health
//
// All are answered to GET only. The page uses relative paths, so that a host may serve it
// below a prefix with http.StripPrefix.
//
// # Events
//
// The handler keeps what happens from the moment it is made, for an hour and at most 512
// events, as the node sees it. Each is sent with an id, its name as [slotmesh.Event] has it,
// and data: {"time": …, "name": …, "text": …} in one line of JSON. A stream begins with all
// that is kept or, with the header Last-Event-ID, behind that event. A comment is sent every
// 15 s. At most 64 streams are open at a time.
//
// # Who may look
//
// If the node asks its clients for a password (requirepass, or users), all but the probes ask
// for it by HTTP Basic authentication: a user of the node with the right to run INFO and
// CLUSTER SHARDS; no user name stands for the default user. If it asks for none, the page asks
// for none: serve it where only those come who may see it, and check the header Host there if
// browsers reach it. The password travels in clear unless the host serves HTTPS.
package status
