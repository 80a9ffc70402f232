/* SPDX-License-Identifier: Apache-2.0 */
#include "stack.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "check.h"
#include "connection.h"
#include "eal.h"
#include "options.h"
#include "segment.h"
#include "sim/invariant.h"

enum {
	MEMORY_MB = 96,
	FRAMES = 4095,
	LINK = 14,
	IP_BYTES = 20,
	HEADER = 20,
	BURST = 16,
	CONNECTIONS = 10,
	SYN_RECEIVED_LIMIT = 4,
	TIME_WAITS = 3,
	WINDOW = 32768,
	SEND_BYTES = 65536,
	ECHO_BYTES = 4096,
	WITNESS_SAYS = 200,
	/* Turns without a pause, and moments of one stretch of time: more is a loop. */
	TURNS_MAX = 1000,
	MOMENTS_MAX = 1000000,
	/* Long enough for retransmissions to run out, TIME_WAIT, cookies and paths to be
	 * forgotten. */
	REST_MS = 20 * 60 * 1000,
	ASKED_MAX = 8,
};

struct session {
	struct stream_session base; /* first */
	struct stream_ref ref;
	bool open, witness, ended, deaf, closes;
	uint8_t kept[ECHO_BYTES];
	size_t kept_n, says;
};

/* The first end, as a host that does what it should. */
static struct {
	uint32_t said, heard; /* bytes */
	uint32_t expected;    /* sequence */
	bool guessed;	      /* somebody was told its numbers, or guessed them: all bets are off */
	bool opened, fin, acks;
} witness;

static struct end ends[ENDS];
static struct session sessions[CONNECTIONS];
static struct port port;
static struct net *net;
static struct tcp *tcp;
static struct rte_mempool *pool;
static struct rte_mbuf *burst[BURST];
static unsigned burst_n;
static uint32_t asked[ASKED_MAX]; /* by ARP, to be answered */
static unsigned asked_n;
static void (*net_send)(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
			const uint8_t dst[16], uint8_t tos);

/* --- Time and chance --- */

static void clock_still(struct clock *clock)
{
	(void)clock;
}

static struct clock the_clock = {1000000000000u, 0, clock_still};
static struct journal journal = {.clock = &the_clock};
static struct invariant invariant;

static uint64_t net_random(struct net_env *env)
{
	(void)env;
	return 0x9e3779b97f4a7c15u;
}

static uint64_t tcp_random(struct tcp_env *env)
{
	(void)env;
	return 4;
}

uint32_t stack_now_ms(void)
{
	return (uint32_t)(the_clock.mono_ns / 1000000);
}

/* --- What must hold --- */

static void journal_check(void)
{
	if (journal.failed)
		check_failed(journal.wrong);
}

static void check(void)
{
	invariant_check(&invariant, tcp);
	ASSERT(tcp->waiting_n <= TIME_WAITS);
	journal_check();
}

static void pool_rest(struct rte_mempool *which, void *opaque)
{
	(void)opaque;
	/* Those of the TCP are looked at by invariant_rest(). */
	ASSERT(strncmp(which->name, "tcp_", 4) == 0 || rte_mempool_full(which));
}

/* --- The application: echoes, and says more when it is told to --- */

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct session *session = sessions;

	(void)transport;
	(void)info;
	while (session->open)
		ASSERT(++session < sessions + CONNECTIONS);
	*session = (struct session){.base = {app->ops}, .ref = ref, .open = true};
	*session_r = &session->base;
	return 0;
}

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	struct session *session = (struct session *)base;
	size_t taken = 0;

	ASSERT(session->open && !session->ended);
	for (unsigned i = 0; i < in_n && !session->deaf; i++) {
		size_t n = RTE_MIN(in[i].len, sizeof(session->kept) - session->kept_n);

		memcpy(session->kept + session->kept_n, in[i].ptr, n);
		session->kept_n += n;
		taken += n;
	}
	return taken;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	static const uint8_t more[4096];
	struct session *session = (struct session *)base;
	size_t n = stream_put(out, (struct span){session->kept, session->kept_n});

	ASSERT(session->open && budget->bytes >= STREAM_BUDGET_BYTES_MIN);
	memmove(session->kept, session->kept + n, session->kept_n - n);
	session->kept_n -= n;
	if (session->kept_n == 0)
		session->says -=
			stream_put(out, (struct span){more, RTE_MIN(session->says, sizeof(more))});
	if (session->kept_n + session->says > 0)
		return (struct stream_verdict){STREAM_MORE, 0};
	return (struct stream_verdict){
		session->ended || session->closes ? STREAM_CLOSE : STREAM_DONE, 0};
}

