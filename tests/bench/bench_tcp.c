/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the TCP itself costs: two of them on one core, packets handed over without a wire or a
 * copy. The client asks for answers out of a file in memory, one at a time per connection, as a
 * mail client reads bodies. Time is taken around each side's turns.
 *
 *     bench_tcp [EAL options]     e.g. --in-memory --no-pci -l 1, or --no-huge
 *     bench_tcp [EAL options] -- CASE TURNS
 *
 * With a case it runs so many turns in virtual time and says how many segments the server took
 * and sent: tests/bench/instructions has valgrind count what they cost, whatever else the machine
 * does.
 */
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>

#include "alone.h"
#include "check.h"
#include "tcp.h"

enum {
	CONNECTIONS_MAX = 256,
	QUEUE = 16384,
	BURST = 64,
	PORT = 143,
	FILE_BYTES = 1 << 20,
	MSS = 1448,
	RUN_MS = 1500,
	IP_BYTES = sizeof(struct rte_ipv4_hdr),
	TURN_NS = 10000,
	WARM_TURNS = 200, /* of a case, before what is counted */
};

struct side {
	struct tcp_wire wire; /* first */
	struct tcp_env env;
	struct tcp *tcp;
	struct side *peer;
	struct rte_mbuf *queue[QUEUE]; /* towards the peer */
	unsigned queued;
	uint64_t cycles;
};

/* A connection of either side. */
struct session {
	struct stream_session base; /* first */
	uint32_t left;		    /* bytes to say */
	uint32_t awaited;	    /* bytes to hear before the next turn is ours */
	uint64_t rounds;
};

struct bench_app {
	struct stream_app base; /* first */
	struct session sessions[CONNECTIONS_MAX];
	unsigned sessions_n;
};

static struct clock the_clock;
static struct side sides[2]; /* client, server */
static struct bench_app apps[2];
static uint8_t *file;
static uint32_t request_bytes = 32, answer_bytes;

static void clock_read(struct clock *clock)
{
	clock->mono_ns = (uint64_t)((double)rte_rdtsc() * 1e9 / (double)rte_get_tsc_hz());
}

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	struct side *side = (struct side *)wire;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)rte_pktmbuf_prepend(m, IP_BYTES);

	(void)tos;
	memcpy(&ip->src_addr, src + 12, 4);
	memcpy(&ip->dst_addr, dst + 12, 4);
	m->l3_len = IP_BYTES;
	if (side->queued == QUEUE)
		rte_pktmbuf_free(m);
	else
		side->queue[side->queued++] = m;
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)wire;
	(void)dst;
	return MSS + 52;
}

static int app_open(struct stream_app *base, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct bench_app *app = (struct bench_app *)base;
	struct session *session = &app->sessions[app->sessions_n++];
	bool client = app == &apps[0];

	(void)transport;
	(void)ref;
	(void)info;
	*session = (struct session){
		{base->ops}, client ? request_bytes : 0, client ? answer_bytes : request_bytes, 0};
	*session_r = &session->base;
	return 0;
}

static size_t consume(struct session *session, const struct span *in, unsigned in_n, uint32_t hear,
		      uint32_t say)
{
	size_t n = 0;

	for (unsigned i = 0; i < in_n; i++)
		n += in[i].len;
	ASSERT(n <= session->awaited);
	session->awaited -= (uint32_t)n;
	if (session->awaited == 0) {
		session->awaited = hear;
		session->left = say;
		session->rounds++;
	}
	return n;
}

static size_t client_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	return consume((struct session *)base, in, in_n, answer_bytes, request_bytes);
}

static size_t server_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	return consume((struct session *)base, in, in_n, request_bytes, answer_bytes);
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	struct session *session = (struct session *)base;
	size_t at = (session->rounds * 4099 * 64) % (FILE_BYTES - session->left);

	(void)budget;
	session->left -= (uint32_t)stream_put(out, (struct span){file + at, session->left});
	return (struct stream_verdict){session->left > 0 ? STREAM_MORE : STREAM_DONE, 0};
}

