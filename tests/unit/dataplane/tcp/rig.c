/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdlib.h>

enum { POOL_MBUFS = 511, IP_BYTES = sizeof(struct rte_ipv4_hdr) };

const uint8_t rig_addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
const uint8_t rig_peer_addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 2};

static const struct tcp_config usual = {
	.connections_max = 8,
	.listeners_max = 2,
	.syn_received_max = 4,
	.time_wait_max = 4,
	.receive_bytes_max = 65536,
	.send_bytes_max = 262144,
	.packet_memory_bytes = 4 << 20,
	.quantum_ns = 50000,
	.congestion = TCP_NEWRENO,
	.socket = -1,
	.secret = {1, 2, 3, 4},
	.name = "rig",
};
struct tcp_config rig_config;
uint32_t rig_segments_max, rig_tso_bytes_max;

void rig_pattern(uint8_t *bytes_r, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		bytes_r[i] = (uint8_t)((at + i) * 131 >> 3);
}

bool rig_pattern_at(const uint8_t *bytes, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != (uint8_t)((at + i) * 131 >> 3))
			return false;
	return true;
}

/* --- The wire --- */

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	struct rig *rig = (struct rig *)((uint8_t *)wire - offsetof(struct rig, wire));
	struct rig_segment *s = &rig->sent[rig->sent_n++];
	uint8_t header[60];
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)header;
	const void *payload;

	assert_true(rig->sent_n < RIG_SENT_MAX);
	assert_memory_equal(src, rig_addr, 16);
	if (!rig->crowd)
		assert_memory_equal(dst, rig->peer_addr, 16);
	assert_true(m->nb_segs <= wire->segments_max || wire->segments_max == 1);
	assert_true(rte_pktmbuf_headroom(m) >= sizeof(struct rte_ipv4_hdr) + 18);
	assert_true(m->data_len >= m->l4_len);
	memcpy(header, rte_pktmbuf_mtod(m, const void *), m->l4_len);
	assert_int_equal((tcp->data_off >> 4) * 4, m->l4_len);
	assert_int_equal(tcp->cksum, 0);
	*s = (struct rig_segment){.seq = rte_be_to_cpu_32(tcp->sent_seq),
				  .ack = rte_be_to_cpu_32(tcp->recv_ack),
				  .len = m->pkt_len - m->l4_len,
				  .window = rte_be_to_cpu_16(tcp->rx_win),
				  .port = rte_be_to_cpu_16(tcp->src_port),
				  .peer_port = rte_be_to_cpu_16(tcp->dst_port),
				  .cut = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG ? m->tso_segsz : 0,
				  .flags = tcp->tcp_flags,
				  .tos = tos};
	memcpy(s->peer, dst, 16);
	assert_true(tcp_options_parse(header + sizeof(*tcp), m->l4_len - sizeof(*tcp),
				      tcp->tcp_flags & SYN, &s->options));
	if (s->len > 0 && s->len <= sizeof(s->bytes)) {
		payload = rte_pktmbuf_read(m, m->l4_len, s->len, s->bytes);
		if (payload != s->bytes)
			memcpy(s->bytes, payload, s->len);
	}
	rte_pktmbuf_free(m);
}

static bool wire_is_full(struct tcp_wire *wire, const uint8_t src[16])
{
	assert_memory_equal(src, rig_addr, 16);
	((struct rig *)((uint8_t *)wire - offsetof(struct rig, wire)))->asked_full++;
	return wire->full > 0;
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)dst;
	return ((struct rig *)((uint8_t *)wire - offsetof(struct rig, wire)))->mtu;
}

/* --- The application --- */

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct rig *rig = (struct rig *)((uint8_t *)app - offsetof(struct rig, app));
	struct rig_session *session = &rig->sessions[rig->sessions_n];

	(void)transport;
	if (rig->refuse)
		return -EBUSY;
	assert_true(rig->sessions_n < RIG_SESSIONS);
	rig->sessions_n++;
	session->base.ops = app->ops;
	session->ref = ref;
	session->info = *info;
	session->opened++;
	*session_r = &session->base;
	return 0;
}

