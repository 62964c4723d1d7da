package server

import "testing"

// The text is that of redis-server 7.0.15, the number of arguments is looked at first.
func TestDebugIsProtected(t *testing.T) {
	const refused = `-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ` +
		`connection, otherwise you need to set this option in the configuration file, and then restart the server.`
	for _, c := range []struct{ who, want string }{{"", refused}, {ForNobody, refused}, {ForEveryone, "+OK"},
		{ForLocal, "+OK"}} {
		conn := connect(t, startServer(t, Config{Debug: c.who})) // in memory: of this machine
		expect(t, conn, "DEBUG SLEEP 0", c.want)
		expect(t, conn, "DEBUG", "-ERR wrong number of arguments for 'debug' command")
	}
	conn := connect(t, startServer(t, Config{}))
	expect(t, conn, "MULTI", "+OK")
	expect(t, conn, "DEBUG SLEEP 0", refused)
	expect(t, conn, "EXEC", "-EXECABORT Transaction discarded because of previous errors.")
}