static void app_nothing(struct stream_session *base)
{
	ASSERT(((struct session *)base)->open);
}

static void app_end(struct stream_session *base)
{
	ASSERT(((struct session *)base)->open && !((struct session *)base)->ended);
	((struct session *)base)->ended = true;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	struct session *session = (struct session *)*base;

	ASSERT(session->open);
	ASSERT(!session->witness || witness.guessed || reason == STREAM_CLOSED);
	session->open = false;
	*base = NULL;
}

static const struct stream_app_ops ops = {app_open,    app_consume, app_produce, app_nothing,
					  app_nothing, app_end,	    app_closed};
static struct stream_app app = {&ops};

void stack_act(uint32_t number, enum act act, uint32_t value)
{
	struct stream_transport *transport = tcp_transport(tcp);
	struct session *session = &sessions[number % CONNECTIONS];

	if (!session->open || session->witness)
		return;
	if (act == ACT_SAY)
		session->says += value;
	else if (act == ACT_DEAF)
		session->deaf = value & 1;
	else if (act == ACT_CLOSE)
		session->closes = true;
	else if (act == ACT_ABORT)
		transport->ops->abort(transport, session->ref);
	else
		transport->ops->timer(transport, session->ref, value);
	check();
	transport->ops->wake(transport, session->ref);
	check();
}

/* --- What leaves --- */

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	const struct rte_tcp_hdr *header = rte_pktmbuf_mtod(segment, const struct rte_tcp_hdr *);
	struct options options;

	ASSERT(segment->data_len >= HEADER && segment->data_len >= segment->l4_len);
	ASSERT((header->data_off >> 4) * 4 == segment->l4_len && header->cksum == 0);
	ASSERT(tcp_options_parse((const uint8_t *)(header + 1), segment->l4_len - HEADER,
				 header->tcp_flags & SEGMENT_SYN, &options));
	invariant_sent(&invariant, src, dst, header, segment->pkt_len - segment->l4_len);
	journal_check();
	net_send(wire, segment, src, dst, tos);
}

static uint8_t said_at(uint32_t at)
{
	return (uint8_t)(at * 131 + (at >> 8));
}

static void witness_hears(uint8_t flags, uint32_t seq, const uint8_t *bytes, uint32_t len)
{
	if (witness.guessed)
		return;
	ASSERT(!(flags & SEGMENT_RST));
	ASSERT(!(flags & SEGMENT_SYN) || !witness.opened);
	if (flags & SEGMENT_SYN) {
		witness.expected = seq + 1;
		return;
	}
	witness.acks |= seq != witness.expected || len > 0 || (flags & SEGMENT_FIN);
	if (seq != witness.expected)
		return;
	for (uint32_t k = 0; k < len; k++)
		ASSERT(bytes[k] == said_at(witness.heard + k));
	witness.heard += len;
	ASSERT(witness.heard <= witness.said);
	witness.fin |= flags & SEGMENT_FIN;
	witness.expected += len + (flags & SEGMENT_FIN);
}

/* An end learns where the TCP stands. */
static void end_hears(struct end *end, const struct rte_tcp_hdr *header, uint32_t len)
{
	const uint8_t *options = (const uint8_t *)(header + 1);
	uint32_t seq = rte_be_to_cpu_32(header->sent_seq);
	struct options parsed;

	if (header->tcp_flags & SEGMENT_RST)
		return;
	len += !!(header->tcp_flags & (SEGMENT_SYN | SEGMENT_FIN));
	if (header->tcp_flags & SEGMENT_SYN)
		end->ack = end->acked = seq;
	if (header->tcp_flags & SEGMENT_ACK)
		end->seq = rte_be_to_cpu_32(header->recv_ack);
	if (seq_gt(seq + len, end->ack))
		end->ack = seq + len;
	if (tcp_options_parse(options, (header->data_off >> 4) * 4u - HEADER, true, &parsed) &&
	    parsed.timestamps)
		end->stamp = parsed.value;
}

