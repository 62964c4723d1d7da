// Subscribes with ioredis' Cluster client, by name, by pattern and sharded, publishes with
// another one, and prints "all came" when the messages have come.
const Redis = require('ioredis');

const nodes = process.argv[2].split(',').map((text) => {
  const [host, port] = text.split(':');
  return { host, port: Number(port) };
});
const fail = (why) => { console.error(why); process.exit(1); };
setTimeout(() => fail('not all messages came'), 20000).unref();

(async () => {
  const sub = new Redis.Cluster(nodes, { shardedSubscribers: true });
  const pub = new Redis.Cluster(nodes);
  const left = new Set(['message news one', 'pmessage ne* news one', 'smessage shard two']);
  const came = (text) => {
    if (!left.delete(text)) fail('not expected: ' + text);
    if (left.size === 0) {
      console.log('all came');
      process.exit(0);
    }
  };
  sub.on('message', (channel, text) => came(`message ${channel} ${text}`));
  sub.on('pmessage', (pattern, channel, text) => came(`pmessage ${pattern} ${channel} ${text}`));
  sub.on('smessage', (channel, text) => came(`smessage ${channel} ${text}`));
  await sub.subscribe('news');
  await sub.psubscribe('ne*');
  await sub.ssubscribe('shard');
  await pub.publish('news', 'one');
  await pub.spublish('shard', 'two');
})().catch(fail);
