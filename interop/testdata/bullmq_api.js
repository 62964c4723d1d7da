// Calls what BullMQ's queues, jobs, flows, workers and relays offer, one after the other, so that
// its scripts run on a cluster. It prints what went wrong, and "all called" at the end.
const { Queue, Worker, QueueEvents, QueueEventsProducer, FlowProducer, Relay } = require('bullmq');
const Redis = require('ioredis');
const { deepStrictEqual: same } = require('assert');

const nodes = process.argv[2].split(',').map((text) => {
  const [host, port] = text.split(':');
  return { host, port: Number(port) };
});
const prefix = process.argv[3];
const options = () => {
  const connection = new Redis.Cluster(nodes, { redisOptions: { maxRetriesPerRequest: null } });
  return { connection, prefix };
};
let wrong = 0;
const call = async (name, f) => {
  try {
    return await f();
  } catch (err) {
    wrong++;
    console.log(`${name}: ${err.message}`);
  }
};
const fails = async (promise, text) => {
  let message = 'nothing';
  await promise.catch((err) => { message = err.message; });
  if (!message.includes(text)) throw new Error(`failed with ${message}, want ${text}`);
};
const state = async (job, want) => same(await job.getState(), want);
const token = 'token';

const queue = new Queue('api', options());
const worker = new Worker('api', null, { ...options(), autorun: false, stalledInterval: 50, metrics: { maxDataPoints: 10 } });
const events = new QueueEvents('api', options());
const flows = new FlowProducer(options());
const next = async (want) => {
  const job = await worker.getNextJob(token, { block: false });
  same(job && job.name, want);
  return job;
};

const jobs = async () => {
  await call('add', async () => {
    const job = await queue.add('first', { a: [1, 'two', null] });
    await job.updateData({ b: 1 });
    await job.updateProgress(50);
    await job.log('one');
    await job.log('two');
    same((await queue.getJobLogs(job.id)).logs, ['one', 'two']);
    await job.clearLogs(1);
    same((await queue.getJobLogs(job.id)).logs, ['two']);
    const again = await queue.getJob(job.id);
    same([again.data, again.progress], [{ b: 1 }, 50]);
    await state(job, 'waiting');
    same(await job.isWaiting(), true);
  });
  await call('complete', async () => {
    const job = await next('first');
    await state(job, 'active');
    await job.extendLock(token, 30000);
    await worker.extendJobLocks([job.id, 'none'], [token, token], 30000);
    await fails(job.moveToCompleted('no', 'other', false), 'Lock mismatch');
    const finished = job.waitUntilFinished(events, 10000);
    await job.moveToCompleted({ result: 'ü' }, token, false);
    same(await finished, { result: 'ü' });
    await state(job, 'completed');
    same(await job.waitUntilFinished(events), { result: 'ü' });
  });
  await call('delay', async () => {
    const job = await queue.add('delayed', {}, { delay: 100000 });
    await job.changeDelay(200000);
    await state(job, 'delayed');
    await job.promote();
    await state(job, 'waiting');
    const active = await next('delayed');
    await active.moveToDelayed(Date.now() + 100000, token);
    await state(job, 'delayed');
    await queue.promoteJobs();
    await (await next('delayed')).moveToWait(token);
    await state(job, 'waiting');
    await job.remove();
    await state(job, 'unknown');
  });
  await call('priority', async () => {
    const job = await queue.add('low', {}, { priority: 10 });
    await queue.add('high', {}, { priority: 2 });
    await job.changePriority({ priority: 1 });
    same(await queue.getCountsPerPriority([1, 2, 10]), { 1: 1, 2: 1, 10: 0 });
    await (await next('low')).moveToCompleted(1, token, false);
    await (await next('high')).moveToCompleted(1, token, false);
  });
  await call('failures', async () => {
    await queue.add('fails', {}, { attempts: 2, backoff: 1 });
    let job = await next('fails');
    await job.moveToFailed(new Error('once'), token);
    await state(job, 'delayed');
    await queue.promoteJobs();
    job = await next('fails');
    await job.moveToFailed(new Error('twice'), token);
    await state(job, 'failed');
    await job.retry('failed');
    await state(job, 'waiting');
    await (await next('fails')).moveToFailed(new Error('thrice'), token);
    await queue.retryJobs();
    await (await next('fails')).moveToCompleted(1, token, false);
  });
  await call('stalled', async () => {
    await queue.add('stalls', {});
    await (await next('stalls')).extendLock(token, 1);
    const stalled = new Promise((resolve) => { worker.on('stalled', resolve); });
    await worker.startStalledCheckTimer();
    await stalled;
    const job = await next('stalls');
    same(job.stalledCounter, 1);
    await job.moveToCompleted(1, token, false);
  });
  await call('deduplication', async () => {
    const first = await queue.add('same', {}, { deduplication: { id: 'd', ttl: 100000 } });
    const second = await queue.add('same', {}, { deduplication: { id: 'd', ttl: 100000 } });
    same([second.id, await queue.getDeduplicationJobId('d')], [first.id, first.id]);
    await queue.removeDeduplicationKey('d');
    same(await queue.getDeduplicationJobId('d'), null);
    const third = await queue.add('same', {}, { deduplication: { id: 'd', ttl: 100000 } });
    same([await third.removeDeduplicationKey(), await third.removeDeduplicationKey()], [true, false]);
    await (await next('same')).moveToCompleted(1, token, false);
    await (await next('same')).moveToCompleted(1, token, false);
  });
};

