/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole TCP against segments from the input. Each record of it is a raw packet, or a
 * segment whose sequence and acknowledgement are near to what the TCP expects (so that the input
 * need not guess them), or time that passes, or something the session does. What the TCP
 * sends is read back and must be well formed; afterwards every buffer must be home.
 */
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "check.h"
#include "eal.h"
#include "input.h"
#include "options.h"
#include "tcp.h"

enum {
	MEMORY_MB = 64,
	PORT = 143,
	SESSIONS = 4,
	RX_MBUFS = 255,
	IP_BYTES = sizeof(struct rte_ipv4_hdr),
};

struct session {
	struct stream_session base; /* first */
	struct stream_ref ref;
	uint32_t say, take;
	enum stream_state finally;
	bool open;
};

static struct clock the_clock;
static struct tcp *tcp;
static struct rte_mempool *pool;
static struct session sessions[SESSIONS];
static uint32_t peer_seq, peer_ack; /* where the TCP stands, as its last segment said */
static const uint8_t addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
static const uint8_t peer_addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 2};

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	uint8_t header[60];
	const struct rte_tcp_hdr *h = (const struct rte_tcp_hdr *)header;
	struct options options;

	(void)wire;
	(void)tos;
	ASSERT(memcmp(src, addr, 16) == 0 && memcmp(dst, peer_addr, 16) == 0);
	rte_mbuf_sanity_check(m, 1);
	ASSERT(m->l4_len >= sizeof(*h) && m->data_len >= m->l4_len && m->pkt_len <= 1480);
	memcpy(header, rte_pktmbuf_mtod(m, const void *), m->l4_len);
	ASSERT((h->data_off >> 4) * 4 == m->l4_len && h->src_port == rte_cpu_to_be_16(PORT));
	ASSERT(tcp_options_parse(header + sizeof(*h), m->l4_len - sizeof(*h), true, &options));
	peer_seq = rte_be_to_cpu_32(h->recv_ack);
	peer_ack = rte_be_to_cpu_32(h->sent_seq) + m->pkt_len - m->l4_len + !!(h->tcp_flags & 3);
	rte_pktmbuf_free(m);
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)wire;
	(void)dst;
	return 1500;
}

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	(void)transport;
	(void)info;
	for (unsigned i = 0; i < SESSIONS; i++) {
		if (sessions[i].open)
			continue;
		sessions[i] = (struct session){{app->ops}, ref, 0, 1000, STREAM_DONE, true};
		*session_r = &sessions[i].base;
		return 0;
	}
	return -1;
}

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	struct session *session = (struct session *)base;
	size_t left = session->take, taken = 0;
	volatile uint8_t sum = 0;

	ASSERT(session->open);
	for (unsigned i = 0; i < in_n; i++) {
		size_t n = in[i].len < left ? in[i].len : left;

		for (size_t k = 0; k < in[i].len; k++)
			sum = (uint8_t)(sum + in[i].ptr[k]);
		taken += n;
		left -= n;
	}
	return taken;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	static const uint8_t bytes[4096];
	struct session *session = (struct session *)base;

	ASSERT(session->open && budget->bytes >= STREAM_BUDGET_BYTES_MIN);
	session->say -= (uint32_t)stream_put(
		out,
		(struct span){bytes, session->say < sizeof(bytes) ? session->say : sizeof(bytes)});
	return (struct stream_verdict){session->say > 0 ? STREAM_MORE : session->finally, 0};
}

static void app_nothing(struct stream_session *base)
{
	ASSERT(((struct session *)base)->open);
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	(void)reason;
	ASSERT(((struct session *)*base)->open);
	((struct session *)*base)->open = false;
	*base = NULL;
}

static const struct stream_app_ops ops = {app_open,    app_consume, app_produce, app_nothing,
					  app_nothing, app_nothing, app_closed};
static struct stream_app app = {&ops};

static void clock_still(struct clock *clock)
{
	(void)clock;
}

