/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to be knocked at: nanoseconds of a forged SYN that gets a cookie, of one beyond
 * its source's rate, of a forged third step; and of a connection that is opened, asks, is
 * answered and closed upon, which all of those are to be small against.
 *
 *     bench_door                 nanoseconds of each
 *     bench_door CASE N          that one N times, in door_turn(): tests/bench/instructions has
 *                                callgrind count that, which no busy machine blurs
 */
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdlib.h>
#include <string.h>

#include "alone.h"
#include "check.h"
#include "eal.h"
#include "tcp.h"

enum {
	PORT = 143,
	IP_BYTES = sizeof(struct rte_ipv4_hdr),
	BURST = 64,
	RUNS = 100000,
	ANSWER_STAMP_AT = 16, /* behind MSS, scale and SACK permitted */
	ECHO_AT = 8,
};

/* Of a TCP header. */
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

/* MSS, SACK permitted, timestamps, scale: what Linux says. */
static const uint8_t syn_options[20] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0,
					0, 1, 0,    0,	  0, 0, 1, 3,  3, 7};

static struct clock the_clock = {.mono_ns = 1000000000};
static struct rte_mempool *pool;
static struct tcp *tcp;
/* Timestamps alone: what Linux says afterwards; the echo is that of `answer_stamp`. */
static const uint8_t later_options[12] = {1, 1, 8, 10, 0, 0, 0, 1};
static const uint8_t no_options[1];

/* Of the last SYN with ACK. */
static uint32_t answer_seq;
static uint8_t answer_stamp[4];

/* --- The server's surroundings --- */

static void clock_still(struct clock *clock)
{
	(void)clock;
}

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	const struct rte_tcp_hdr *header = rte_pktmbuf_mtod(m, const struct rte_tcp_hdr *);

	(void)wire;
	(void)src;
	(void)dst;
	(void)tos;
	if (header->tcp_flags & SYN) {
		answer_seq = rte_be_to_cpu_32(header->sent_seq);
		memcpy(answer_stamp, (const uint8_t *)(header + 1) + ANSWER_STAMP_AT,
		       sizeof(answer_stamp));
	}
	rte_pktmbuf_free(m);
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)wire;
	(void)dst;
	return 1500;
}

static uint64_t env_random(struct tcp_env *env)
{
	(void)env;
	return 4;
}

struct session {
	struct stream_session base; /* first */
	bool asked;
};

static struct session the_session;

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	(void)transport;
	(void)ref;
	(void)info;
	the_session = (struct session){{app->ops}, false};
	*session_r = &the_session.base;
	return 0;
}

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	(void)in_n;
	((struct session *)base)->asked = true;
	return in[0].len;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	static const uint8_t answer[64];

	(void)budget;
	if (!((struct session *)base)->asked)
		return (struct stream_verdict){STREAM_DONE, 0};
	stream_put(out, (struct span){answer, sizeof(answer)});
	return (struct stream_verdict){STREAM_CLOSE, 0};
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

/* --- Segments --- */

static struct rte_mbuf *segment_make(uint32_t from, uint16_t port, uint8_t flags, uint32_t seq,
				     uint32_t ack, const uint8_t *options, uint16_t options_len,
				     uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *header;

	ASSERT(m != NULL);
	ip = (struct rte_ipv4_hdr *)(void *)rte_pktmbuf_append(
		m, (uint16_t)(IP_BYTES + sizeof(*header) + options_len + len));
	header = (struct rte_tcp_hdr *)(ip + 1);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .src_addr = rte_cpu_to_be_32(from),
				    .dst_addr = RTE_BE32(0x7f000001)};
	*header = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(port),
		.dst_port = RTE_BE16(PORT),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = rte_cpu_to_be_32(ack),
		.data_off = (uint8_t)((sizeof(*header) + options_len) / 4 << 4),
		.tcp_flags = flags,
		.rx_win = 0xffff,
	};
	memcpy(header + 1, options, options_len);
	m->l3_len = IP_BYTES;
	return m;
}

static struct rte_mbuf *syn_make(uint32_t from, uint16_t port, uint32_t seq)
{
	return segment_make(from, port, SYN, seq, 0, syn_options, sizeof(syn_options), 0);
}

/* A segment of a connection: with its timestamps, without which it would be dropped. */
static struct rte_mbuf *later_make(uint32_t from, uint16_t port, uint8_t flags, uint32_t seq,
				   uint32_t ack, uint16_t len)
{
	uint8_t options[sizeof(later_options)];

	memcpy(options, later_options, sizeof(options));
	memcpy(options + ECHO_AT, answer_stamp, sizeof(answer_stamp));
	return segment_make(from, port, flags, seq, ack, options, sizeof(options), len);
}

static uint32_t mixed(uint32_t n)
{
	return n * 2654435761u;
}

static struct rte_mbuf *forged_syn(uint32_t n)
{
	return syn_make(0x0a000000 | mixed(n) >> 8, (uint16_t)(mixed(n) | 1), n);
}

