/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn, the hand-over and the end of the cores, with the port, the net and the TCP played
 * here: two cores, each with one queue. A frame's first byte says which core owns it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "eal.h"
#include "loop.h"

enum { CORES = 2, FRAMES = 2047, PATIENCE_MS = 10000, WIRE_FRAMES = 512 };

static struct rte_mempool *pool;

/* --- The port: a ring per queue and a descriptor that says it has frames --- */

struct port {
	struct rte_ring *frames[CORES];
	int ready[CORES];
	bool blind;
};

static struct port the_port;

unsigned port_receive(struct port *port, unsigned queue, struct rte_mbuf **frames, unsigned n)
{
	return rte_ring_dequeue_burst(port->frames[queue], (void **)frames, n, NULL);
}

int port_interrupt_fd(struct port *port, unsigned queue)
{
	return port->blind ? -1 : port->ready[queue];
}

int port_interrupt_arm(struct port *port, unsigned queue)
{
	return !rte_ring_empty(port->frames[queue]);
}

void port_interrupt_disarm(struct port *port, unsigned queue)
{
	(void)port;
	(void)queue;
}

/* --- The net: hands over what is not ours, lets everything else through --- */

struct net {
	struct net_env *env;
	unsigned core;
	unsigned neighbours; /* told by others; atomic */
};

static struct net nets[CORES];

int net_create(const struct net_config *config, struct net_env *env, struct net **net_r)
{
	assert_int_equal(config->ports_n, 1);
	assert_int_equal(config->ports[0].queue, config->core);
	assert_int_equal(config->ports[0].queue_core[1 - config->core], 1 - config->core);
	nets[config->core] = (struct net){env, config->core, 0};
	*net_r = &nets[config->core];
	return 0;
}

void net_destroy(struct net **net)
{
	*net = NULL;
}

unsigned net_input(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
		   struct rte_mbuf **packets_r)
{
	unsigned mine = 0;

	for (unsigned k = 0; k < n; k++) {
		unsigned owner = *rte_pktmbuf_mtod(frames[k], uint8_t *);

		if (owner == net->core)
			packets_r[mine++] = frames[k];
		else
			net->env->hand_over(net->env, owner, port, frames[k]);
	}
	return mine;
}

unsigned net_input_handed(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
			  struct rte_mbuf **packets_r)
{
	assert_ptr_equal(port, &the_port);
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(*rte_pktmbuf_mtod(frames[k], uint8_t *), net->core);
		packets_r[k] = frames[k];
	}
	return n;
}

struct tcp_wire *net_tcp_wire(struct net *net)
{
	(void)net;
	return NULL;
}

bool net_owns(void *net, const uint8_t local[16], uint16_t local_port, const uint8_t peer[16],
	      uint16_t peer_port)
{
	(void)net;
	(void)local;
	(void)local_port;
	(void)peer;
	(void)peer_port;
	return true;
}

void net_neighbour_put(struct net *net, const struct net_neighbour *neighbour)
{
	assert_int_equal(neighbour->ip, 0x0a000001);
	__atomic_add_fetch(&net->neighbours, 1, __ATOMIC_RELAXED);
}

/* The first core announces: here it also learns a neighbour, which the other must hear of. */
void net_announce(struct net *net)
{
	const struct net_neighbour neighbour = {.ip = 0x0a000001, .port = &the_port};

	net->env->learnt(net->env, &neighbour);
}

void net_advance(struct net *net)
{
	(void)net;
}

uint64_t net_next_ns(const struct net *net)
{
	(void)net;
	return UINT64_MAX;
}

void net_flush(struct net *net)
{
	(void)net;
}

void net_stats(const struct net *net, struct net_stats *stats_r)
{
	(void)net;
	*stats_r = (struct net_stats){0};
}

/* --- The TCP: counts what comes, and has something to say as often as it is told --- */

struct tcp {
	const struct tcp_env *env;
	uint64_t packets; /* atomic, like all below */
	uint64_t produce_wanted;
	uint64_t produced;
	uint64_t drained;
	uint64_t connections;
	uint64_t late; /* produce() was given less time than it is promised */
};

