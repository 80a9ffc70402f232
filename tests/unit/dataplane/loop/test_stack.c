/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole dataplane in one process: a client's loop and a server's, joined by rings in place of
 * a cable. The client opens connections and sends each a stream; the server waits for a worker,
 * then echoes it; the client compares. The client transmits on one queue only, so a server of two
 * cores has to hand over what the first receives for the second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>
#include <time.h>
#include <unistd.h>

#include "eal.h"
#include "loop.h"

enum {
	CONNECTIONS = 16,
	STREAM_BYTES = 300 * 1000,
	ECHO_BYTES_MAX = 16384,
	QUEUES = 2,
	PATIENCE_MS = 30000,
	SERVER_IP = 0x0a000001,
	CLIENT_IP = 0x0a000002,
	SERVER_PORT = 143,
};

static struct port *server_port, *client_port;

static void address_of(uint32_t ip, uint8_t address_r[16])
{
	memset(address_r, 0, 16);
	address_r[10] = address_r[11] = 0xff;
	for (unsigned k = 0; k < 4; k++)
		address_r[12 + k] = (uint8_t)(ip >> (24 - 8 * k));
}

/* --- The server's application: echoes, after a worker has said that it may --- */

struct echo {
	struct stream_session session;
	struct work job;
	struct stream_transport *transport;
	struct stream_ref ref;
	bool allowed, ended, job_runs;
	uint32_t head, tail; /* bytes[tail..head) wait to be sent */
	uint8_t bytes[ECHO_BYTES_MAX];
};

struct echo_app {
	struct stream_app app;
	struct work_port *work;
	struct echo echoes[CONNECTIONS];
	unsigned opened;
	uint64_t closed; /* atomic */
};

static struct echo_app echo_apps[PORT_CORES_MAX];

static void job_run(struct work *work)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	(void)work;
	nanosleep(&pause, NULL);
}

static void job_done(struct work *work)
{
	struct echo *echo = (struct echo *)((char *)work - offsetof(struct echo, job));

	echo->allowed = true;
	echo->job_runs = false;
	echo->transport->ops->wake(echo->transport, echo->ref);
}

static int echo_open(struct stream_app *app, struct stream_transport *transport,
		     struct stream_ref ref, const struct stream_info *info,
		     struct stream_session **session_r)
{
	struct echo_app *echoes = (struct echo_app *)app;
	struct echo *echo;

	if (echoes->opened == CONNECTIONS)
		return -1;
	assert_int_equal(info->local_port, SERVER_PORT);
	echo = &echoes->echoes[echoes->opened++];
	*echo = (struct echo){.session = {app->ops},
			      .job = {job_run, job_done, NULL},
			      .transport = transport,
			      .ref = ref,
			      .job_runs = true};
	*session_r = &echo->session;
	return work_submit(echoes->work, WORK_STORE, &echo->job);
}

static size_t echo_consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct echo *echo = (struct echo *)session;
	size_t taken = 0;

	if (echo->tail == echo->head)
		echo->tail = echo->head = 0;
	for (unsigned k = 0; k < in_n && echo->head < ECHO_BYTES_MAX; k++) {
		struct span part = span_cut(in[k], 0, ECHO_BYTES_MAX - echo->head);

		memcpy(echo->bytes + echo->head, part.ptr, part.len);
		echo->head += (uint32_t)part.len;
		taken += part.len;
	}
	return taken;
}

static struct stream_verdict echo_produce(struct stream_session *session, struct stream_out *out,
					  const struct stream_budget *budget)
{
	struct echo *echo = (struct echo *)session;

	(void)budget;
	if (!echo->allowed)
		return (struct stream_verdict){STREAM_WAIT, 7};
	echo->tail += (uint32_t)stream_put(
		out, (struct span){echo->bytes + echo->tail, echo->head - echo->tail});
	if (echo->tail < echo->head)
		return (struct stream_verdict){STREAM_MORE, 0};
	return (struct stream_verdict){echo->ended ? STREAM_CLOSE : STREAM_DONE, 0};
}

static void echo_end(struct stream_session *session)
{
	((struct echo *)session)->ended = true;
}

static void echo_closed(struct stream_session **session, enum stream_reason reason)
{
	struct echo *echo = (struct echo *)*session;

	assert_int_equal(reason, STREAM_CLOSED);
	assert_false(echo->job_runs);
	for (unsigned k = 0; k < PORT_CORES_MAX; k++)
		if (echo >= echo_apps[k].echoes && echo < echo_apps[k].echoes + CONNECTIONS)
			__atomic_add_fetch(&echo_apps[k].closed, 1, __ATOMIC_RELAXED);
	*session = NULL;
}

static void nothing(struct stream_session *session)
{
	(void)session;
}

