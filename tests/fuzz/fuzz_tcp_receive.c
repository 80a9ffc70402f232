/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly against a model that is too simple to be wrong: an array with the first copy of each
 * byte. Segments come at any place around the window, with bytes that differ from copy to
 * copy; the session takes what it likes. What it gets must be the first copies, in order; what
 * the TCP holds must be what the model holds, in runs and pieces that hang together; and each
 * SACK block must be a run.
 */
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "check.h"
#include "connection.h"
#include "eal.h"
#include "input.h"
#include "options.h"
#include "pieces.h"
#include "tcp.h"

enum {
	MEMORY_MB = 64,
	PORT = 143,
	IP_BYTES = sizeof(struct rte_ipv4_hdr),
	WINDOW = 20000,
	MODEL = 1 << 16,	/* more than twice a window */
	PEER_ISN = 0xffffd000U, /* the stream begins below the wrap */
	SEGMENT_MAX = 1400,
};

static struct {
	uint8_t value[MODEL];
	bool present[MODEL];
	uint32_t taken;	     /* the next byte for the session */
	uint32_t start, end; /* of the segment that is being looked at */
} model;

static struct clock the_clock;
static struct tcp *tcp;
static struct rte_mempool *pool;
static struct stream_session session;
static struct stream_ref ref;
static bool session_open;
static uint32_t take_max, peer_ack;
static const uint8_t addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
static const uint8_t peer_addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 2};

static struct connection *connection(void)
{
	return session_open ? tcp_connection_of(tcp, ref) : NULL;
}

static bool is_run(const struct connection *c, const struct sack_block *block)
{
	for (unsigned i = 1; c->runs != NULL && i < c->runs->n; i++)
		if (c->runs->run[i].start == block->start && c->runs->run[i].end == block->end)
			return true;
	return false;
}

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	const struct rte_tcp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_tcp_hdr *);
	struct connection *c = connection();
	struct options options;

	(void)wire;
	(void)src;
	(void)dst;
	(void)tos;
	ASSERT(tcp_options_parse((const uint8_t *)(h + 1), m->l4_len - sizeof(*h),
				 h->tcp_flags & SEGMENT_SYN, &options));
	peer_ack = rte_be_to_cpu_32(h->sent_seq) + !!(h->tcp_flags & SEGMENT_SYN);
	/* The first may tell of a duplicate. */
	for (unsigned i = 0; c != NULL && i < options.blocks_n; i++)
		ASSERT(is_run(c, &options.blocks[i]) ||
		       (i == 0 && seq_le(model.start, options.blocks[0].start) &&
			seq_ge(model.end, options.blocks[0].end)));
	rte_pktmbuf_free(m);
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)wire;
	(void)dst;
	return 1500;
}

static const struct stream_app_ops ops;

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref new_ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	(void)app;
	(void)transport;
	(void)info;
	ref = new_ref;
	session.ops = &ops;
	session_open = true;
	*session_r = &session;
	return 0;
}

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	size_t taken = 0;

	(void)base;
	for (unsigned i = 0; i < in_n; i++)
		for (size_t k = 0; k < in[i].len && taken < take_max; k++, taken++) {
			uint32_t seq = model.taken++;

			ASSERT(model.present[seq % MODEL] ||
			       (seq_ge(seq, model.start) && seq_lt(seq, model.end)));
			ASSERT(in[i].ptr[k] == model.value[seq % MODEL]);
			model.present[seq % MODEL] = false;
		}
	return taken;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	(void)base;
	(void)out;
	(void)budget;
	return (struct stream_verdict){STREAM_DONE, 0};
}

static void app_nothing(struct stream_session *base)
{
	(void)base;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	(void)reason;
	session_open = false;
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
	const struct tcp_config config = {.connections_max = 1,
					  .listeners_max = 1,
					  .syn_received_max = 1,
					  .time_wait_max = 1,
					  .receive_bytes_max = WINDOW,
					  .send_bytes_max = 65536,
					  .packet_memory_bytes = 1,
					  .quantum_ns = 50000,
					  .socket = -1,
					  .name = "fuzz"};

	(void)argc;
	(void)argv;
	ASSERT(eal_start(MEMORY_MB) == 0);
	the_clock = (struct clock){.mono_ns = 1000000000, .refresh = clock_still};
	pool = rte_pktmbuf_pool_create("fuzz_rx", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	ASSERT(pool != NULL && tcp_create(&config, &env, &tcp) == 0);
	ASSERT(tcp_listen(tcp, (const uint8_t[16]){0}, PORT, &app) == 0);
	return 0;
}

/* A packet whose payload is what the model has of these bytes as the newest copy. */
static void segment_send(uint8_t flags, uint32_t seq, uint32_t len, const struct options *options)
{
	static uint8_t copy;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	struct rte_tcp_hdr *h = (struct rte_tcp_hdr *)(ip + 1);
	size_t bytes = sizeof(*h) + tcp_options_write(options, (uint8_t *)(h + 1));
	uint8_t *payload = (uint8_t *)h + bytes;

	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF, .next_proto_id = IPPROTO_TCP};
	memcpy(&ip->src_addr, peer_addr + 12, 4);
	memcpy(&ip->dst_addr, addr + 12, 4);
	*h = (struct rte_tcp_hdr){.dst_port = rte_cpu_to_be_16(PORT),
				  .src_port = rte_cpu_to_be_16(40000),
				  .sent_seq = rte_cpu_to_be_32(seq),
				  .recv_ack = rte_cpu_to_be_32(peer_ack),
				  .data_off = (uint8_t)(bytes / 4 << 4),
				  .tcp_flags = flags,
				  .rx_win = 0xffff};
	copy++;
	model.start = seq;
	model.end = seq + len;
	for (uint32_t i = 0; i < len; i++) {
		payload[i] = (uint8_t)(copy + i * 7);
		if (seq_ge(seq + i, model.taken) && !model.present[(seq + i) % MODEL])
			model.value[(seq + i) % MODEL] = payload[i];
	}
	m->data_len = (uint16_t)(IP_BYTES + bytes + len);
	m->pkt_len = m->data_len;
	m->l3_len = IP_BYTES;
	tcp_input(tcp, &m, 1);
}