static struct rig *rig_now;

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	struct rig_session *session = (struct rig_session *)base;
	size_t left = session->take_max, taken = 0, seen = session->in_n;

	assert_int_equal(session->closed, 0);
	for (unsigned i = 0; i < in_n; i++)
		seen += in[i].len;
	if (seen > session->seen)
		session->seen = seen;
	session->offers++;
	if (session->abort_in_consume) {
		struct stream_transport *transport = tcp_transport(rig_now->tcp);

		transport->ops->abort(transport, session->ref);
	}
	for (unsigned i = 0; i < in_n && left > 0; i++) {
		size_t n = in[i].len < left ? in[i].len : left;

		assert_true(session->in_n + n <= RIG_BYTES);
		memcpy(session->in + session->in_n, in[i].ptr, n);
		session->in_n += n;
		taken += n;
		left -= n;
	}
	return taken;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	struct rig_session *session = (struct rig_session *)base;
	size_t n = session->out_n - session->out_at;

	assert_true(budget->bytes >= STREAM_BUDGET_BYTES_MIN);
	session->produced++;
	if (session->wakes_in_produce > 0) {
		session->wakes_in_produce--;
		tcp_transport(rig_now->tcp)->ops->wake(tcp_transport(rig_now->tcp), session->ref);
	}
	session->out_at += stream_put(out, (struct span){session->out + session->out_at, n});
	if (session->out_at < session->out_n)
		return (struct stream_verdict){STREAM_MORE, 0};
	return (struct stream_verdict){session->finally, 0};
}

static void app_expire(struct stream_session *base)
{
	((struct rig_session *)base)->expired++;
}

static void app_drain(struct stream_session *base)
{
	((struct rig_session *)base)->drained++;
}

static void app_end(struct stream_session *base)
{
	struct rig_session *session = (struct rig_session *)base;

	session->ended++;
	session->seen_at_end = session->seen;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	struct rig_session *session = (struct rig_session *)*base;

	session->closed++;
	session->reason = reason;
	*base = NULL;
}

/* --- The rig --- */

static uint64_t random_four(struct tcp_env *env)
{
	(void)env;
	return 4;
}

static void clock_still(struct clock *clock)
{
	(void)clock;
}

void rig_defaults(void)
{
	rig_config = usual;
	rig_segments_max = 8;
	rig_tso_bytes_max = 0;
}

int rig_setup(void **state)
{
	static const struct stream_app_ops ops = {app_open,  app_consume, app_produce, app_expire,
						  app_drain, app_end,	  app_closed};
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->sent = calloc(RIG_SENT_MAX, sizeof(*rig->sent));
	rig->sessions = calloc(RIG_SESSIONS, sizeof(*rig->sessions));
	rig->clock = (struct clock){.mono_ns = 5000000000, .refresh = clock_still};
	rig->wire = (struct tcp_wire){.send = wire_send,
				      .mtu = wire_mtu,
				      .is_full = wire_is_full,
				      .tso_bytes_max = rig_tso_bytes_max,
				      .segments_max = rig_segments_max};
	rig->env = (struct tcp_env){&rig->clock, NULL, &rig->wire, random_four};
	rig->app.ops = &ops;
	rig->mtu = 1500;
	rig->pool =
		rte_pktmbuf_pool_create("rig_rx", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);
	memcpy(rig->peer_addr, rig_peer_addr, sizeof(rig->peer_addr));
	rig->peer_port = RIG_PEER_PORT;
	rig->peer_window = 65535;
	rig->peer_options = (struct options){.mss = RIG_MSS};
	for (unsigned i = 0; i < RIG_SESSIONS; i++) {
		rig->sessions[i].take_max = SIZE_MAX;
		rig->sessions[i].finally = STREAM_DONE;
	}
	*state = rig;
	rig_now = rig;
	return rig->pool == NULL || tcp_create(&rig_config, &rig->env, &rig->tcp) != 0 ||
	       tcp_listen(rig->tcp, (const uint8_t[16]){0}, RIG_PORT, &rig->app) != 0;
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;
	int leaked;

	tcp_destroy(&rig->tcp);
	leaked = !rte_mempool_full(rig->pool) || rte_mempool_lookup("rig_large") != NULL ||
		 rte_mempool_lookup("rig_small") != NULL ||
		 rte_mempool_lookup("rig_headers") != NULL ||
		 rte_mempool_lookup("rig_slices") != NULL;
	rte_mempool_free(rig->pool);
	for (unsigned i = 0; i < rig->sessions_n; i++)
		leaked |= rig->sessions[i].closed != 1;
	free(rig->sent);
	free(rig->sessions);
	free(rig);
	rig_defaults();
	return leaked;
}