static void arp_hear(const uint8_t *arp)
{
	if (arp[7] == 1 && asked_n < ASKED_MAX)
		asked[asked_n++] = (uint32_t)arp[24] << 24 | arp[25] << 16 | arp[26] << 8 | arp[27];
}

static void frame_sent(const struct rte_mbuf *frame, uint32_t link_len, uint16_t type)
{
	uint8_t copy[PORT_MTU];
	const uint8_t *at = rte_pktmbuf_read(frame, link_len, frame->pkt_len - link_len, copy);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;
	const struct rte_tcp_hdr *header = (const struct rte_tcp_hdr *)(at + IP_BYTES);
	uint32_t header_len, len;

	if (type == RTE_ETHER_TYPE_ARP)
		arp_hear(at);
	if (type != RTE_ETHER_TYPE_IPV4 || ip->next_proto_id != IPPROTO_TCP ||
	    header->src_port != RTE_BE16(SERVICE))
		return;
	header_len = (header->data_off >> 4) * 4u;
	len = rte_be_to_cpu_16(ip->total_length) - IP_BYTES - header_len;
	for (unsigned i = 0; i < ENDS; i++) {
		if (ip->src_addr != rte_cpu_to_be_32(US) ||
		    ip->dst_addr != rte_cpu_to_be_32(ends[i].ip) ||
		    header->dst_port != rte_cpu_to_be_16(ends[i].port))
			continue;
		end_hears(&ends[i], header, len);
		if (i == 0)
			witness_hears(header->tcp_flags, rte_be_to_cpu_32(header->sent_seq),
				      (const uint8_t *)header + header_len, len);
	}
}

/* --- What comes --- */

/*
 * Whether a segment has the tuple and the numbers of the witness's connection, so that the TCP has
 * to believe it (RFC 9293 3.10.7.4, RFC 5961): an acknowledgement of what may be acknowledged at a
 * sequence in the window, or RST at just the next.
 */
static bool guesses(const struct rte_mbuf *packet)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(packet, const struct rte_ipv4_hdr *);
	const struct rte_tcp_hdr *header =
		rte_pktmbuf_mtod_offset(packet, const struct rte_tcp_hdr *, packet->l3_len);
	struct tuple tuple = {.local_port = SERVICE, .peer_port = ends[0].port};
	uint32_t seq = rte_be_to_cpu_32(header->sent_seq), ack = rte_be_to_cpu_32(header->recv_ack);
	uint32_t end = seq + packet->pkt_len - packet->l3_len - (header->data_off >> 4) * 4u;
	const struct connection *c;

	if (ip->src_addr != rte_cpu_to_be_32(ends[0].ip) || ip->dst_addr != rte_cpu_to_be_32(US) ||
	    header->dst_port != RTE_BE16(SERVICE) ||
	    header->src_port != rte_cpu_to_be_16(ends[0].port))
		return false;
	tcp_address_map(tuple.local, ip->dst_addr);
	tcp_address_map(tuple.peer, ip->src_addr);
	c = tcp_connection_find(tcp, &tuple, tcp_tuple_hash(tcp, &tuple));
	if (c == NULL)
		return true;
	if (header->tcp_flags & SEGMENT_RST)
		return seq == c->rcv_nxt;
	end += !!(header->tcp_flags & SEGMENT_FIN);
	return (header->tcp_flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_ACK &&
	       seq_ge(end, c->rcv_nxt) && seq_le(seq, c->rcv_adv) && seq_le(ack, c->snd_nxt) &&
	       seq_ge(ack, c->snd_una - c->snd_wnd_max);
}

void stack_burst(void)
{
	unsigned n = burst_n;

	burst_n = 0;
	invariant_receives(&invariant, n);
	tcp_input(tcp, burst, n);
	check();
}