static const struct stream_app_ops echo_ops = {
	.open = echo_open,
	.consume = echo_consume,
	.produce = echo_produce,
	.expire = nothing,
	.drain = nothing,
	.end = echo_end,
	.closed = echo_closed,
};

static int server_start(struct loop_core *core, unsigned number, void *arg)
{
	static const uint8_t any[16];

	(void)arg;
	echo_apps[number].app.ops = &echo_ops;
	echo_apps[number].work = loop_core_work(core);
	echo_apps[number].opened = 0;
	echo_apps[number].closed = 0;
	return tcp_listen(loop_core_tcp(core), any, SERVER_PORT, &echo_apps[number].app);
}

/* --- The client's application: sends a pattern and compares what comes back --- */

struct caller {
	struct stream_session session;
	uint32_t sent, received;
	unsigned number;
};

struct caller_app {
	struct stream_app app;
	struct caller callers[CONNECTIONS];
	unsigned connected;
	unsigned opened;
	uint64_t closed, wrong, failed; /* atomic */
};

static struct caller_app caller_app;

static uint8_t pattern(unsigned connection, uint32_t offset)
{
	return (uint8_t)(connection * 37 + offset + (offset >> 8) * 5 + (offset >> 16) * 11);
}

static int caller_open(struct stream_app *app, struct stream_transport *transport,
		       struct stream_ref ref, const struct stream_info *info,
		       struct stream_session **session_r)
{
	struct caller_app *callers = (struct caller_app *)app;
	struct caller *caller = &callers->callers[callers->opened];

	(void)transport;
	(void)ref;
	(void)info;
	*caller = (struct caller){.session = {app->ops}, .number = callers->opened++};
	*session_r = &caller->session;
	return 0;
}

static size_t caller_consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct caller *caller = (struct caller *)session;
	size_t taken = 0;

	for (unsigned k = 0; k < in_n; k++)
		for (size_t i = 0; i < in[k].len; i++, taken++)
			if (in[k].ptr[i] != pattern(caller->number, caller->received++))
				__atomic_add_fetch(&caller_app.wrong, 1, __ATOMIC_RELAXED);
	return taken;
}

static struct stream_verdict caller_produce(struct stream_session *session, struct stream_out *out,
					    const struct stream_budget *budget)
{
	struct caller *caller = (struct caller *)session;
	uint8_t *room;

	(void)budget;
	if (caller->received == STREAM_BYTES)
		return (struct stream_verdict){STREAM_CLOSE, 0};
	while (caller->sent < STREAM_BYTES) {
		uint32_t n = STREAM_BYTES - caller->sent;

		if (n > STREAM_RESERVE_BYTES_MAX)
			n = STREAM_RESERVE_BYTES_MAX;
		room = stream_reserve(out, n);
		if (room == NULL)
			return (struct stream_verdict){STREAM_MORE, 0};
		for (uint32_t k = 0; k < n; k++)
			room[k] = pattern(caller->number, caller->sent + k);
		stream_commit(out, n);
		caller->sent += n;
	}
	return (struct stream_verdict){STREAM_DONE, 0};
}

static void caller_closed(struct stream_session **session, enum stream_reason reason)
{
	struct caller *caller = (struct caller *)*session;

	if (reason != STREAM_CLOSED || caller->received != STREAM_BYTES)
		__atomic_add_fetch(&caller_app.failed, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&caller_app.closed, 1, __ATOMIC_RELAXED);
	*session = NULL;
}

static const struct stream_app_ops caller_ops = {
	.open = caller_open,
	.consume = caller_consume,
	.produce = caller_produce,
	.expire = nothing,
	.drain = nothing,
	.end = nothing,
	.closed = caller_closed,
};

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	(void)app;
	(void)ref;
	(void)reason;
	__atomic_add_fetch(&caller_app.failed, 1, __ATOMIC_RELAXED);
}

/* Opens one connection a turn, as the load generator does. */
static bool client_turn(struct loop_core *core, unsigned number, void *arg)
{
	uint8_t local[16], peer[16];
	struct stream_ref ref;

	(void)number;
	(void)arg;
	if (caller_app.connected == CONNECTIONS)
		return false;
	address_of(CLIENT_IP, local);
	address_of(SERVER_IP, peer);
	if (tcp_connect(loop_core_tcp(core), local, 0, peer, SERVER_PORT, &caller_app.app,
			open_failed, &ref) != 0)
		__atomic_add_fetch(&caller_app.failed, 1, __ATOMIC_RELAXED);
	caller_app.connected++;
	return true;
}

/* --- The two loops --- */