static struct rte_mbuf *limited_syn(uint32_t n)
{
	return syn_make(0x0a000001, (uint16_t)(mixed(n) | 1), n);
}

static struct rte_mbuf *forged_ack(uint32_t n)
{
	return segment_make(0x0a000000 | mixed(n) >> 8, (uint16_t)(mixed(n) | 1), ACK, n, n,
			    no_options, 0, 0);
}

/* --- Turns: what is counted --- */

ALONE static void door_turn(struct rte_mbuf **burst, unsigned n)
{
	tcp_input(tcp, burst, n);
	tcp_advance(tcp);
	tcp_produce(tcp, UINT64_MAX);
}

static uint64_t turns(struct rte_mbuf *(*make)(uint32_t n), uint32_t n)
{
	struct rte_mbuf *burst[BURST];
	uint64_t cycles = 0;

	for (uint32_t done = 0; done < n; done += BURST) {
		for (uint32_t k = 0; k < BURST; k++)
			burst[k] = make(done + k);
		cycles -= rte_rdtsc();
		door_turn(burst, BURST);
		cycles += rte_rdtsc();
		the_clock.mono_ns += 100000;
	}
	return cycles;
}

static uint64_t step(struct rte_mbuf *m)
{
	uint64_t cycles = rte_rdtsc();

	door_turn(&m, 1);
	return rte_rdtsc() - cycles;
}

/* Five turns of one segment each, which no burst makes cheaper. */
static uint64_t connections(uint32_t n)
{
	struct tcp_stats stats;
	uint64_t cycles = 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t from = 0x0b000000 | mixed(k) >> 8;
		uint16_t port = (uint16_t)(mixed(k) | 1);
		uint32_t ack;

		cycles += step(syn_make(from, port, 0));
		ack = answer_seq + 1;
		cycles += step(later_make(from, port, ACK, 1, ack, 0));
		cycles += step(later_make(from, port, ACK | PSH, 1, ack, 64));
		cycles += step(later_make(from, port, ACK, 65, ack + 65, 0));
		cycles += step(later_make(from, port, FIN | ACK, 65, ack + 65, 0));
		the_clock.mono_ns += 1000000;
	}
	tcp_stats(tcp, &stats);
	ASSERT(stats.opened_passive == n && stats.closed == n);
	return cycles;
}

static uint64_t cookies(uint32_t n)
{
	return turns(forged_syn, n);
}

static uint64_t limited(uint32_t n)
{
	return turns(limited_syn, n);
}

static uint64_t forged(uint32_t n)
{
	return turns(forged_ack, n);
}

static const struct {
	const char *name;
	uint64_t (*run)(uint32_t n);
	uint32_t syn_received_max;
} cases[] = {
	{"cookie", cookies, 1},
	{"limited", limited, 1},
	{"forged", forged, 1},
	{"connection", connections, 1024},
};

static void run(unsigned at, uint32_t n, bool print)
{
	static const struct stream_app_ops ops = {app_open,    app_consume, app_produce,
						  app_nothing, app_nothing, app_nothing,
						  app_closed};
	static struct stream_app app = {&ops};
	struct tcp_wire wire = {.send = wire_send, .mtu = wire_mtu, .segments_max = 8};
	struct tcp_env env = {&the_clock, NULL, &wire, env_random};
	const struct tcp_config config = {.connections_max = 1024,
					  .listeners_max = 1,
					  .syn_received_max = cases[at].syn_received_max,
					  .source_syn_received_max = 256,
					  .source_connections_max = 1024,
					  .source_syns_per_s = 1000,
					  .time_wait_max = 65536,
					  .receive_bytes_max = 262144,
					  .send_bytes_max = 262144,
					  .packet_memory_bytes = 4 << 20,
					  .quantum_ns = 50000,
					  .socket = -1,
					  .name = "door"};
	uint64_t cycles;

	ASSERT(tcp_create(&config, &env, &tcp) == 0);
	ASSERT(tcp_listen(tcp, (const uint8_t[16]){0}, PORT, &app) == 0);
	/* The first takes the only place; where there are more none is to repeat its answer. */
	if (cases[at].syn_received_max == 1)
		turns(forged_syn, 2 * BURST);
	cycles = cases[at].run(n);
	if (print)
		printf("%-10s %6.0f ns\n", cases[at].name,
		       (double)cycles * 1e9 / (double)rte_get_tsc_hz() / n);
	tcp_destroy(&tcp);
}

int main(int argc, char **argv)
{
	the_clock.refresh = clock_still;
	if (eal_start(256) != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("frames", 511, 64, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	ASSERT(pool != NULL);
	for (unsigned at = 0; at < RTE_DIM(cases); at++) {
		if (argc == 1)
			run(at, RUNS, true);
		else if (argc == 3 && strcmp(argv[1], cases[at].name) == 0)
			run(at, (uint32_t)strtoul(argv[2], NULL, 10), false);
	}
	return 0;
}
