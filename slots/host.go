package slots

// maxHost is the length of the longest DNS name.
const maxHost = 255

// ValidHostname reports whether s can be the name of a host: letters, digits, hyphens and
// dots, as Redis asks for. Names stand in the lines of CLUSTER NODES, where a space or a
// line break would forge a node.
func ValidHostname(s string) bool { return only(s, "-.") }

// ValidHost reports whether s can be the host of an Addr: a name, or an IP address with
// or without a zone. Underscores are no part of a hostname, but of many names that
// resolve.
func ValidHost(s string) bool { return only(s, "-._:%") }

// ValidZone reports whether s can be the availability zone of a node, such as
// "eu-central-1a" or "rack/7".
func ValidZone(s string) bool { return only(s, "-._/") }

// only reports whether s, which must not be empty, has letters, digits and the given
// marks only.
func only(s, marks string) bool {
	if s == "" || len(s) > maxHost {
		return false
	}
next:
	for _, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			continue
		}
		for _, m := range []byte(marks) {
			if c == m {
				continue next
			}
		}
		return false
	}
	return true
}