static struct tcp tcps[CORES];
static unsigned tcps_n;

int tcp_create(const struct tcp_config *config, struct tcp_env *env, struct tcp **tcp_r)
{
	static const uint8_t zero[16];

	assert_memory_not_equal(config->secret, zero, sizeof(zero));
	assert_ptr_equal(config->owner, &nets[tcps_n]);
	tcps[tcps_n] = (struct tcp){.env = env};
	*tcp_r = &tcps[tcps_n++];
	return 0;
}

void tcp_destroy(struct tcp **tcp)
{
	*tcp = NULL;
}

void tcp_input(struct tcp *tcp, struct rte_mbuf *const *packets, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		rte_pktmbuf_free(packets[k]);
	__atomic_add_fetch(&tcp->packets, n, __ATOMIC_RELAXED);
}

void tcp_icmp(struct tcp *tcp, uint8_t type, uint8_t code, uint32_t mtu, struct span quoted)
{
	(void)tcp;
	(void)type;
	(void)code;
	(void)mtu;
	(void)quoted;
}

void tcp_advance(struct tcp *tcp)
{
	(void)tcp;
}

bool tcp_produce(struct tcp *tcp, uint64_t deadline_ns)
{
	if (deadline_ns < tcp->env->clock->mono_ns + 100000)
		__atomic_add_fetch(&tcp->late, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&tcp->produced, __ATOMIC_RELAXED) >=
	    __atomic_load_n(&tcp->produce_wanted, __ATOMIC_RELAXED))
		return false;
	__atomic_add_fetch(&tcp->produced, 1, __ATOMIC_RELAXED);
	return true;
}

uint64_t tcp_next_ns(const struct tcp *tcp)
{
	(void)tcp;
	return UINT64_MAX;
}

void tcp_stats(const struct tcp *tcp, struct tcp_stats *stats_r)
{
	*stats_r = (struct tcp_stats){.connections =
					      __atomic_load_n(&tcp->connections, __ATOMIC_RELAXED)};
}

void tcp_drain(struct tcp *tcp, unsigned per_turn, uint32_t per_s)
{
	assert_true(per_turn > 0);
	assert_int_equal(per_s, 0);
	__atomic_add_fetch(&tcp->drained, 1, __ATOMIC_RELAXED);
}

/* --- The tests --- */

static struct loop *loop;
static struct loop_core *cores[CORES];
static unsigned stopped;

static int core_start(struct loop_core *core, unsigned number, void *arg)
{
	assert_ptr_equal(arg, &stopped);
	assert_ptr_equal(loop_core_tcp(core), &tcps[number]);
	assert_non_null(loop_core_work(core));
	assert_true(loop_core_clock(core)->mono_ns > 0);
	assert_true(loop_core_clock(core)->wall_s > 1700000000);
	cores[number] = core;
	return 0;
}

static void core_stop(struct loop_core *core, unsigned number, void *arg)
{
	(void)arg;
	assert_ptr_equal(core, cores[number]);
	assert_null(loop_core_tcp(core)); /* sessions first, their application after */
	stopped++;
}

static void make(enum loop_idle idle, bool blind)
{
	static const unsigned cpus[CORES] = {0, 0}, queue_core[CORES] = {0, 1};
	static const struct loop_queue queues[CORES] = {{&the_port, 0}, {&the_port, 1}};
	const struct loop_config config = {
		.cores = cpus,
		.cores_n = CORES,
		.queues = queues,
		.queue_core = queue_core,
		.queues_n = CORES,
		.idle = idle,
		.idle_spin_us = 50,
		.idle_sleep_us = 500,
		.workers = {[WORK_STORE] = 1},
		.core_start = core_start,
		.core_stop = core_stop,
		.arg = &stopped,
	};
	struct port_error error;

	the_port.blind = blind;
	tcps_n = 0;
	stopped = 0;
	assert_int_equal(loop_create(&config, &loop, &error), 0);
}

static void pause_ms(unsigned ms)
{
	const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000l};

	nanosleep(&span, NULL);
}