const queues = async () => {
  await call('pause', async () => {
    await queue.pause();
    await queue.add('paused', {});
    same([await queue.isPaused(), await queue.count()], [true, 1]);
    await queue.resume();
    await (await next('paused')).moveToCompleted(1, token, false);
  });
  await call('limits', async () => {
    await queue.setGlobalConcurrency(1);
    await queue.addBulk([{ name: 'one', data: {} }, { name: 'two', data: {} }]);
    const job = await next('one');
    same(await queue.isMaxed(), true);
    await job.moveToCompleted(1, token, false);
    await queue.removeGlobalConcurrency();
    await queue.setGlobalRateLimit(1, 100000);
    same(await queue.getGlobalRateLimit(), { max: 1, duration: 100000 });
    await queue.removeGlobalRateLimit();
    await queue.rateLimit(100000);
    if (!(await queue.getRateLimitTtl() > 0)) throw new Error('no limit');
    await queue.removeRateLimitKey();
    await (await next('two')).moveToCompleted(1, token, false);
  });
  await call('schedulers', async () => {
    await queue.upsertJobScheduler('s', { every: 100000 }, { name: 'scheduled', data: { n: 1 } });
    await queue.upsertJobScheduler('s', { pattern: '0 0 1 1 *' }, { name: 'scheduled', data: { n: 2 } });
    await queue.upsertJobScheduler('t', { every: 100000, limit: 5 }, { name: 'other' });
    same(await queue.getJobSchedulersCount(), 2);
    same((await queue.getJobScheduler('s')).template.data, { n: 2 });
    same((await queue.getJobSchedulers(0, -1, true)).map((s) => s.key).sort(), ['s', 't']);
    await (await next('other')).moveToCompleted(1, token, false);
    same([await queue.removeJobScheduler('s'), await queue.removeJobScheduler('t')], [true, true]);
  });
  await call('getters', async () => {
    await queue.add('waits', {});
    const counts = await queue.getJobCounts();
    same([counts.waiting, counts.completed > 5, await queue.count()], [1, true, 1]);
    same((await queue.getJobs(['waiting', 'completed'], 0, 2, true)).length > 1, true);
    same((await queue.getMetrics('completed')).meta.count > 5, true);
    if (!(await queue.exportPrometheusMetrics()).includes('bullmq_job_count')) throw new Error('no metrics');
    await queue.getWorkers();
    await queue.getMeta();
  });
  await call('cleaning', async () => {
    await queue.drain(true);
    same(await queue.count(), 0);
    same((await queue.clean(0, 3, 'completed')).length, 3);
    await queue.clean(0, 0, 'completed');
    same((await queue.getJobCounts('completed')).completed, 0);
    await options().connection.hset(queue.toKey('orphan'), 'name', 'nobody');
    let removed = 0;
    while (removed === 0) removed = await queue.removeOrphanedJobs(); // it scans one node, any
    await new Promise((resolve, reject) => {
      const producer = new QueueEventsProducer('api', options());
      events.on('custom', ({ text }) => (text === 'hello' ? resolve() : reject(new Error(text))));
      producer.publishEvent({ eventName: 'custom', text: 'hello' }).catch(reject);
    });
    same(await queue.trimEvents(0) > 0, true);
  });
};

