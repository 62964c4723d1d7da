// Package tlsfiles makes configurations of crypto/tls.
package tlsfiles