static void app_nothing(struct stream_session *base)
{
	(void)base;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	(void)reason;
	*base = NULL;
}

static const struct stream_app_ops ops[2] = {
	{app_open, client_consume, app_produce, app_nothing, app_nothing, app_nothing, app_closed},
	{app_open, server_consume, app_produce, app_nothing, app_nothing, app_nothing, app_closed}};

static uint64_t bench_random(struct tcp_env *env)
{
	(void)env;
	return rte_rdtsc();
}

/* One turn of a side: what the peer has sent, then what it says to that. */
static void side_turn(struct side *side)
{
	struct side *peer = side->peer;

	for (unsigned done = 0; done < peer->queued; done += BURST)
		tcp_input(side->tcp, peer->queue + done,
			  peer->queued - done < BURST ? peer->queued - done : BURST);
	peer->queued = 0;
	tcp_advance(side->tcp);
	tcp_produce(side->tcp, UINT64_MAX);
}

/* Not inlined: valgrind counts what runs below it. */
ALONE static void server_turn(void)
{
	side_turn(&sides[1]);
	/* Two calls of the same would be made one. */
	__asm__ volatile("");
}

static void timed_turn(struct side *side)
{
	uint64_t start;

	clock_read(&the_clock);
	start = rte_rdtsc();
	side_turn(side);
	side->cycles += rte_rdtsc() - start;
}

static void sides_create(unsigned connections)
{
	static const uint8_t addrs[2][16] = {{[10] = 0xff, 0xff, 127, 0, 0, 1},
					     {[10] = 0xff, 0xff, 127, 0, 0, 2}};
	struct stream_ref ref;

	for (unsigned i = 0; i < 2; i++) {
		struct side *side = &sides[i];
		const struct tcp_config config = {.connections_max = CONNECTIONS_MAX,
						  .listeners_max = 1,
						  .syn_received_max = CONNECTIONS_MAX,
						  .time_wait_max = 16,
						  .receive_bytes_max = 262144,
						  .send_bytes_max = 262144,
						  .packet_memory_bytes = 32 << 20,
						  .quantum_ns = 50000,
						  .socket = -1,
						  .name = i == 0 ? "client" : "server"};

		side->wire =
			(struct tcp_wire){.send = wire_send, .mtu = wire_mtu, .segments_max = 8};
		side->env = (struct tcp_env){&the_clock, NULL, &side->wire, bench_random};
		side->peer = &sides[1 - i];
		apps[i].base.ops = &ops[i];
		apps[i].sessions_n = 0;
		ASSERT(tcp_create(&config, &side->env, &side->tcp) == 0);
	}
	ASSERT(tcp_listen(sides[1].tcp, addrs[1], PORT, &apps[1].base) == 0);
	for (unsigned i = 0; i < connections; i++)
		ASSERT(tcp_connect(sides[0].tcp, addrs[0], 0, addrs[1], PORT, &apps[0].base, NULL,
				   &ref) == 0);
}

static void run_for(unsigned ms)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() * ms / 1000;

	while (rte_rdtsc() < until) {
		timed_turn(&sides[1]);
		timed_turn(&sides[0]);
	}
}

static void sides_destroy(void)
{
	for (unsigned i = 0; i < 2; i++) {
		while (sides[i].queued > 0)
			rte_pktmbuf_free(sides[i].queue[--sides[i].queued]);
	}
	for (unsigned i = 0; i < 2; i++)
		tcp_destroy(&sides[i].tcp);
}

static const struct counted {
	const char *name;
	unsigned connections;
	uint32_t request_bytes, answer_bytes;
} cases[] = {
	{"bulk", 16, 32, 65536},    /* full segments out, pure acknowledgements in */
	{"receive", 16, 65536, 32}, /* full segments in, in order; acknowledgements out */
	{"rr", 64, 64, 64},	    /* a question and its answer */
	{"mail", 64, 32, 12288},    /* bodies of messages */
};

