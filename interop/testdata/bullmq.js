// Runs a queue of BullMQ, its workers and its events on a cluster, as told on standard input:
//
//   add N   adds work, of a kind that depends on N, and answers "added N NAME…" or "failed N WHY"
//
// and tells what happens meanwhile: "done NAME", "event NAME" for the event that it was
// completed, "tick" for each run of a repeated job, "wrong …", and "note …" for errors that a
// client may have while a master is dead.
const { Queue, Worker, QueueEvents, FlowProducer } = require('bullmq');
const Redis = require('ioredis');
const readline = require('readline');

const nodes = process.argv[2].split(',').map((text) => {
  const [host, port] = text.split(':');
  return { host, port: Number(port) };
});
const prefix = process.argv[3];
const say = (...words) => process.stdout.write(words.join(' ').replaceAll('\n', ' ') + '\n');

// A failover takes longer than the client's default patience.
const connect = () => new Redis.Cluster(nodes, {
  maxRedirections: 1000,
  slotsRefreshTimeout: 5000,
  redisOptions: { maxRetriesPerRequest: null },
});
const options = () => {
  const connection = connect();
  connection.on('error', (err) => say('note', 'client:', err.message));
  return { connection, prefix };
};
const noted = (what) => {
  what.on('error', (err) => say('note', what.constructor.name + ':', err.message));
  return what;
};

// The event stream is trimmed again and again.
const queue = noted(new Queue('count', { ...options(), streams: { events: { maxLen: 20000 } } }));
const flows = noted(new FlowProducer(options()));
const events = noted(new QueueEvents('count', { ...options(), lastEventId: '0-0' }));
events.on('completed', ({ jobId }) => say('event', jobId));

const work = async (job) => {
  if (job.name === 'retried' && job.attemptsMade === 0) throw new Error('try again');
  if (job.name === 'delayed' && Date.now() < job.timestamp + job.opts.delay) say('wrong', job.id, 'is early');
  if (job.name === 'parent') {
    const values = Object.values(await job.getChildrenValues()).sort().join();
    if (values !== `${job.id}-a,${job.id}-b`) say('wrong', `the children of ${job.id} returned ${values}`);
  }
  say('done', job.id);
  return job.id;
};
// What a worker was given by a master that died is given to another one after seconds.
const patience = { lockDuration: 5000, stalledInterval: 1000, maxStalledCount: 1000 };
for (let i = 0; i < 2; i++) {
  const worker = noted(new Worker('count', work, {
    ...options(), ...patience, concurrency: 20, removeOnComplete: { count: 500 }, metrics: { maxDataPoints: 100 },
  }));
  worker.on('failed', (job, err) => {
    if (!job || job.attemptsMade >= job.opts.attempts) say('wrong', job && job.id, 'failed:', err.message);
  });
}
const clock = noted(new Queue('clock', options()));
noted(new Worker('clock', async () => say('tick'), { ...options(), ...patience, removeOnComplete: { count: 10 } }));

const add = async (n) => {
  const id = `job-${n}`;
  switch (n % 6) {
    case 0:
      await queue.add('plain', { n }, { jobId: id });
      return [id];
    case 1:
      await queue.addBulk(['-a', '-b', '-c'].map((x) => ({ name: 'bulk', data: { n }, opts: { jobId: id + x } })));
      return [id + '-a', id + '-b', id + '-c'];
    case 2:
      await queue.add('delayed', { n }, { jobId: id, delay: 20 + n % 500 });
      return [id];
    case 3:
      await queue.add('urgent', { n }, { jobId: id, priority: 1 + n % 10 });
      return [id];
    case 4:
      await queue.add('retried', { n }, { jobId: id, attempts: 10, backoff: { type: 'fixed', delay: 20 } });
      return [id];
    default:
      await flows.add({
        name: 'parent', queueName: 'count', data: { n }, opts: { jobId: id },
        children: ['-a', '-b'].map((x) => ({ name: 'child', queueName: 'count', data: { n }, opts: { jobId: id + x } })),
      });
      return [id, id + '-a', id + '-b'];
  }
};

(async () => {
  await queue.waitUntilReady();
  await clock.upsertJobScheduler('ticks', { every: 100 }, { name: 'tick' });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const n = Number(line.split(' ')[1]);
    add(n).then((names) => say('added', n, ...names), (err) => say('failed', n, err.message));
  }
  process.exit(0);
})().catch((err) => {
  say('wrong', err.stack);
  process.exit(1);
});
