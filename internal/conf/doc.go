// Package conf reads and keeps the configuration of a serving node: a file in the form of
// redis.conf, overridden by the command line, changed at run time by CONFIG SET and
// written back by CONFIG REWRITE.
//
// # Vocabulary
//
//   - A [Directive] is a name with a kind of value and a default. A program declares
//     those that it obeys; [NewTable] adds those that it does not: fixed
//     (table_fixed.go), where the node knows only one value, which CONFIG GET shows; and
//     ignored (table_ignored.go, table_protecting.go), which are known from Redis or
//     Valkey but have no meaning here.
//   - A field is where the program keeps the value of a directive: [Value.Store] sets it,
//     [Directive.Show] shows it as CONFIG GET does.
//   - The effect of a directive is what follows if it is not obeyed: nothing, because it
//     tunes what is not there; a difference that clients see; or a node that is less
//     protected than the file says, which is an error.
//   - [Settings] is the value of every directive. It is safe for concurrent use;
//     reading takes no lock.
//   - A [Warning] tells what was read but has no effect. A bad value is an [Error]:
//     both say the file and line.
//
// # The file
//
// One directive on a line, its name in any case, then its arguments: plain words, "…"
// with the escapes \n \r \t \b \a \\ \" and \xHH, or '…' with \'. A line that begins with
// # is a comment. "include PATH" reads other files in place; PATH may be a pattern. The
// later value wins, except that each "save" line adds to the ones before.
//
// # Example
//
//	s, warnings, err := table.Load("redis.conf", []string{"--port", "7001"})
//	if err != nil {
//		return err // redis.conf:12: maxmemory "lots": argument must be a memory value …
//	}
//	for _, w := range warnings {
//		log.Warn(w.String()) // redis.conf:3: io-threads stays 1: …
//	}
//	var limit int64
//	s.Value("maxmemory").Store(&limit)
package conf