static void wait_for(const uint64_t *value, uint64_t wanted)
{
	for (unsigned ms = 0; __atomic_load_n(value, __ATOMIC_RELAXED) < wanted; ms++) {
		assert_true(ms < PATIENCE_MS);
		pause_ms(1);
	}
}

/* Puts a frame on a queue, as a device would, and raises its interrupt. */
static void arrive(unsigned queue, unsigned owner)
{
	const uint64_t one = 1;
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);

	assert_non_null(frame);
	*(uint8_t *)rte_pktmbuf_append(frame, 64) = (uint8_t)owner;
	assert_int_equal(rte_ring_enqueue(the_port.frames[queue], frame), 0);
	if (!the_port.blind)
		assert_int_equal(write(the_port.ready[queue], &one, sizeof(one)), sizeof(one));
}

static void end_and_destroy(void)
{
	loop_stop(loop, PATIENCE_MS, 0);
	loop_join(loop);
	loop_destroy(&loop);
	assert_null(loop);
	assert_int_equal(stopped, CORES);
	assert_int_equal(rte_mempool_avail_count(pool), FRAMES);
}

static void frames_reach_their_owner(enum loop_idle idle, bool blind)
{
	struct loop_stats stats[CORES];

	make(idle, blind);
	assert_int_equal(loop_start(loop), 0);
	for (unsigned k = 0; k < 200; k++)
		arrive(k & 1, (k >> 1) & 1);
	for (unsigned core = 0; core < CORES; core++)
		wait_for(&tcps[core].packets, 100);
	/* And again for cores that have fallen asleep, one frame at a time. */
	for (unsigned k = 0; k < 20; k++) {
		pause_ms(2);
		arrive(k & 1, 1);
		wait_for(&tcps[1].packets, 101 + k);
	}
	for (unsigned core = 0; core < CORES; core++) {
		loop_stats(loop, core, &stats[core]);
		assert_int_equal(stats[core].hand_over_dropped, 0);
		assert_int_equal(tcps[core].late, 0);
	}
	assert_int_equal(stats[0].frames_in + stats[1].frames_in, 220);
	assert_int_equal(stats[0].frames_handed_over, 60);
	assert_int_equal(stats[1].frames_handed_over, 50);
	assert_true((stats[0].sleeps > 0) == (idle == LOOP_IDLE_ADAPTIVE));
	end_and_destroy();
	/* What core 0 learnt when it announced itself, core 1 was told; nobody told core 0. */
	assert_int_equal(nets[1].neighbours, 1);
	assert_int_equal(nets[0].neighbours, 0);
}

static void test_frames_reach_their_owner_by_interrupt(void **state)
{
	(void)state;
	frames_reach_their_owner(LOOP_IDLE_ADAPTIVE, false);
}

static void test_frames_reach_their_owner_by_short_sleeps(void **state)
{
	(void)state;
	frames_reach_their_owner(LOOP_IDLE_ADAPTIVE, true);
}

static void test_frames_reach_their_owner_by_polling(void **state)
{
	(void)state;
	frames_reach_their_owner(LOOP_IDLE_POLL, true);
}

/* A core that can be woken sleeps through: what it does when idle is a handful of turns. */
static void test_idle_cores_sleep(void **state)
{
	struct loop_stats before, after;

	(void)state;
	make(LOOP_IDLE_ADAPTIVE, false);
	assert_int_equal(loop_start(loop), 0);
	pause_ms(50);
	loop_stats(loop, 0, &before);
	pause_ms(300);
	loop_stats(loop, 0, &after);
	assert_true(after.turns - before.turns < 10);
	end_and_destroy();
}

/* While there is more to produce a core does not sleep, and wants no event for it. */
static void test_produces_until_done(void **state)
{
	(void)state;
	make(LOOP_IDLE_ADAPTIVE, false);
	tcps[0].produce_wanted = 1000;
	assert_int_equal(loop_start(loop), 0);
	wait_for(&tcps[0].produced, 1000);
	end_and_destroy();
}

struct job {
	struct work work;
	uint64_t done; /* atomic */
};

static void job_run(struct work *work)
{
	(void)work;
	pause_ms(20);
}

