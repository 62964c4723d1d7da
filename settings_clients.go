package slotmesh

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/server"
)

// clientConfig returns what a configuration file says of clients.
func clientConfig(s *conf.Settings) (ClientConfig, error) {
	c := ClientConfig{
		Password:    s.String("requirepass"),
		IdleTimeout: s.Duration("timeout"),
		Max:         s.Int("maxclients"),
		Endpoint:    endpointType(s),
		Open:        !s.Bool("protected-mode"),
		Socket:      s.String("unixsocket"),
		SocketMode:  s.Mode("unixsocketperm"),
		SocketOnly:  s.Int("port") == 0,
	}
	if c.SocketOnly && c.Socket == "" {
		return c, &conf.Error{At: s.Where("port"), Name: "port", Value: "0",
			Err: errors.New("the node would not listen anywhere"), Accepted: "a port, or 0 together with unixsocket"}
	}
	if c.Socket != "" && !filepath.IsAbs(c.Socket) {
		c.Socket = filepath.Join(s.String("dir"), c.Socket)
	}
	var names server.Renames
	for _, r := range s.Renames() {
		if err := names.Add(r.Name, r.NewName); err != nil {
			return c, &conf.Error{At: r.At, Name: "rename-command", Value: r.Name + " " + r.NewName, Err: err,
				Accepted: "a command of Redis, and a name that no other command has"}
		}
	}
	c.Rename = names.Names()
	return c, nil
}

// shutdownWarnings tells what the node does otherwise than the words of
// shutdown-on-sigint and -sigterm say.
func shutdownWarnings(s *conf.Settings) (warnings []string) {
	for _, name := range []string{"shutdown-on-sigint", "shutdown-on-sigterm"} {
		if slices.Contains(s.List(name), "nosave") {
			warnings = append(warnings, s.Where(name)+": "+name+
				` nosave is not obeyed: the keys are saved at the end as long as there are "save" rules`)
		}
	}
	return warnings
}

// busPort is where other nodes connect: cluster-port or, as in Redis, 10,000 above port
// even if that is 0.
func busPort(s *conf.Settings) int {
	if port := s.Int("cluster-port"); port != 0 {
		return port
	}
	return s.Int("port") + busPortOffset
}

// exposureWarnings tells who cannot connect, and what to do about it.
func exposureWarnings(s *conf.Settings, bind *conf.Bind) (warnings []string) {
	if !s.Bool("protected-mode") || s.String("requirepass") != "" {
		return nil
	}
	if bind.Exposed() && s.Int("port") != 0 {
		warnings = append(warnings, `clients of other machines are turned away: protected-mode is on and nobody is asked for a password; `+
			`set "requirepass", or "protected-mode no" if everybody who reaches the port may use it`)
	}
	if bind.Guarded() && s.Bool("cluster-enabled") {
		warnings = append(warnings, `nodes on other machines cannot connect: protected-mode keeps the bus to the loopback address, `+
			`for there is neither "bind" nor "requirepass"; set "bind" to the addresses of the network that the nodes share`)
	}
	return warnings
}

// savesAtEnd reports whether a clean stop saves the keys though there are no "save"
// rules: the file says so, or it asks for a log that would have them.
func savesAtEnd(s *conf.Settings) bool {
	return slices.Contains(s.List("shutdown-on-sigterm"), "save") ||
		slices.Contains(s.List("shutdown-on-sigint"), "save") ||
		s.Unheeded("appendonly")
}
