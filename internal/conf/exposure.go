package conf

import (
	"errors"
	"slices"
	"strings"
)

// What directives say together.

// busPortOffset is what the bus port is above the client port (docs/spec.md §2.7).
const busPortOffset = 10_000

// BusPort returns where other nodes connect: cluster-port or, as in Redis, 10,000 above
// port even if that is 0; above tls-port if the bus uses TLS, or clients only have that.
// It may be beyond 65535.
func (s *Settings) BusPort() int {
	if port := s.Int("cluster-port"); port != 0 {
		return port
	}
	port, encrypted := s.Int("port"), s.Int("tls-port")
	if encrypted != 0 && (port == 0 || s.Bool("tls-cluster")) {
		port = encrypted
	}
	return port + busPortOffset
}

// asksPassword reports whether the default user needs a password: by "requirepass", or by
// a line "user". What an ACL file will say is not known here; the server asks it for each
// client that comes.
func (s *Settings) asksPassword() bool {
	asks := s.String("requirepass") != "" || s.String("aclfile") != ""
	for _, line := range s.Lines("user") {
		if line.Words[0] != "default" {
			continue
		}
		asks = true
		for _, rule := range line.Words[1:] {
			switch strings.ToLower(rule) {
			case "nopass":
				asks = false
			case "resetpass", "reset":
				asks = true
			default:
				asks = asks || strings.HasPrefix(rule, ">") || strings.HasPrefix(rule, "#")
			}
		}
	}
	return asks
}

// CheckPort returns an error if clients could connect nowhere, or two ports are one.
func (s *Settings) CheckPort() error {
	port, encrypted := s.Int("port"), s.Int("tls-port")
	switch {
	case port == 0 && encrypted == 0 && s.String("unixsocket") == "":
		return &Error{At: s.Where("port"), Name: "port", Value: "0",
			Err: errors.New("the node would not listen anywhere"), Accepted: "a port, or 0 together with tls-port or unixsocket"}
	case port != 0 && port == encrypted:
		return &Error{At: s.Where("tls-port"), Name: "tls-port", Value: s.String("tls-port"),
			Err: errors.New("it is the port of clients without TLS too"), Accepted: "another port, or port 0"}
	}
	return nil
}

// SavesAtEnd reports whether a clean stop saves the keys even without "save" rules, because
// the file says so.
func (s *Settings) SavesAtEnd() bool {
	return slices.Contains(s.List("shutdown-on-sigterm"), "save") ||
		slices.Contains(s.List("shutdown-on-sigint"), "save")
}

// Advice returns warnings about what the directives imply and do not say: which clients
// the node turns away, and that it saves at its end.
func (s *Settings) Advice() (warnings []string) {
	if s.Bool("protected-mode") && !s.asksPassword() && s.Bind().Exposed() &&
		(s.Int("port") != 0 || s.Int("tls-port") != 0) {
		warnings = append(warnings, "clients of other machines are turned away: protected-mode is on and nobody is "+
			`asked for a password; set "requirepass", or "protected-mode no" if everybody who reaches the port may `+
			"use it")
	}
	for _, name := range []string{"shutdown-on-sigint", "shutdown-on-sigterm"} {
		if slices.Contains(s.List(name), "nosave") {
			warnings = append(warnings, s.Where(name)+": "+name+
				` nosave is not obeyed: the keys are saved at the end as long as there are "save" rules`)
		}
	}
	return warnings
}
