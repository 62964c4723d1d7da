// Package archtest holds the rules of the house as tests. It has no code to
// import. The rules:
//
//   - imports point down only (the table in rules_test.go);
//   - the root has at most 18 files and its Node at most 20 fields; what came out of it
//     does not import it;
//   - the root module depends on three other modules and no more;
//   - every package says in a package comment what it is for;
//   - a file that is over 400 lines long holds a second idea;
//   - protocol cores are passive: no clock, no global random source, no
//     goroutine, no lock, no socket. gossip, migrate and replication are cores
//     without exception; their drivers are packages below them;
//   - no exported signature of a public package shows a type of internal/; the root and
//     admin may give one a second name of their own;
//   - no test sleeps in real time: time.Sleep only in files that use
//     testing/synctest.
//
// A failure names the file and line, the rule and what to do instead.
package archtest