static struct loop *loop_make(struct port *port, uint32_t ip, unsigned cores_n,
			      int (*start)(struct loop_core *, unsigned, void *),
			      bool (*turn)(struct loop_core *, unsigned, void *))
{
	const unsigned cpus[QUEUES] = {0, (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1};
	const struct loop_queue queues[QUEUES] = {{port, 0}, {port, 1}};
	const unsigned queue_core[QUEUES] = {0, cores_n - 1};
	const struct net_address address = {.ip = ip, .prefix = 24, .port = port};
	const struct loop_config config = {
		.cores = cpus,
		.cores_n = cores_n,
		.queues = queues,
		.queue_core = queue_core,
		.queues_n = QUEUES,
		.addresses = &address,
		.addresses_n = 1,
		.fragments = {.held_max = 64, .timeout_ms = 1000},
		.tcp = {.connections_max = 64,
			.listeners_max = 4,
			.syn_received_max = 64,
			.time_wait_max = 64,
			.receive_bytes_max = 65536,
			.send_bytes_max = 262144,
			.packet_memory_bytes = 8 << 20,
			.quantum_ns = 50000},
		.idle = LOOP_IDLE_ADAPTIVE,
		.idle_spin_us = 20,
		.idle_sleep_us = 200,
		.workers = {[WORK_STORE] = 1},
		.core_start = start,
		.core_turn = turn,
	};
	struct port_error error;
	struct loop *loop;

	if (loop_create(&config, &loop, &error) != 0)
		fail_msg("%s", error.text);
	return loop;
}

static void pause_ms(unsigned ms)
{
	const struct timespec span = {.tv_nsec = ms * 1000000l};

	nanosleep(&span, NULL);
}

static void stop(struct loop **loop)
{
	loop_stop(*loop, 1000, 0);
	loop_join(*loop);
	loop_destroy(loop);
}

static void echo_over_rings(unsigned server_cores)
{
	struct loop *server = loop_make(server_port, SERVER_IP, server_cores, server_start, NULL);
	struct loop *client;
	struct loop_stats stats;
	uint64_t served = 0;

	caller_app = (struct caller_app){.app = {&caller_ops}};
	client = loop_make(client_port, CLIENT_IP, 1, NULL, client_turn);
	assert_int_equal(loop_start(server), 0);
	assert_int_equal(loop_start(client), 0);
	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		if (__atomic_load_n(&caller_app.closed, __ATOMIC_RELAXED) == CONNECTIONS)
			break;
		pause_ms(1);
	}
	assert_int_equal(caller_app.wrong, 0);
	assert_int_equal(caller_app.failed, 0);
	assert_int_equal(caller_app.closed, CONNECTIONS);
	for (unsigned ms = 0; ms < PATIENCE_MS && served < CONNECTIONS; ms++) {
		served = 0;
		for (unsigned core = 0; core < server_cores; core++)
			served += __atomic_load_n(&echo_apps[core].closed, __ATOMIC_RELAXED);
		pause_ms(1);
	}
	assert_int_equal(served, CONNECTIONS);
	/* What the client sends arrives at the first core only; the second has work as well. */
	loop_stats(server, 0, &stats);
	if (server_cores == 2) {
		assert_true(stats.frames_handed_over > 100);
		assert_true(echo_apps[1].closed > 0 && echo_apps[0].closed > 0);
		loop_stats(server, 1, &stats);
	}
	assert_true(stats.jobs > 0);
	stop(&client);
	stop(&server);
}

static void test_one_core_serves(void **state)
{
	(void)state;
	echo_over_rings(1);
}

static void test_two_cores_serve(void **state)
{
	(void)state;
	echo_over_rings(2);
}

static struct port *port_make(const char *name, struct rte_ring **rx, struct rte_ring **tx)
{
	const struct port_config config = {.device = name, .queues = QUEUES};
	struct port_error error = {""};
	struct port *port = NULL;

	if (rte_eth_from_rings(name + strlen("net_ring_"), rx, QUEUES, tx, QUEUES, 0) < 0 ||
	    port_open(&config, NULL, &port, &error) != 0)
		print_error("%s: %s\n", name, error.text);
	return port;
}

static int setup(void **state)
{
	struct rte_ring *to_server[QUEUES], *to_client[QUEUES];

	(void)state;
	if (eal_start(512) != 0)
		return -1;
	for (unsigned k = 0; k < QUEUES; k++) {
		char name[32];

		snprintf(name, sizeof(name), "to server %u", k);
		to_server[k] = rte_ring_create(name, 1024, 0, 0);
		snprintf(name, sizeof(name), "to client %u", k);
		to_client[k] = rte_ring_create(name, 1024, 0, 0);
		if (to_server[k] == NULL || to_client[k] == NULL)
			return -1;
	}
	server_port = port_make("net_ring_server", to_server, to_client);
	client_port = port_make("net_ring_client", to_client, to_server);
	return server_port == NULL || client_port == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	port_close(&server_port);
	port_close(&client_port);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_core_serves),
		cmocka_unit_test(test_two_cores_serve),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
