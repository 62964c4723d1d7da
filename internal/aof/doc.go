// Package aof reads the append-only files of Redis: the folder of Redis 7 with its manifest, a
// base and what was appended since, and the single file of earlier versions, which may begin
// with an RDB file.
//
// # Vocabulary
//
//   - A base holds everything up to a moment: an RDB file or commands.
//   - An increment holds the commands after that. There may be several, in the order of their
//     numbers.
//   - An annotation is a line "#TS:1700000000" with the time of what follows.
//   - A torn tail is a command or a transaction that the last file does not have whole: the server
//     stopped while it wrote it.
//
// # Example
//
//	log, err := aof.Open(os.DirFS(dir), "appendonlydir")
//	defer log.Close()
//	for item, err := log.Next(); err != io.EOF; item, err = log.Next() {
//		switch {
//		case err != nil: // an *aof.Error names file and byte
//			return err
//		case item.Key != nil: // of an RDB file: rdb.FileItem
//		default: // item.Commands, item.Database
//		}
//	}
//	if tail := log.Torn(); tail != nil { … } // what was cut off
package aof
