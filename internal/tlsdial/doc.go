// Package tlsdial makes the client's side of TLS on a connection to a node, or to another
// server that speaks the Redis protocol:
//
//	conn, err := tlsdial.Dial(ctx, network.TCP{}.Dial, "10.0.0.1:7443", cfg)
//
// It exists for its errors. Certificates and ports are set up by people who are not there
// when a connection fails, on two machines, so an [Error] says what failed and what to
// change. That holds for what is only known after the handshake, too: in TLS 1.3 a client
// learns from its first Read, or Write, that the server has refused its certificate.
package tlsdial