/* False: nothing of it goes to the TCP. */
static bool frame_input(const uint8_t *bytes, size_t len, size_t part, uint64_t ol_flags)
{
	struct rte_mbuf *frame;

	/* The hoards of connections are bounded; should they be full, so be it. */
	if (rte_mempool_avail_count(pool) < PARTS_MAX)
		return false;
	frame = frame_make(pool, bytes, len, part);
	frame->ol_flags |= ol_flags;
	if (ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		frame->vlan_tci = VLAN;
	return net_input(net, &port, &frame, 1, &burst[burst_n]) == 1;
}

void stack_frame(const uint8_t *bytes, size_t len, size_t part, uint64_t ol_flags)
{
	if (!frame_input(bytes, len, part, ol_flags))
		return;
	witness.guessed |= guesses(burst[burst_n]);
	if (++burst_n == BURST)
		stack_burst();
}

static void link_header(uint8_t *at, uint16_t type)
{
	memcpy(at, our_mac, sizeof(our_mac));
	memcpy(at + 6, (const uint8_t[]){2, 0, 0, 0, 0, 9}, 6);
	at[12] = (uint8_t)(type >> 8);
	at[13] = (uint8_t)type;
}

static void witness_sends(uint8_t flags, const uint8_t *bytes, uint32_t len)
{
	uint8_t frame[LINK + IP_BYTES + HEADER + WITNESS_SAYS] = {0};
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + LINK);
	struct rte_tcp_hdr *header = (struct rte_tcp_hdr *)(ip + 1);

	ends[0].acked = witness.expected;
	link_header(frame, RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length =
					    rte_cpu_to_be_16((uint16_t)(IP_BYTES + HEADER + len)),
				    .time_to_live = 64,
				    .next_proto_id = IPPROTO_TCP,
				    .src_addr = rte_cpu_to_be_32(ends[0].ip),
				    .dst_addr = rte_cpu_to_be_32(US)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*header = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(ends[0].port),
		.dst_port = RTE_BE16(SERVICE),
		.sent_seq = rte_cpu_to_be_32(77 + witness.opened + witness.said + witness.fin),
		.recv_ack = rte_cpu_to_be_32(witness.expected),
		.data_off = HEADER / 4 << 4,
		.tcp_flags = flags,
		.rx_win = RTE_BE16(65535)};
	if (len > 0)
		memcpy(header + 1, bytes, len);
	header->cksum = rte_ipv4_udptcp_cksum(ip, header);
	if (frame_input(frame, LINK + IP_BYTES + HEADER + len, 0, 0))
		burst_n++;
	stack_burst();
}

/* Everybody who is there answers to ARP, at the same MAC. True: something came in. */
static bool arp_answer(void)
{
	uint8_t frame[60] = {[LINK] = 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9};
	bool any = asked_n > 0;

	link_header(frame, RTE_ETHER_TYPE_ARP);
	memcpy(frame + LINK + 18, our_mac, sizeof(our_mac));
	memcpy(frame + LINK + 24, (const uint8_t[]){10, 0, 0, 1}, 4);
	for (; asked_n > 0; asked_n--) {
		const rte_be32_t ip = rte_cpu_to_be_32(asked[asked_n - 1]);

		memcpy(frame + LINK + 14, &ip, sizeof(ip));
		if (frame_input(frame, sizeof(frame), 0, 0))
			ASSERT(!"an ARP frame is no segment");
	}
	return any;
}

/* --- Turns --- */

void stack_turn(void)
{
	bool more = true;

	stack_burst();
	for (unsigned turns = 0; more; turns++) {
		ASSERT(turns < TURNS_MAX);
		tcp_advance(tcp);
		check();
		more = tcp_produce(tcp, UINT64_MAX);
		check();
		net_advance(net);
		net_flush(net);
		more |= arp_answer();
		if (witness.acks && !witness.guessed) {
			witness.acks = false;
			witness_sends(SEGMENT_ACK, NULL, 0);
			more = true;
		}
		the_clock.mono_ns += more * 1000;
	}
	invariant_turn(&invariant, tcp);
	journal_check();
}

void stack_sleep(uint64_t ms)
{
	const uint64_t until_ns = the_clock.mono_ns + ms * 1000000;

	stack_turn();
	for (unsigned moments = 0; the_clock.mono_ns < until_ns; moments++) {
		uint64_t next_ns = RTE_MIN(tcp_next_ns(tcp), net_next_ns(net));

		ASSERT(moments < MOMENTS_MAX);
		if (next_ns <= the_clock.mono_ns)
			next_ns = the_clock.mono_ns + 1000;
		the_clock.mono_ns = RTE_MIN(next_ns, until_ns);
		stack_turn();
	}
}

/* --- The witness's life --- */

struct end *stack_end(uint32_t number)
{
	return &ends[number % ENDS];
}

