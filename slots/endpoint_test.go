package slots

import "testing"

func TestEndpointType(t *testing.T) {
	named := Node{Addr: Addr{Host: "10.0.0.1", Port: 7001}, Hostname: "a.example"}
	plain := Node{Addr: Addr{Host: "10.0.0.2", Port: 7002}}
	for _, c := range []struct {
		word         string
		named, plain string
	}{
		{"ip", "10.0.0.1", "10.0.0.2"},
		{"hostname", "a.example", "?"},
		{"unknown-endpoint", "", ""},
	} {
		e, err := ParseEndpointType(c.word)
		if err != nil || e.String() != c.word || !e.Valid() {
			t.Errorf("ParseEndpointType(%q) = %v, %v", c.word, e, err)
		}
		if a, b := e.Of(&named), e.Of(&plain); a != c.named || b != c.plain {
			t.Errorf("%s: %q and %q, want %q and %q", e, a, b, c.named, c.plain)
		}
	}
	if e, err := ParseEndpointType("name"); err == nil {
		t.Errorf("%v", e)
	}
	if EndpointType(3).Valid() {
		t.Error("3 is valid")
	}
}