void rig_segment(struct rig *rig, uint8_t flags, uint32_t seq, uint32_t ack, const void *bytes,
		 size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig->pool);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);
	struct options options = rig->peer_options;
	size_t options_len;

	if (!(flags & SYN)) {
		options.mss = 0;
		options.scaling = false;
		options.sack_permitted = false;
	}
	options_len = tcp_options_write(&options, (uint8_t *)(tcp + 1));
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .next_proto_id = IPPROTO_TCP,
				    .type_of_service = rig->peer_tos};
	memcpy(&ip->src_addr, rig->peer_addr + 12, 4);
	memcpy(&ip->dst_addr, rig_addr + 12, 4);
	*tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(rig->peer_port),
		.dst_port = rte_cpu_to_be_16(RIG_PORT),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = rte_cpu_to_be_32(ack),
		.data_off = (uint8_t)((sizeof(*tcp) + options_len) / 4 << 4),
		.tcp_flags = flags,
		.rx_win = rte_cpu_to_be_16((uint16_t)rig->peer_window),
	};
	if (len > 0)
		memcpy((uint8_t *)(tcp + 1) + options_len, bytes, len);
	m->data_len = (uint16_t)(IP_BYTES + sizeof(*tcp) + options_len + len);
	m->pkt_len = m->data_len;
	m->l3_len = IP_BYTES;
	tcp_input(rig->tcp, &m, 1);
}

void rig_next(struct rig *rig, uint8_t flags, const void *bytes, size_t len)
{
	rig_segment(rig, flags, rig->peer_seq, flags & ACK ? rig->peer_ack : 0, bytes, len);
	rig->peer_seq += (uint32_t)len + !!(flags & SYN) + !!(flags & FIN);
}

void rig_turn(struct rig *rig)
{
	tcp_advance(rig->tcp);
	tcp_produce(rig->tcp, UINT64_MAX);
}

void rig_sleep(struct rig *rig, uint64_t ms)
{
	uint64_t until_ns = rig->clock.mono_ns + ms * 1000000;

	while (tcp_next_ns(rig->tcp) <= until_ns) {
		if (tcp_next_ns(rig->tcp) > rig->clock.mono_ns)
			rig->clock.mono_ns = tcp_next_ns(rig->tcp);
		rig_turn(rig);
	}
	rig->clock.mono_ns = until_ns;
	rig_turn(rig);
}

const struct rig_segment *rig_expect(struct rig *rig, uint8_t flags)
{
	const struct rig_segment *s = &rig->sent[rig->sent_at];

	if (rig->sent_at == rig->sent_n)
		fail_msg("nothing was sent");
	rig->sent_at++;
	assert_int_equal(s->flags & ~PSH, flags);
	return s;
}

void rig_silent(struct rig *rig)
{
	if (rig->sent_at < rig->sent_n)
		fail_msg("sent: flags %02x seq %u ack %u len %u", rig->sent[rig->sent_at].flags,
			 rig->sent[rig->sent_at].seq, rig->sent[rig->sent_at].ack,
			 rig->sent[rig->sent_at].len);
}

void rig_forget_sent(struct rig *rig)
{
	rig->sent_at = 0;
	rig->sent_n = 0;
}

struct rig_session *rig_accept(struct rig *rig)
{
	unsigned before = rig->sessions_n;

	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	rig_turn(rig);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_silent(rig);
	rig_forget_sent(rig);
	assert_int_equal(rig->sessions_n, before + 1);
	return &rig->sessions[before];
}

void rig_say(struct rig *rig, struct rig_session *session, size_t len)
{
	struct stream_transport *transport = tcp_transport(rig->tcp);

	assert_true(session->out_n + len <= RIG_BYTES);
	rig_pattern(session->out + session->out_n, len, session->out_n);
	session->out_n += len;
	transport->ops->wake(transport, session->ref);
}

struct tcp_stats rig_stats(const struct rig *rig)
{
	struct tcp_stats stats;

	tcp_stats(rig->tcp, &stats);
	return stats;
}
