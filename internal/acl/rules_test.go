package acl

import "testing"

// TestSetUser has what redis-server 7.0.15 shows in ACL LIST, with its commands in the
// order of their names.
func TestSetUser(t *testing.T) {
	const a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // sha256 of a
	for _, c := range []struct {
		modifiers []string
		want      string
	}{
		{nil, "off resetchannels -@all"},
		{[]string{"ON", "", ">a", "NoPass", ">a", ">a"}, "on #" + a + " resetchannels -@all"},
		{[]string{"#" + a, "<a"}, "off resetchannels -@all"},
		{[]string{"#" + a, "!" + a}, "off resetchannels -@all"},
		{[]string{">a", "nopass"}, "off nopass resetchannels -@all"},
		{[]string{"nopass", "resetpass"}, "off resetchannels -@all"},
		{[]string{"%R~a", "%W~a", "~b", "%rW~c", "%w~d", "%R"}, "off ~a ~b ~c %W~d %R~ resetchannels -@all"},
		{[]string{"~a", "allkeys"}, "off ~* resetchannels -@all"},
		{[]string{"~*", "resetkeys", "~a"}, "off ~a resetchannels -@all"},
		{[]string{"&a", "&b", "&a"}, "off resetchannels &a &b -@all"},
		{[]string{"&a", "&*"}, "off &* -@all"},
		{[]string{"+GET", "+config|get"}, "off resetchannels -@all +config|get +get"},
		{[]string{"+config", "-config|set"}, "off resetchannels -@all +config -config|set"},
		{[]string{"+select|1", "+select|0", "+SELECT|0", "+get|a"}, "off resetchannels -@all +get|a +select|1 +select|0"},
		{[]string{"+get|a", "+get"}, "off resetchannels -@all +get"},
		{[]string{"+get|a", "-get"}, "off resetchannels -@all"},
		{[]string{"+get|a", "-@read"}, "off resetchannels -@all"},
		{[]string{"+get|a", "+select|0", "-@read"}, "off resetchannels -@all +select|0"},
		{[]string{"allcommands", "-get"}, "off resetchannels +@all -get"},
		{[]string{"+@all", "-@admin"}, "off resetchannels +@all -@admin"},
		{[]string{"+@slow", "-client|odd"}, "off resetchannels -@all +@slow -client|odd"},
		{[]string{"+@slow"}, "off resetchannels -@all +@slow"},
		{[]string{"+@admin"}, "off resetchannels -@all +@admin"},
		{[]string{"+@all", "nocommands"}, "off resetchannels -@all"},
		{[]string{"skip-sanitize-payload"}, "off skip-sanitize-payload resetchannels -@all"},
		{[]string{"on", "nopass", "~*", "&*", "+@all", "(~a)", "reset"}, "off sanitize-payload resetchannels -@all"},
		{[]string{"(~a +get)"}, "off resetchannels -@all (~a resetchannels -@all +get)"},
		{[]string{"(~a", "&b", "+@all)"}, "off resetchannels -@all (~a resetchannels &b +@all)"},
		{[]string{"()"}, "off resetchannels -@all (resetchannels -@all)"},
		{[]string{"(~a)", "clearselectors", "(~b)"}, "off resetchannels -@all (~b resetchannels -@all)"},
		{[]string{`(~"a'" '~b\')')`}, `off resetchannels -@all (~"a'" ~"b')" resetchannels -@all)`},
	} {
		us := testUsers(t)
		got := mustSet(t, us, "u", c.modifiers...).String()
		if got != "user u "+c.want {
			t.Errorf("%q:\n got %s\nwant user u %s", c.modifiers, got, c.want)
		}
	}
}

// TestSetUserErrors has the texts of redis-server 7.0.15, apart from the last ones.
func TestSetUserErrors(t *testing.T) {
	const (
		syntax  = "Syntax error"
		unknown = "Unknown command or category name in ACL"
		hash    = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	)
	for _, c := range []struct {
		modifiers []string
		modifier  string
		reason    string
	}{
		{[]string{"on", "foo"}, "foo", syntax},
		{[]string{"%~a"}, "%~a", syntax},
		{[]string{"%RR~a"}, "%RR~a", syntax},
		{[]string{"%"}, "%", syntax},
		{[]string{"%x~a"}, "%x~a", syntax},
		{[]string{"~a b"}, "~a b", syntax},
		{[]string{"&a\x00"}, "&a\x00", syntax},
		{[]string{"allkeys", "~a"}, "~a", errAllKeys.Error()},
		{[]string{"allkeys", "%q"}, "%q", errAllKeys.Error()},
		{[]string{"allchannels", "&a"}, "&a", errAllChannels.Error()},
		{[]string{"+nosuch"}, "+nosuch", unknown},
		{[]string{"+"}, "+", unknown},
		{[]string{"-"}, "-", unknown},
		{[]string{"+@"}, "+@", unknown},
		{[]string{"-@nosuch"}, "-@nosuch", unknown},
		{[]string{"+config|nosuch"}, "+config|nosuch", unknown},
		{[]string{"+nosuch|a"}, "+nosuch|a", unknown},
		{[]string{"+config|"}, "+config|", syntax},
		{[]string{"+select|"}, "+select|", syntax},
		{[]string{"-select|0"}, "-select|0", unknown},
		{[]string{"+config|get|a"}, "+config|get|a", errFirstArg.Error()},
		{[]string{"<a"}, "<a", errNoPassword.Error()},
		{[]string{"#a"}, "#a", hash},
		{[]string{"!a"}, "!a", hash},
		{[]string{"#CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"},
			"#CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB", hash},
		{[]string{"(~a on)"}, "(~a on)", syntax},
		{[]string{"(~a", "+nosuch)"}, "(~a +nosuch)", unknown},
		{[]string{")"}, ")", syntax},

		// Redis accepts these.
		{[]string{"+select|0 1"}, "+select|0 1", syntax},
		{[]string{`("~a)`}, `("~a)`, syntax},
	} {
		us := testUsers(t)
		mustSet(t, us, "u", "~old", "+get")
		before := us.Lookup("u").String()
		err := us.SetUser("u", c.modifiers)
		want := "Error in ACL SETUSER modifier '" + c.modifier + "': " + c.reason
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", c.modifiers, err, want)
		}
		if after := us.Lookup("u").String(); after != before {
			t.Errorf("%q: an error left %s", c.modifiers, after)
		}
	}
}

func TestUnmatchedParenthesis(t *testing.T) {
	for _, modifiers := range [][]string{{"("}, {"on", "(~a", "+get"}, {"(~a", "(~b", "~c)"}} {
		want := "(~a"
		if len(modifiers) == 1 {
			want = "("
		}
		err := testUsers(t).SetUser("u", modifiers)
		if err == nil || err.Error() != "Unmatched parenthesis in acl selector starting at '"+want+"'." {
			t.Errorf("%q: got %v", modifiers, err)
		}
	}
}
