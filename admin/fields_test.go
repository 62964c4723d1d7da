package admin

import "testing"

func TestParseFields(t *testing.T) {
	f := ParseFields("# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\ncluster_size:3\r\nnoise\r\n")
	if f["redis_version"] != "7.0.15" || f["executable"] != "/a:b" || f.Int("cluster_size") != 3 ||
		f.Int("missing") != 0 || len(f) != 3 {
		t.Errorf("read %v", f)
	}
}