static uint64_t random_four(struct tcp_env *env)
{
	(void)env;
	return 4;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct tcp_wire wire = {.send = wire_send, .mtu = wire_mtu, .segments_max = 4};
	static struct tcp_env env = {&the_clock, NULL, &wire, random_four};
	const struct tcp_config config = {.connections_max = SESSIONS,
					  .listeners_max = 1,
					  .syn_received_max = 2,
					  .time_wait_max = 2,
					  .receive_bytes_max = 16384,
					  .send_bytes_max = 65536,
					  .packet_memory_bytes = 1,
					  .quantum_ns = 50000,
					  .socket = -1,
					  .name = "fuzz"};

	(void)argc;
	(void)argv;
	ASSERT(eal_start(MEMORY_MB) == 0);
	the_clock = (struct clock){.mono_ns = 1000000000, .refresh = clock_still};
	pool = rte_pktmbuf_pool_create("fuzz_rx", RX_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	ASSERT(pool != NULL && tcp_create(&config, &env, &tcp) == 0);
	ASSERT(tcp_listen(tcp, (const uint8_t[16]){0}, PORT, &app) == 0);
	return 0;
}

static void packet_input(const struct rte_tcp_hdr *header, struct input *in, size_t payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	uint8_t *to = (uint8_t *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF, .next_proto_id = IPPROTO_TCP};
	memcpy(&ip->src_addr, peer_addr + 12, 4);
	memcpy(&ip->dst_addr, addr + 12, 4);
	memcpy(to, header, sizeof(*header));
	if (payload > in->left)
		payload = in->left;
	memcpy(to + sizeof(*header), in->at, payload);
	in->at += payload;
	in->left -= payload;
	m->data_len = (uint16_t)(IP_BYTES + sizeof(*header) + payload);
	m->pkt_len = m->data_len;
	m->l3_len = IP_BYTES;
	tcp_input(tcp, &m, 1);
}

/* The header as it comes, but for the ports. */
static void raw_packet(struct input *in)
{
	struct rte_tcp_hdr header = {0};
	size_t n = in->left < sizeof(header) ? in->left : sizeof(header);

	memcpy(&header, in->at, n);
	in->at += n;
	in->left -= n;
	header.dst_port = rte_cpu_to_be_16(PORT);
	header.src_port = rte_cpu_to_be_16((uint16_t)(40000 + (header.src_port & 3)));
	packet_input(&header, in, input_take(in, 1));
}

static void near_segment(struct input *in, uint8_t op)
{
	int16_t seq = (int16_t)input_take(in, 2), ack = (int16_t)input_take(in, 2);
	struct rte_tcp_hdr header = {
		.dst_port = rte_cpu_to_be_16(PORT),
		.src_port = rte_cpu_to_be_16(40000),
		.sent_seq = rte_cpu_to_be_32(peer_seq + (uint32_t)(op & 8 ? seq : 0)),
		.recv_ack = rte_cpu_to_be_32(peer_ack + (uint32_t)(op & 16 ? ack : 0)),
		.tcp_flags = (uint8_t)input_take(in, 1),
		.rx_win = rte_cpu_to_be_16((uint16_t)input_take(in, 2)),
	};
	uint8_t words = (uint8_t)input_take(in, 1) % 11;

	header.data_off = (uint8_t)((5 + words) << 4);
	packet_input(&header, in, words * 4U + input_take(in, 2) % 1400);
}

static void session_acts(struct input *in)
{
	struct session *session = &sessions[input_take(in, 1) % SESSIONS];
	struct stream_transport *transport = tcp_transport(tcp);
	uint32_t what = input_take(in, 1), value = input_take(in, 2);

	if (!session->open)
		return;
	switch (what % 5) {
	case 0:
		session->say += value;
		break;
	case 1:
		session->take = value;
		break;
	case 2:
		session->finally = (enum stream_state)(value % 4);
		break;
	case 3:
		transport->ops->abort(transport, session->ref);
		break;
	default:
		transport->ops->timer(transport, session->ref, value);
		break;
	}
	/* One that has nothing to say and says MORE would be asked for ever: the clock is still. */
	if (session->finally == STREAM_MORE)
		session->finally = STREAM_DONE;
	transport->ops->wake(transport, session->ref);
}

static void turn(uint64_t ms)
{
	the_clock.mono_ns += ms * 1000000;
	tcp_advance(tcp);
	tcp_produce(tcp, UINT64_MAX);
}

static bool pool_home(const char *name)
{
	return rte_mempool_full(rte_mempool_lookup(name));
}

/* Ends what the input began; the next one finds an empty TCP. */
static void clear(void)
{
	struct stream_transport *transport = tcp_transport(tcp);
	struct tcp_stats stats;

	for (unsigned i = 0; i < SESSIONS; i++)
		if (sessions[i].open)
			transport->ops->abort(transport, sessions[i].ref);
	turn(0);
	/* Half-open and half-closed ones run out of retransmissions or of time. */
	for (unsigned i = 0; i < 200; i++) {
		tcp_stats(tcp, &stats);
		if (stats.connections == 0)
			break;
		turn(61000);
	}
	turn(61000);
	ASSERT(stats.connections == 0);
	ASSERT(rte_mempool_full(pool) && pool_home("fuzz_small") && pool_home("fuzz_headers"));
	ASSERT(pool_home("fuzz_slices") && pool_home("fuzz_pieces"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	while (in.left > 0) {
		uint8_t op = (uint8_t)input_take(&in, 1);

		switch (op & 7) {
		case 0:
			raw_packet(&in);
			break;
		case 1:
			turn(input_take(&in, 2));
			break;
		case 2:
			session_acts(&in);
			break;
		default:
			near_segment(&in, op);
			break;
		}
		if (op & 32)
			turn(1);
	}
	clear();
	return 0;
}