static void virtual_clock(struct clock *clock)
{
	(void)clock;
}

static void virtual_turns(unsigned turns, void (*server)(void))
{
	for (unsigned k = 0; k < turns; k++) {
		the_clock.mono_ns += TURN_NS;
		server();
		side_turn(&sides[0]);
	}
}

/* The same instructions, in a function that nobody counts. */
static void warm_turn(void)
{
	side_turn(&sides[1]);
}

static int count_case(const char *name, unsigned turns)
{
	const struct counted *counted = cases;
	struct tcp_stats before, after;

	while (counted < cases + RTE_DIM(cases) && strcmp(counted->name, name) != 0)
		counted++;
	if (counted == cases + RTE_DIM(cases))
		return 1;
	the_clock = (struct clock){.mono_ns = 1000000000, .refresh = virtual_clock};
	request_bytes = counted->request_bytes;
	answer_bytes = counted->answer_bytes;
	sides_create(counted->connections);
	virtual_turns(WARM_TURNS, warm_turn);
	tcp_stats(sides[1].tcp, &before);
	virtual_turns(turns, server_turn);
	tcp_stats(sides[1].tcp, &after);
	printf("in %lu out %lu predicted %lu\n", after.segments_in - before.segments_in,
	       after.segments_out - before.segments_out,
	       after.header_prediction - before.header_prediction);
	sides_destroy();
	return 0;
}

static void measure(unsigned connections, uint32_t bytes)
{
	struct tcp_stats before[2], after[2];
	uint64_t rounds = 0, sent, received;
	double ns[2];

	answer_bytes = bytes;
	sides_create(connections);
	run_for(300);
	for (unsigned i = 0; i < 2; i++) {
		tcp_stats(sides[i].tcp, &before[i]);
		sides[i].cycles = 0;
	}
	for (unsigned i = 0; i < connections; i++)
		rounds -= apps[0].sessions[i].rounds;
	run_for(RUN_MS);
	for (unsigned i = 0; i < connections; i++)
		rounds += apps[0].sessions[i].rounds;
	for (unsigned i = 0; i < 2; i++) {
		tcp_stats(sides[i].tcp, &after[i]);
		ns[i] = (double)sides[i].cycles * 1e9 / (double)rte_get_tsc_hz();
	}
	sent = after[1].segments_out - before[1].segments_out;
	received = after[1].segments_in - before[1].segments_in;
	printf("%4u connections, %6u bytes: server %6.0f ns per answer, %5.1f ns per segment sent "
	       "(%.2f Mpps), %.2f received per sent, %.0f %% predicted; client %5.1f ns per "
	       "segment received; again %lu\n",
	       connections, bytes, ns[1] / (double)rounds, ns[1] / (double)sent,
	       (double)sent / ns[1] * 1e3, (double)received / (double)sent,
	       100.0 * (double)(after[1].header_prediction - before[1].header_prediction) /
		       (double)received,
	       ns[0] / (double)sent, after[1].retransmit_segments - before[1].retransmit_segments);
	sides_destroy();
}

int main(int argc, char **argv)
{
	int eal = rte_eal_init(argc, argv), status = 0;

	if (eal < 0)
		return 1;
	the_clock.refresh = clock_read;
	file = malloc(FILE_BYTES);
	ASSERT(file != NULL);
	memset(file, 'x', FILE_BYTES);
	if (argc - eal == 3) {
		status = count_case(argv[eal + 1], (unsigned)strtoul(argv[eal + 2], NULL, 10));
	} else {
		measure(1, 12288);
		measure(64, 12288);
		measure(256, 12288);
		measure(64, 65536);
		measure(64, 200);
	}
	free(file);
	return status;
}