static bool held(const struct connection *c, uint32_t seq)
{
	unsigned at;

	if (seq_lt(seq, c->rcv_nxt))
		return seq_ge(seq, c->rcv_user);
	if (c->runs == NULL)
		return false;
	at = runs_find(c->runs, seq);
	return at > 0 && seq_lt(seq, c->runs->run[at].end);
}

/* What was refused is not there; what was here is there still, unless it was given up. */
static void model_follow(const struct connection *c, const struct tcp_stats *before, uint32_t edge)
{
	bool dropped = tcp->stats.memory_dropped != before->memory_dropped;
	bool reneged = tcp->stats.out_of_order_dropped != before->out_of_order_dropped;

	for (uint32_t seq = model.start; seq != model.end; seq++) {
		if (seq_lt(seq, model.taken))
			continue;
		ASSERT(held(c, seq) || dropped || reneged || seq_ge(seq, edge));
		model.present[seq % MODEL] = held(c, seq);
	}
	for (uint32_t i = 0; reneged && i < 2 * WINDOW; i++)
		if (!held(c, c->rcv_user + i))
			model.present[(c->rcv_user + i) % MODEL] = false;
}

/* The bytes of one run, from the piece behind `piece` on. Returns the last. */
static const struct piece *check_run(const struct connection *c, const struct piece *piece,
				     uint32_t start, uint32_t end, uint32_t *pieces)
{
	while (start != end) {
		const struct piece *next = piece == NULL ? c->pieces : piece->next;

		ASSERT(next != NULL && next->prev == piece && next->seq == start && next->len > 0);
		for (uint32_t i = 0; i < next->len; i++)
			ASSERT(model.present[(start + i) % MODEL] &&
			       next->bytes[next->start + i] == model.value[(start + i) % MODEL]);
		start += next->len;
		piece = next;
		++*pieces;
	}
	return piece;
}

static void check_pieces(const struct connection *c)
{
	const struct runs *runs = c->runs;
	uint32_t pieces = runs != NULL, bytes = 0, present = 0;
	const struct piece *last = check_run(c, NULL, c->rcv_user, c->rcv_nxt, &pieces);

	ASSERT(model.taken == c->rcv_user);
	ASSERT(runs == NULL || (runs->n >= 2 && runs->run[0].last == last));
	for (unsigned i = 1; runs != NULL && i < runs->n; i++) {
		const struct run *run = &runs->run[i];

		ASSERT(seq_gt(run->start, i == 1 ? c->rcv_nxt : run[-1].end));
		last = check_run(c, last, run->start, run->end, &pieces);
		ASSERT(last == run->last && run->start != run->end);
		bytes += run->end - run->start;
	}
	ASSERT(last == c->pieces_tail && (last == NULL || last->next == NULL));
	ASSERT(pieces == c->pieces_n && pieces == tcp->pieces_held);
	for (uint32_t i = 0; i < WINDOW; i++)
		present += model.present[(c->rcv_user + i) % MODEL];
	ASSERT(present == bytes + (c->rcv_nxt - c->rcv_user));
}

static void step(struct input *in, bool timestamps)
{
	uint32_t op = input_take(in, 1), place = input_take(in, 2),
		 len = 1 + input_take(in, op & 1 ? 2 : 1);
	struct connection *c = connection();
	const struct tcp_stats before = tcp->stats;
	uint32_t edge = c->rcv_adv;
	const struct options options = {.timestamps = timestamps, .value = 1};

	take_max = op & 2 ? UINT32_MAX : op >> 4;
	segment_send(SEGMENT_ACK, c->rcv_nxt - 2000 + place % (WINDOW + 4000), len % SEGMENT_MAX,
		     &options);
	ASSERT(connection() == c);
	model_follow(c, &before, edge);
	if (op & 8) {
		take_max = op & 4 ? UINT32_MAX : place;
		tcp_transport(tcp)->ops->wake(tcp_transport(tcp), ref);
		tcp_produce(tcp, UINT64_MAX);
	}
	if (op < 16) /* it is slow */
		check_pieces(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint32_t kind = input_take(&in, 1);
	const struct options options = {
		.mss = 1460, .sack_permitted = kind & 1, .timestamps = kind & 2, .value = 1};
	const struct options later = {.timestamps = kind & 2, .value = 1};

	memset(&model, 0, sizeof(model));
	model.taken = PEER_ISN + 1;
	segment_send(SEGMENT_SYN, PEER_ISN, 0, &options);
	segment_send(SEGMENT_ACK, PEER_ISN + 1, 0, &later);
	tcp_produce(tcp, UINT64_MAX);
	ASSERT(session_open);
	while (in.left > 0)
		step(&in, kind & 2);
	check_pieces(connection());
	segment_send(SEGMENT_RST, connection()->rcv_nxt, 0, &later);
	tcp_produce(tcp, UINT64_MAX);
	ASSERT(!session_open && rte_mempool_full(pool));
	ASSERT(tcp->pieces_held == 0 && rte_mempool_full(tcp->pieces));
	return 0;
}
