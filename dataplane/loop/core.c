/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "check.h"

/* Plain additions on the core's side; relaxed so that a reader in another thread sees whole
 * values. */
static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* --- What net/ and tcp/ ask of their loop --- */

static struct loop_core *core_of_net(struct net_env *env)
{
	return (struct loop_core *)((char *)env - offsetof(struct loop_core, net_env));
}

/* SplitMix64: for jitter and port numbers; secrets come from getrandom(). */
static uint64_t core_random(struct loop_core *core)
{
	uint64_t z = (core->random_state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t net_random(struct net_env *env)
{
	return core_random(core_of_net(env));
}

static uint64_t tcp_random(struct tcp_env *env)
{
	return core_random((struct loop_core *)((char *)env - offsetof(struct loop_core, tcp_env)));
}

static void outbox_post(struct loop_core *core, unsigned to)
{
	struct loop_outbox *outbox = &core->outboxes[to];
	unsigned dropped;

	if (outbox->n == 0)
		return;
	dropped = loop_mailbox_put_frames(&core->cores[to]->mailbox, outbox->frames, outbox->n);
	count(&core->stats.frames_handed_over, outbox->n - dropped);
	count(&core->stats.hand_over_dropped, dropped);
	outbox->n = 0;
}

static void outboxes_post(struct loop_core *core)
{
	for (unsigned to = 0; to < core->cores_n; to++)
		outbox_post(core, to);
}

static void net_hand_over(struct net_env *env, unsigned to, struct port *port,
			  struct rte_mbuf *frame)
{
	struct loop_core *core = core_of_net(env);
	struct loop_outbox *outbox = &core->outboxes[to];

	ASSERT(to < core->cores_n && to != core->number);
	outbox->frames[outbox->n++] = (struct loop_frame){port, frame};
	if (outbox->n == PORT_BURST_MAX)
		outbox_post(core, to);
}

static void net_learnt(struct net_env *env, const struct net_neighbour *neighbour)
{
	struct loop_core *core = core_of_net(env);

	for (unsigned to = 0; to < core->cores_n; to++)
		if (to != core->number &&
		    !loop_mailbox_put_neighbour(&core->cores[to]->mailbox, neighbour))
			count(&core->stats.neighbours_dropped, 1);
}

static void net_icmp_error(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
			   struct span quoted)
{
	tcp_icmp(core_of_net(env)->tcp, type, code, mtu, quoted);
}

/* --- The turn --- */

static unsigned receive(struct loop_core *core)
{
	struct rte_mbuf *frames[PORT_BURST_MAX], *packets[PORT_BURST_MAX];
	unsigned total = 0;

	for (unsigned k = 0; k < core->queues_n; k++) {
		const struct loop_queue *queue = &core->queues[k];
		unsigned n = port_receive(queue->port, queue->queue, frames, PORT_BURST_MAX);

		if (n == 0)
			continue;
		total += n;
		n = net_input(core->net, queue->port, frames, n, packets);
		if (n > 0)
			tcp_input(core->tcp, packets, n);
	}
	if (total > 0)
		outboxes_post(core);
	return total;
}

static unsigned receive_handed(struct loop_core *core)
{
	struct rte_mbuf *frames[PORT_BURST_MAX], *packets[PORT_BURST_MAX];
	struct port *port;
	unsigned total = loop_mailbox_frames(&core->mailbox, &port, frames, PORT_BURST_MAX);

	if (total > 0) {
		unsigned n = net_input_handed(core->net, port, frames, total, packets);

		if (n > 0)
			tcp_input(core->tcp, packets, n);
	}
	return total;
}

static unsigned hear_neighbours(struct loop_core *core)
{
	struct net_neighbour neighbour;
	unsigned n = 0;

	while (n < LOOP_NEIGHBOURS_PER_TURN_MAX &&
	       loop_mailbox_neighbour(&core->mailbox, &neighbour)) {
		net_neighbour_put(core->net, &neighbour);
		n++;
	}
	return n;
}

static unsigned hear_workers(struct loop_core *core)
{
	unsigned n = loop_workers_answers(core->workers, core->number, LOOP_ANSWERS_PER_TURN_MAX);

	count(&core->stats.jobs, n);
	return n;
}

static bool produce(struct loop_core *core, uint64_t begun_ns)
{
	const uint64_t now_ns = clock_now_ns(&core->clock.clock);
	uint64_t deadline_ns = begun_ns + LOOP_TURN_NS_MAX;

	if (deadline_ns < now_ns + LOOP_PRODUCE_NS_MIN)
		deadline_ns = now_ns + LOOP_PRODUCE_NS_MIN;
	return tcp_produce(core->tcp, deadline_ns);
}

static void turn_count(struct loop_core *core, unsigned frames, bool busy, uint64_t begun_ns)
{
	const uint64_t now_ns = clock_now_ns(&core->clock.clock);
	const uint64_t turn_ns = now_ns - begun_ns;

	count(&core->stats.turns, 1);
	if (!busy)
		return;
	core->sleeper.worked_ns = now_ns;
	count(&core->stats.turns_busy, 1);
	count(&core->stats.busy_ns, turn_ns);
	count(&core->stats.frames_in, frames);
	if (turn_ns > core->stats.turn_ns_max)
		__atomic_store_n(&core->stats.turn_ns_max, turn_ns, __ATOMIC_RELAXED);
}

bool loop_core_run_turn(struct loop_core *core)
{
	const uint64_t begun_ns = clock_now_ns(&core->clock.clock);
	const unsigned frames = receive(core);
	unsigned work = frames;

	work += receive_handed(core);
	work += hear_neighbours(core);
	work += hear_workers(core);
	tcp_advance(core->tcp);
	if (core->turn != NULL)
		work += core->turn(core, core->number, core->arg);
	work += produce(core, begun_ns);
	net_advance(core->net);
	net_flush(core->net);
	turn_count(core, frames, work > 0, begun_ns);
	return work > 0;
}

/* --- Between turns --- */

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t core_next_ns(const struct loop_core *core)
{
	uint64_t next_ns = min_ns(tcp_next_ns(core->tcp), net_next_ns(core->net));

	/* While it ends it looks often whether the last connection has gone. */
	if (core->drain_until_ns != 0)
		next_ns = min_ns(next_ns, min_ns(core->drain_until_ns,
						 core->clock.clock.mono_ns + LOOP_ENDING_NS));
	return next_ns;
}

/* Pairs with the release in loop_stop(). */
static bool ending_asked(const struct loop_core *core)
{
	return __atomic_load_n(&core->ending->asked, __ATOMIC_ACQUIRE) != core->ending_seen;
}

/* What other threads may have posted since the core last looked. */
static bool core_was_posted(const struct loop_core *core)
{
	return !loop_mailbox_empty(&core->mailbox) ||
	       loop_workers_answered(core->workers, core->number) || ending_asked(core);
}

static void core_rest(struct loop_core *core)
{
	const uint64_t now_ns = core->clock.clock.mono_ns;
	const uint64_t sleep_ns = loop_sleeper_ns(
		&core->sleeper, now_ns, loop_workers_under_way(core->workers, core->number),
		core_next_ns(core));

	if (sleep_ns == 0) {
		rte_pause();
		return;
	}
	if (loop_sleeper_begin(&core->sleeper) && !core_was_posted(core)) {
		loop_sleeper_wait(&core->sleeper, sleep_ns);
		count(&core->stats.sleeps, 1);
		count(&core->stats.slept_ns, clock_now_ns(&core->clock.clock) - now_ns);
	}
	loop_sleeper_end(&core->sleeper);
}

static void ending_follow(struct loop_core *core)
{
	const struct loop_ending *ending = core->ending;

	core->ending_seen = __atomic_load_n(&ending->asked, __ATOMIC_ACQUIRE);
	core->drain_until_ns = core->clock.clock.mono_ns +
			       __atomic_load_n(&ending->grace_ms, __ATOMIC_RELAXED) * 1000000ull;
	tcp_drain(core->tcp, LOOP_DRAINED_PER_TURN_MAX,
		  __atomic_load_n(&ending->core_per_s, __ATOMIC_RELAXED));
}

/* An orderly end: no connection and no job is left, or the grace is over. */
static bool core_ended(struct loop_core *core)
{
	const uint64_t now_ns = core->clock.clock.mono_ns;
	struct tcp_stats stats;

	if (ending_asked(core))
		ending_follow(core);
	if (core->drain_until_ns == 0)
		return false;
	if (now_ns >= core->drain_until_ns)
		return true;
	tcp_stats(core->tcp, &stats);
	return stats.connections == 0 && loop_workers_under_way(core->workers, core->number) == 0;
}

void *loop_core_main(void *arg)
{
	struct loop_core *core = arg;

	/* An lcore id gives this thread the per-core caches of the mbuf pools. */
	if (rte_thread_register() != 0)
		log_line(core->log, LOG_LEVEL_WARNING,
			 "core %u has no DPDK lcore id: its packet pools work without a cache",
			 core->number);
	prctl(PR_SET_TIMERSLACK, 1ul); /* nanoseconds; the default adds 50 us to every sleep */
	if (core->number == 0)
		net_announce(core->net);
	while (!core_ended(core))
		if (!loop_core_run_turn(core))
			core_rest(core);
	rte_thread_unregister();
	__atomic_store_n(&core->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* --- Made and unmade by the control thread --- */

/* The NUMA node of a CPU; -1 (any) on a machine that has only one, or does not say. */
static int cpu_socket(unsigned cpu)
{
	enum { NODES_MAX = 64 };
	int found = -1;
	bool several = access("/sys/devices/system/node/node1", F_OK) == 0;

	for (int node = 0; several && found < 0 && node < NODES_MAX; node++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%d", cpu, node);
		if (access(path, F_OK) == 0)
			found = node;
	}
	return found;
}

static int net_open(struct loop_core *core, const struct loop_core_config *config)
{
	const struct loop_plan *plan = config->plan;
	const struct net_config net = {
		.ports = plan->core_ports[core->number],
		.ports_n = plan->core_ports_n[core->number],
		.addresses = config->config->addresses,
		.addresses_n = config->config->addresses_n,
		.core = core->number,
		.cores_n = core->cores_n,
		.fragments = config->config->fragments,
		.socket = core->socket,
		.name = core->name,
	};

	core->net_env = (struct net_env){
		.clock = &core->clock.clock,
		.log = core->log,
		.random = net_random,
		.hand_over = net_hand_over,
		.learnt = net_learnt,
		.icmp_error = net_icmp_error,
	};
	return net_create(&net, &core->net_env, &core->net);
}

static int tcp_open(struct loop_core *core, const struct tcp_config *config)
{
	struct tcp_config tcp = *config;

	tcp.socket = core->socket;
	tcp.name = core->name;
	tcp.owns = net_owns;
	tcp.owner = core->net;
	if (getrandom(tcp.secret, sizeof(tcp.secret), 0) != (ssize_t)sizeof(tcp.secret))
		return -EIO;
	core->tcp_env = (struct tcp_env){
		.clock = &core->clock.clock,
		.log = core->log,
		.wire = net_tcp_wire(core->net),
		.random = tcp_random,
	};
	return tcp_create(&tcp, &core->tcp_env, &core->tcp);
}

static int sleeper_open(struct loop_core *core, const struct loop_config *config)
{
	const struct loop_sleeper_config sleeper = {
		.queues = core->queues,
		.queues_n = core->queues_n,
		.idle = config->idle,
		.spin_us = config->idle_spin_us,
		.sleep_us = config->idle_sleep_us,
		.turn_called = config->core_turn != NULL,
		.shares_cpu = loop_workers_share(config->worker_cpus, config->worker_cpus_n,
						 config->cores[core->number]),
	};

	return loop_sleeper_open(&core->sleeper, &sleeper);
}

/* Each part in turn; what failed is named, so that the reader knows which limit to lower. */
static int core_open(struct loop_core *core, const struct loop_core_config *config,
		     const char **part_r)
{
	int status;

	*part_r = "random seed";
	if (getrandom(&core->random_state, sizeof(core->random_state), 0) < 0)
		return -errno;
	*part_r = "hand-over boxes (loop)";
	core->outboxes = rte_zmalloc_socket("loop", core->cores_n * sizeof(*core->outboxes),
					    RTE_CACHE_LINE_SIZE, core->socket);
	if (core->outboxes == NULL)
		return -ENOMEM;
	*part_r = "epoll set (loop)";
	status = sleeper_open(core, config->config);
	if (status != 0)
		return status;
	*part_r = "mailbox (loop)";
	status = loop_mailbox_open(&core->mailbox, &core->sleeper.bell, core->socket);
	if (status != 0)
		return status;
	*part_r = "addresses and neighbours (net)";
	status = net_open(core, config);
	if (status != 0)
		return status;
	*part_r = "connections and packet memory (tcp)";
	return tcp_open(core, &config->config->tcp);
}

int loop_core_create(const struct loop_core_config *config, struct loop_core **core_r,
		     struct port_error *error_r)
{
	const unsigned cpu = config->config->cores[config->number];
	const int socket = cpu_socket(cpu);
	struct loop_core *core =
		rte_zmalloc_socket("loop", sizeof(*core), RTE_CACHE_LINE_SIZE, socket);
	const char *part = "core (loop)";
	int status = -ENOMEM;

	*core_r = NULL;
	if (core != NULL) {
		core->number = config->number;
		core->cores_n = config->plan->cores_n;
		core->cores = config->cores;
		core->ending = config->ending;
		core->socket = socket;
		core->queues = config->plan->core_queues[config->number];
		core->queues_n = config->plan->core_queues_n[config->number];
		core->turn = config->config->core_turn;
		core->arg = config->config->arg;
		core->log = config->config->log;
		core->sleeper.epoll = core->sleeper.bell.eventfd = -1;
		snprintf(core->name, sizeof(core->name), "wm%u.%u", config->instance,
			 config->number);
		loop_clock_init(&core->clock);
		status = core_open(core, config, &part);
	}
	if (status == 0) {
		*core_r = core;
		return 0;
	}
	snprintf(error_r->text, sizeof(error_r->text), "core %u on CPU %u: %s: %s%s",
		 config->number, cpu, part, strerror(-status),
		 status == -ENOMEM ? ": give EAL more memory, or lower the limits" : "");
	loop_core_destroy(&core);
	return status;
}

void loop_core_close_sessions(struct loop_core *core)
{
	tcp_destroy(&core->tcp);
}

void loop_core_destroy(struct loop_core **core)
{
	struct loop_core *gone = *core;

	if (gone == NULL)
		return;
	if (gone->tcp != NULL)
		tcp_destroy(&gone->tcp);
	if (gone->net != NULL)
		net_destroy(&gone->net);
	loop_mailbox_close(&gone->mailbox);
	loop_sleeper_close(&gone->sleeper);
	rte_free(gone->outboxes);
	rte_free(gone);
	*core = NULL;
}
