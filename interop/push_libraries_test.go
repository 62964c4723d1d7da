package interop

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/livekit/psrpc"
	"github.com/livekit/psrpc/pkg/bus/redisbus"
	rpc "github.com/livekit/psrpc/pkg/client"
	"github.com/livekit/psrpc/pkg/info"
	"github.com/livekit/psrpc/pkg/server"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// publications are what a node of centrifuge is told.
type publications chan string

func (p publications) HandlePublication(channel string, m *centrifuge.Publication, _ centrifuge.StreamPosition, _ bool,
	_ *centrifuge.Publication) error {
	p <- channel + " " + string(m.Data)
	return nil
}

func (p publications) HandleJoin(channel string, who *centrifuge.ClientInfo) error {
	p <- channel + " joined by " + who.ClientID
	return nil
}

func (p publications) HandleLeave(channel string, who *centrifuge.ClientInfo) error {
	p <- channel + " left by " + who.ClientID
	return nil
}

func (p publications) want(t *testing.T, text string) {
	t.Helper()
	select {
	case got := <-p:
		if got != text {
			t.Errorf("%q came, want %q", got, text)
		}
	case <-time.After(pushed):
		t.Errorf("%q did not come", text)
	}
}

// centrifugeBroker: two nodes of centrifuge, by cluster-wide and by sharded channels, with a
// history in streams, as is its default, or in lists.
func centrifugeBroker(t *testing.T, c *shards) {
	for _, way := range []struct {
		partitions int
		lists      bool
	}{{0, false}, {8, false}, {0, true}, {8, true}} {
		var brokers [2]*centrifuge.RedisBroker
		var presence *centrifuge.RedisPresenceManager
		told := make(publications, 100)
		for i := range brokers {
			node, err := centrifuge.New(centrifuge.Config{})
			if err != nil {
				t.Fatal(err)
			}
			shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{ClusterAddresses: addrs(c.nodes)})
			if err != nil {
				t.Fatal(err)
			}
			shards := []*centrifuge.RedisShard{shard}
			if brokers[i], err = centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: shards, UseLists: way.lists,
				NumShardedPubSubPartitions: way.partitions}); err != nil {
				t.Fatal(err)
			}
			if presence, err = centrifuge.NewRedisPresenceManager(node,
				centrifuge.RedisPresenceManagerConfig{Shards: shards}); err != nil {
				t.Fatal(err)
			}
			handler := publications(make(chan string, 100))
			if i == 1 {
				handler = told
			}
			if err := brokers[i].RegisterBrokerEventHandler(handler); err != nil {
				t.Fatal(err)
			}
			defer brokers[i].Close(context.Background())
		}
		if err := brokers[1].Subscribe("chat"); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"one", "two", "three"} {
			if _, err := brokers[0].Publish("chat", []byte(text), centrifuge.PublishOptions{HistorySize: 2,
				HistoryTTL: time.Minute}); err != nil {
				t.Fatal(err)
			}
			told.want(t, "chat "+text)
		}
		at := wantHistory(t, brokers[1], centrifuge.HistoryFilter{Limit: -1}, "two", "three")
		if !way.lists {
			wantHistory(t, brokers[1], centrifuge.HistoryFilter{Limit: -1, Reverse: true}, "three", "two")
		}
		wantHistory(t, brokers[0], centrifuge.HistoryFilter{Limit: 1}, "two")
		at.Offset--
		wantHistory(t, brokers[0], centrifuge.HistoryFilter{Limit: 5, Since: &at}, "three")
		if err := brokers[0].RemoveHistory("chat"); err != nil {
			t.Error(err)
		}
		who := &centrifuge.ClientInfo{ClientID: "client", UserID: "user"}
		if err := presence.AddPresence("chat", "client", who); err != nil {
			t.Fatal(err)
		}
		if all, err := presence.Presence("chat"); err != nil || len(all) != 1 || all["client"].UserID != "user" {
			t.Errorf("present are %v, %v", all, err)
		}
		if err := brokers[0].PublishJoin("chat", who); err != nil {
			t.Fatal(err)
		}
		told.want(t, "chat joined by client")
		if err := presence.RemovePresence("chat", "client", "user"); err != nil {
			t.Fatal(err)
		}
		if stats, err := presence.PresenceStats("chat"); err != nil || stats.NumClients != 0 {
			t.Errorf("still present: %+v, %v", stats, err)
		}
	}
}