void stack_witness(void)
{
	uint8_t bytes[WITNESS_SAYS];

	stack_sleep(5); /* what was used up for a moment is there again */
	if (witness.guessed)
		return;
	for (uint32_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = said_at(witness.said + k);
	witness_sends(SEGMENT_ACK | SEGMENT_PSH, bytes, sizeof(bytes));
	witness.said += WITNESS_SAYS;
	stack_sleep(1000);
	ASSERT(witness.guessed || witness.heard == witness.said);
}

void stack_begin(void)
{
	static const struct {
		uint32_t ip;
		uint16_t port;
	} places[ENDS] = {{0x0a000009, 50000}, {0x0a000002, 40000}, {0x0a000002, 40001},
			  {0x0a000002, 40002}, {0x0a000003, 40000}, {0x0a000003, 40001},
			  {0xc0a80005, 40000}, {0xc0a80005, 40001}};

	for (unsigned i = 0; i < ENDS; i++)
		ends[i] = (struct end){.ip = places[i].ip, .port = places[i].port, .seq = 1000};
	memset(&witness, 0, sizeof(witness));
	witness_sends(SEGMENT_SYN, NULL, 0);
	stack_turn();
	witness.opened = true;
	witness.acks = true;
	stack_turn();
	for (unsigned i = 0; i < CONNECTIONS; i++)
		sessions[i].witness = sessions[i].open;
	ASSERT(tcp->established == 1);
	stack_witness();
}

static void everything_ends(void)
{
	struct stream_transport *transport = tcp_transport(tcp);

	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (sessions[i].open)
			transport->ops->abort(transport, sessions[i].ref);
	witness.guessed = true;
	stack_sleep(REST_MS);
	invariant_rest(&invariant, tcp);
	journal_check();
	ASSERT(net_next_ns(net) == UINT64_MAX);
	rte_mempool_walk(pool_rest, NULL);
}

void stack_finish(void)
{
	stack_witness();
	if (!witness.guessed) {
		witness_sends(SEGMENT_ACK | SEGMENT_FIN, NULL, 0);
		stack_sleep(1000);
		ASSERT(witness.fin);
		for (unsigned i = 0; i < CONNECTIONS; i++)
			ASSERT(!sessions[i].open || !sessions[i].witness);
	}
	everything_ends();
}

static void net_learnt(struct net_env *env, const struct net_neighbour *neighbour)
{
	(void)env;
	ASSERT(neighbour->port == &port && neighbour->ip != US);
}

static void net_hand_over(struct net_env *env, unsigned core, struct port *from,
			  struct rte_mbuf *frame)
{
	(void)env;
	(void)core;
	(void)from;
	(void)frame;
	ASSERT(!"this core owns every tuple");
}

static void net_icmp_error(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
			   struct span quoted)
{
	(void)env;
	tcp_icmp(tcp, type, code, mtu, quoted);
	check();
}

void stack_create(void)
{
	static struct net_env net_env = {&the_clock,	NULL,	    net_random,
					 net_hand_over, net_learnt, net_icmp_error};
	static struct tcp_env tcp_env = {&the_clock, NULL, NULL, tcp_random};
	const struct tcp_config config = {.connections_max = CONNECTIONS,
					  .listeners_max = 1,
					  .syn_received_max = SYN_RECEIVED_LIMIT,
					  .source_syn_received_max = SYN_RECEIVED_LIMIT - 1,
					  .source_connections_max = CONNECTIONS / 2,
					  .time_wait_max = TIME_WAITS,
					  .receive_bytes_max = WINDOW,
					  .send_bytes_max = SEND_BYTES,
					  .packet_memory_bytes = 4 << 20,
					  .path_mtu_probing = true,
					  .quantum_ns = 50000,
					  .congestion = TCP_CUBIC,
					  .socket = -1,
					  .secret = "fuzz",
					  .name = "tcp"};

	ASSERT(eal_start(MEMORY_MB) == 0);
	pool = rte_pktmbuf_pool_create("frames", FRAMES, 0, 0, 512, SOCKET_ID_ANY);
	ASSERT(pool != NULL);
	port.sent = frame_sent;
	net = fuzz_net_create(&port, (struct net_fragments){64, 2000}, &net_env);
	tcp_env.wire = net_tcp_wire(net);
	net_send = tcp_env.wire->send;
	tcp_env.wire->send = wire_send;
	ASSERT(tcp_create(&config, &tcp_env, &tcp) == 0);
	ASSERT(tcp_listen(tcp, (const uint8_t[16]){0}, SERVICE, &app) == 0);
	invariant_create(&invariant, tcp, &journal, "tcp");
}
