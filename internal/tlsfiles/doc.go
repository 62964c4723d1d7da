// Package tlsfiles makes configurations of crypto/tls, from PEM files that may change
// while they are in use.
//
// # Vocabulary
//
//   - [Options] are the tls-… directives of Redis: which files, and how they are used.
//   - [Files] holds what the files had. Its configurations, for listening and for
//     dialling, are made once and go on to be used; each handshake gets the present
//     certificates.
//   - Material is what one reading of the files gave. It is replaced as a whole: a
//     certificate never meets the key of another one.
//
// # Changes of the files
//
// A handshake looks at the files if nobody has for a second. If one of them has another
// size, inode or time of change, all are read anew. If they do not fit together, as while
// they are being replaced one by one, the material stays as it was, and the log says so
// once for each state of the files. Connections that exist go on in any case. A session
// ticket is worth nothing after a change: a client that was let in by an authority that is
// trusted no longer must not resume.
//
// # Example
//
//	files, err := tlsfiles.New(tlsfiles.Options{Cert: "node.crt", Key: "node.key", CAFile: "ca.crt"}, log)
//	if err != nil {
//		return err // tls-key-file node.key: the key is encrypted …
//	}
//	ln = tls.NewListener(ln, files.Server())
package tlsfiles