// wantHistory fails the test if the publications in a channel's history, after three, are
// others. It returns where the history ends.
func wantHistory(t *testing.T, broker centrifuge.Broker, filter centrifuge.HistoryFilter,
	want ...string) centrifuge.StreamPosition {
	t.Helper()
	history, at, err := broker.History("chat", centrifuge.HistoryOptions{Filter: filter})
	var texts []string
	for _, m := range history {
		texts = append(texts, string(m.Data))
	}
	if err != nil || !slices.Equal(texts, want) || at.Offset < 3 {
		t.Errorf("the history is %q up to %d, %v", texts, at.Offset, err)
	}
	return at
}

// callPSRPC asks until a server answers: none does before its subscriptions, and those of the
// caller, are confirmed, for which neither RegisterHandler nor NewRPCClient waits, and the
// library gives servers a second.
func callPSRPC(t *testing.T, caller *rpc.RPCClient, text string) (out *wrapperspb.StringValue, err error) {
	for end := time.Now().Add(pushed); ; {
		out, err = rpc.RequestSingle[*wrapperspb.StringValue](t.Context(), caller, "Say", nil, wrapperspb.String(text),
			psrpc.WithRequestTimeout(pushed))
		if !errors.Is(err, psrpc.ErrNoResponse) || time.Now().After(end) {
			return out, err
		}
	}
}

// psrpcCalls: requests, which one of two servers claims, and messages to all who have joined.
func psrpcCalls(t *testing.T, c *shards) {
	define := func() *info.ServiceDefinition {
		sd := &info.ServiceDefinition{Name: "Echo", ID: t.Name() + time.Now().String()}
		sd.RegisterMethod("Say", false, false, true, false)
		sd.RegisterMethod("News", false, true, false, false)
		return sd
	}
	var servers [2]*server.RPCServer
	for i := range servers {
		servers[i] = server.NewRPCServer(define(), redisbus.New(c.client()))
		defer servers[i].Close(true)
		if err := server.RegisterHandler(servers[i], "Say", nil,
			func(_ context.Context, in *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
				return wrapperspb.String("you said " + in.Value), nil
			}, nil); err != nil {
			t.Fatal(err)
		}
	}
	caller, err := rpc.NewRPCClient(define(), redisbus.New(c.client()))
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	for _, text := range []string{"hello", "good bye"} {
		out, err := callPSRPC(t, caller, text)
		if err != nil || out.Value != "you said "+text {
			t.Errorf("the answer is %v, %v", out, err)
		}
	}
	news, err := rpc.Join[*wrapperspb.StringValue](t.Context(), caller, "News", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	for got := false; !got; { // Join does not wait for the confirmation
		if err := servers[0].Publish(t.Context(), "News", nil, wrapperspb.String("today")); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-news.Channel():
			if got = true; m.Value != "today" {
				t.Errorf("%q came", m.Value)
			}
		case <-time.After(pushed / 100):
		}
	}
}

// ioredisSubscribes with the Cluster client of ioredis, if Node.js has it (npm install
// ioredis, and its folder in NODE_PATH).
func ioredisSubscribes(t *testing.T, c *shards) {
	if exec.Command("node", "-e", "require('ioredis')").Run() != nil {
		t.Skip("node does not find ioredis")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", "testdata/ioredis.js", addrsText(c)).CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "all came") {
		t.Errorf("%v:\n%s", err, out)
	}
}