const families = async () => {
  const child = (name, opts) => ({ name, queueName: 'api', data: {}, opts });
  const grow = (name, children, opts) => flows.add({ name, queueName: 'api', data: {}, opts, children });
  await call('flow', async () => {
    const { job } = await grow('parent', [child('a'), child('b', { failParentOnFailure: true }), child('c')]);
    await state(job, 'waiting-children');
    same((await flows.getFlow({ id: job.id, queueName: 'api' })).children.length, 3);
    same((await job.getDependenciesCount()).unprocessed, 3);
    await (await next('a')).moveToCompleted('from a', token, false);
    same(Object.values(await job.getChildrenValues()), ['from a']);
    same((await queue.getDependencies(job.id, 'processed', 0, 9)).total, 1);
    await (await next('b')).moveToFailed(new Error('b fails'), token);
    await job.removeUnprocessedChildren();
    await (await next('parent')).moveToFailed(new Error('its child failed'), token);
    await state(job, 'failed');
    await job.remove();
  });
  await call('lonely child', async () => {
    const { job, children } = await grow('parent', [child('a'), child('b', { ignoreDependencyOnFailure: true })]);
    same(await children[0].job.removeChildDependency(), true);
    await (await next('a')).moveToCompleted(1, token, false);
    await (await next('b')).moveToFailed(new Error('ignored'), token);
    same(Object.values(await job.getIgnoredChildrenFailures()), ['ignored']);
    const parent = await next('parent');
    await flows.add({ ...child('late'), opts: { parent: { id: parent.id, queue: parent.queueQualifiedName } } });
    same(await parent.moveToWaitingChildren(token), true);
    await (await next('late')).moveToCompleted(1, token, false);
    await (await next('parent')).moveToCompleted(1, token, false);
  });
  await call('relay', async () => {
    const [from, to] = [new Relay({ ...options(), namespace: 'news', sweepInterval: 50 }), new Relay({ ...options(), namespace: 'news' })];
    let came;
    const message = new Promise((resolve) => { came = resolve; });
    const subscription = await to.subscribe('a.*', came);
    await from.publish('a.b', { text: 'hello' }, { retain: 100000 });
    same((await message).data, { text: 'hello' });
    const retained = await new Promise((resolve, reject) => { from.subscribe('a.b', resolve).catch(reject); });
    same([retained.retained, retained.data], [true, { text: 'hello' }]);
    same([await from.deleteRetained('a.b'), await from.deleteRetained('a.b')], [true, false]);
    await subscription.unsubscribe();
    await from.getNamespaces();
    await from.getPatterns();
    await from.getCounts();
    await from.getNodes();
    await from.close();
    await to.close();
  });
  await call('obliterate', () => queue.obliterate({ force: true }));
};

(async () => {
  await Promise.all([queue, worker, events, flows].map((what) => what.waitUntilReady()));
  await jobs();
  await queues();
  await families();
  if (wrong === 0) console.log('all called');
  process.exit(wrong);
})().catch((err) => {
  console.log(err.stack);
  process.exit(1);
});