static void job_done(struct work *work)
{
	__atomic_store_n(&((struct job *)work)->done, 1, __ATOMIC_RELAXED);
}

/* An answer wakes the core that asked, which sleeps meanwhile. */
static void test_answers_wake_their_core(void **state)
{
	struct job job = {.work = {job_run, job_done, NULL}};
	struct loop_stats stats;

	(void)state;
	make(LOOP_IDLE_ADAPTIVE, false);
	/* Before the threads run this thread may stand for the core. */
	assert_int_equal(work_submit(loop_core_work(cores[0]), WORK_STORE, &job.work), 0);
	assert_int_equal(loop_start(loop), 0);
	wait_for(&job.done, 1);
	loop_stats(loop, 0, &stats);
	assert_int_equal(stats.jobs, 1);
	assert_true(stats.sleeps >= 1);
	assert_true(stats.slept_ns > 5000000);
	end_and_destroy();
}

static int64_t ending_ms(unsigned grace_ms)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	loop_stop(loop, grace_ms, 0);
	loop_join(loop);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
}

/* Cores that sleep for a second are woken to end, and do not lie down again. */
static void test_end_of_sleeping_cores(void **state)
{
	(void)state;
	make(LOOP_IDLE_ADAPTIVE, false);
	assert_int_equal(loop_start(loop), 0);
	pause_ms(50);
	assert_true(ending_ms(PATIENCE_MS) < 500);
	loop_destroy(&loop);
}

/* An end waits for connections to go, but no longer than its grace. */
static void test_end_waits_for_connections(void **state)
{
	int64_t took_ms;

	(void)state;
	make(LOOP_IDLE_ADAPTIVE, false);
	tcps[1].connections = 1;
	assert_int_equal(loop_start(loop), 0);
	took_ms = ending_ms(100);
	assert_true(took_ms >= 99 && took_ms < PATIENCE_MS);
	assert_int_equal(tcps[0].drained, 1);
	assert_int_equal(tcps[1].drained, 1);
	loop_destroy(&loop);
}

static int fails(struct loop_core *core, unsigned number, void *arg)
{
	(void)core;
	(void)arg;
	return number == 0 ? 0 : -ENOSPC;
}

/* What started before the failure is stopped, nothing is left over. */
static void test_failed_start_leaves_nothing(void **state)
{
	static const unsigned cpus[CORES] = {0, 0}, queue_core[CORES] = {0, 1};
	static const struct loop_queue queues[CORES] = {{&the_port, 0}, {&the_port, 1}};
	const struct loop_config config = {.cores = cpus,
					   .cores_n = CORES,
					   .queues = queues,
					   .queue_core = queue_core,
					   .queues_n = CORES,
					   .core_start = fails};
	struct port_error error = {""};

	(void)state;
	tcps_n = 0;
	assert_int_equal(loop_create(&config, &loop, &error), -ENOSPC);
	assert_null(loop);
	assert_non_null(strstr(error.text, "core 1"));
}

static int setup(void **state)
{
	static const char *const names[CORES] = {"wire 0", "wire 1"};

	(void)state;
	if (eal_start(128) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("frames", FRAMES, 0, 0, 256, 0);
	for (unsigned k = 0; k < CORES; k++) {
		the_port.frames[k] =
			rte_ring_create(names[k], WIRE_FRAMES, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		the_port.ready[k] = eventfd(0, EFD_NONBLOCK);
		if (the_port.frames[k] == NULL || the_port.ready[k] < 0)
			return -1;
	}
	return pool == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_reach_their_owner_by_interrupt),
		cmocka_unit_test(test_frames_reach_their_owner_by_short_sleeps),
		cmocka_unit_test(test_frames_reach_their_owner_by_polling),
		cmocka_unit_test(test_idle_cores_sleep),
		cmocka_unit_test(test_produces_until_done),
		cmocka_unit_test(test_answers_wake_their_core),
		cmocka_unit_test(test_end_of_sleeping_cores),
		cmocka_unit_test(test_end_waits_for_connections),
		cmocka_unit_test(test_failed_start_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
