/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_inside.h"

enum { POOL_MBUFS = 1023, IP_BYTES = sizeof(struct rte_ipv4_hdr), TURNS_MAX = 2000000 };

const uint8_t host_addr[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};

uint8_t host_byte(bool ours, uint64_t at)
{
	return (uint8_t)((at * 131 >> 3) + (ours ? 0 : 77));
}

void host_fault(struct host *host, const char *format, ...)
{
	va_list arguments;

	if (host->fault[0] != 0)
		return;
	va_start(arguments, format);
	vsnprintf(host->fault, sizeof(host->fault), format, arguments);
	va_end(arguments);
}

/* --- The wire --- */

static struct peer *peer_find(struct host *host, const uint8_t addr[16], uint16_t port)
{
	for (unsigned i = 0; i < SCRIPT_PEERS; i++)
		if (host->peers[i].port == port && memcmp(host->peers[i].addr, addr, 16) == 0)
			return &host->peers[i];
	return NULL;
}

/* Turns absolute numbers into the script's, and learns from our SYN what they count from. */
static void sent_number(struct peer *peer, struct packet *packet)
{
	if ((packet->flags & SYN) && !peer->numbered) {
		peer->numbered = true;
		peer->our_isn = packet->seq;
		peer->our_shift = packet->shift;
		peer->stamped = false;
	}
	if (packet->flags & SYN) {
		peer->scaling_on = peer->scaling && (packet->has & HAS_SHIFT);
		peer->timestamps_on = peer->timestamps && (packet->has & HAS_TIMESTAMPS);
	} else if (peer->scaling_on) {
		packet->window <<= peer->our_shift;
	}
	packet->seq -= peer->our_isn;
	packet->ack -= peer->isn;
	for (unsigned i = 0; i < packet->blocks_n; i++) {
		packet->blocks[i][0] -= peer->isn;
		packet->blocks[i][1] -= peer->isn;
	}
	if (packet->has & HAS_TIMESTAMPS) {
		if (!peer->stamped)
			peer->our_timestamp = packet->value;
		peer->stamped = true;
		peer->heard = packet->value;
		packet->value -= peer->our_timestamp;
		/* Nothing to echo is 0, whatever the peer's clock says. */
		if (packet->echo != 0)
			packet->echo -= peer->timestamp;
	}
}

/* Every byte that leaves is the byte the session wrote there. */
static void sent_check(struct host *host, const struct peer *peer, const struct rte_mbuf *m,
		       const struct packet *packet)
{
	uint32_t at = m->l4_len, n;

	for (n = 0; n < packet->len; n++) {
		uint8_t copy;
		const uint8_t *byte = rte_pktmbuf_read(m, at + n, 1, &copy);

		if (packet->seq - 1 + n >= peer->session.out_n)
			host_fault(host, "byte %u was sent and never written", packet->seq + n);
		else if (*byte != host_byte(true, packet->seq - 1 + n))
			host_fault(host, "byte %u is not the one that was written",
				   packet->seq + n);
		else
			continue;
		break;
	}
}

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *m, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	struct host *host = (struct host *)((uint8_t *)wire - offsetof(struct host, wire));
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	struct sent *sent = &host->sent[host->sent_n];
	struct peer *peer;

	if (memcmp(src, host_addr, 16) != 0)
		host_fault(host, "a segment left from an address that is not ours");
	if (host->sent_n + 1 == HOST_SENT_MAX || !packet_read(bytes, m->l4_len, &sent->packet)) {
		host_fault(host, "a header that does not hold together, or too many segments");
		rte_pktmbuf_free(m);
		return;
	}
	peer = peer_find(host, dst, (uint16_t)(bytes[2] << 8 | bytes[3]));
	if (peer == NULL) {
		host_fault(host, "a segment to nobody");
		rte_pktmbuf_free(m);
		return;
	}
	sent->at_ns = host->clock.mono_ns;
	sent->peer = (unsigned)(peer - host->peers);
	sent->packet.len = m->pkt_len - m->l4_len;
	sent->packet.has |= HAS_ECN;
	sent->packet.ecn = tos & 3;
	sent_number(peer, &sent->packet);
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) &&
	    m->pkt_len + IP_BYTES > host->wire.mtu(&host->wire, dst))
		host_fault(host, "a packet larger than the path: %u bytes", m->pkt_len + IP_BYTES);
	sent_check(host, peer, m, &sent->packet);
	host->sent_n++;
	host->trace(host->trace_to, host, true, sent->peer, &sent->packet);
	rte_pktmbuf_free(m);
}

static bool wire_is_full(struct tcp_wire *wire, const uint8_t src[16])
{
	(void)src;
	return wire->full > 0;
}

static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)dst;
	return ((struct host *)((uint8_t *)wire - offsetof(struct host, wire)))->mtu;
}

/* --- The application --- */

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct host *host = (struct host *)((uint8_t *)app - offsetof(struct host, app));
	struct peer *peer = peer_find(host, info->peer_addr, info->peer_port);
	struct session *session = &peer->session;
	uint64_t out_n = session->out_n;
	enum stream_state finally = session->finally;

	(void)transport;
	if (host->refuse)
		return -EBUSY;
	if (session->opened && !session->closed)
		host_fault(host, "a connection opens twice");
	if (session->opened) {
		out_n = 0;
		finally = STREAM_DONE;
	}
	/* What was written before it opened waits. */
	*session = (struct session){.base.ops = app->ops,
				    .ref = ref,
				    .out_n = out_n,
				    .finally = finally,
				    .allowance = session->opened ? UINT64_MAX : session->allowance,
				    .opened = true};
	*session_r = &session->base;
	return 0;
}

/* The host of a session: peers lie inside of it. */
static struct host *host_now;

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	struct session *session = (struct session *)base;
	size_t taken = 0;

	if (session->closed)
		host_fault(host_now, "bytes are offered after the end");
	for (unsigned i = 0; i < in_n; i++) {
		for (size_t at = 0; at < in[i].len && session->allowance > 0; at++, taken++) {
			if (in[i].ptr[at] != host_byte(false, session->consumed))
				host_fault(host_now, "byte %u reached the application forged",
					   (unsigned)session->consumed + 1);
			session->consumed++;
			if (session->allowance != UINT64_MAX)
				session->allowance--;
		}
	}
	return taken;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	struct session *session = (struct session *)base;
	uint8_t bytes[1024];

	(void)budget;
	while (session->out_at < session->out_n) {
		uint64_t left = session->out_n - session->out_at;
		size_t n = left < sizeof(bytes) ? (size_t)left : sizeof(bytes), taken;

		for (size_t i = 0; i < n; i++)
			bytes[i] = host_byte(true, session->out_at + i);
		taken = stream_put(out, (struct span){bytes, n});
		session->out_at += taken;
		if (taken < n)
			return (struct stream_verdict){STREAM_MORE, 0};
	}
	return (struct stream_verdict){session->finally, 0};
}

static void app_nothing(struct stream_session *base)
{
	(void)base;
}

/* The server goes away: the session ends after what it still has to say. */
static void app_drain(struct stream_session *base)
{
	((struct session *)base)->finally = STREAM_CLOSE;
}

static void app_end(struct stream_session *base)
{
	((struct session *)base)->ended = true;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	struct session *session = (struct session *)*base;

	if (session->closed)
		host_fault(host_now, "closed() is called twice");
	session->closed = true;
	session->end_unseen = true;
	session->reason = reason;
	*base = NULL;
}

void host_open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct host *host = (struct host *)((uint8_t *)app - offsetof(struct host, app));

	for (unsigned i = 0; i < SCRIPT_PEERS; i++) {
		struct session *session = &host->peers[i].session;

		if (session->ref.index != ref.index || session->ref.generation != ref.generation)
			continue;
		session->failed = true;
		session->end_unseen = true;
		session->reason = reason;
		return;
	}
	host_fault(host, "an open failed that nobody asked for");
}

/* --- Its life --- */

static uint64_t random_four(struct tcp_env *env)
{
	(void)env;
	return 4;
}

static void clock_still(struct clock *clock)
{
	(void)clock;
}

static void trace_nothing(void *to, const struct host *host, bool out, unsigned peer,
			  const struct packet *packet)
{
	(void)to;
	(void)host;
	(void)out;
	(void)peer;
	(void)packet;
}

static void peers_create(struct host *host, const struct setup *setup)
{
	for (unsigned i = 0; i < SCRIPT_PEERS; i++) {
		struct peer *peer = &host->peers[i];

		memcpy(peer->addr, host_addr, 16);
		peer->addr[15] = 2;
		peer->port = (uint16_t)(HOST_PEER_PORT + i);
		peer->isn = setup->peer_isn;
		peer->timestamp = setup->peer_timestamp;
		peer->window = HOST_WINDOW;
		peer->session.allowance = UINT64_MAX;
		peer->session.finally = STREAM_DONE;
		peer->session.ref.index = UINT32_MAX;
	}
}

static int host_begin(const struct setup *setup, uint64_t start_ns, struct host **host_r)
{
	static const struct stream_app_ops ops = {app_open,  app_consume, app_produce, app_nothing,
						  app_drain, app_end,	  app_closed};
	struct host *host = calloc(1, sizeof(*host));
	int status;

	host->sent = calloc(HOST_SENT_MAX, sizeof(*host->sent));
	host->start_ns = start_ns;
	host->clock = (struct clock){.mono_ns = start_ns, .refresh = clock_still};
	host->wire = (struct tcp_wire){.send = wire_send,
				       .mtu = wire_mtu,
				       .is_full = wire_is_full,
				       .tso_bytes_max = setup->tso_bytes_max,
				       .segments_max = setup->segments_max};
	host->env = (struct tcp_env){&host->clock, NULL, &host->wire, random_four};
	host->app.ops = &ops;
	host->trace = trace_nothing;
	host->mtu = setup->mtu;
	peers_create(host, setup);
	host->pool = rte_pktmbuf_pool_create("packet_rx", POOL_MBUFS, 0, 0,
					     RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	host_now = host;
	*host_r = host;
	status = host->pool == NULL ? -ENOMEM : tcp_create(&setup->tcp, &host->env, &host->tcp);
	return status;
}

/*
 * When the TCP has to be created for its first SYN of peer 1 to carry the wanted number: it is
 * asked what it would take at a known time, and its clocks go one every 4096 ns (RFC 6528 3, as
 * connection.c has it) and one a millisecond.
 */
static int start_choose(const struct setup *setup, uint64_t *start_ns)
{
	const struct packet syn = {.flags = SYN, .has = HAS_TIMESTAMPS | HAS_VALUE};
	struct host *host;
	int status = host_begin(setup, *start_ns, &host);

	if (status == 0)
		status = host_listen(host);
	if (status == 0) {
		host_packet(host, 0, &syn);
		host_turn(host);
		if (setup->our_isn_set)
			*start_ns += (uint64_t)(setup->our_isn - host->peers[0].our_isn) << 12;
		else
			*start_ns +=
				(uint64_t)(setup->our_timestamp - host->peers[0].our_timestamp) *
				1000000;
	}
	host_destroy(&host);
	return status;
}

int host_create(const struct setup *setup, struct host **host_r)
{
	uint64_t start_ns = 5000000000;
	int status = 0;

	*host_r = NULL;
	if (setup->our_isn_set || setup->our_timestamp_set)
		status = start_choose(setup, &start_ns);
	if (status == 0)
		status = host_begin(setup, start_ns, host_r);
	return status;
}

bool host_destroy(struct host **host_p)
{
	struct host *host = *host_p;
	bool whole = true;

	*host_p = NULL;
	if (host == NULL)
		return true;
	for (unsigned i = 0; i < host->burst_n; i++)
		rte_pktmbuf_free(host->burst[i]);
	if (host->tcp != NULL)
		tcp_destroy(&host->tcp);
	if (host->pool != NULL)
		whole = rte_mempool_full(host->pool);
	rte_mempool_free(host->pool);
	for (unsigned i = 0; i < SCRIPT_PEERS; i++)
		whole = whole && host->peers[i].session.opened == host->peers[i].session.closed;
	free(host->sent);
	free(host);
	return whole;
}

/* --- Packets in --- */

/* What a script leaves unsaid: the window as before, timestamps where they were agreed on. */
static void packet_complete(const struct host *host, struct peer *peer, struct packet *packet)
{
	uint32_t ms = (uint32_t)((host->clock.mono_ns - host->start_ns) / 1000000);

	if (packet->has & HAS_WINDOW)
		peer->window = packet->window;
	packet->window = peer->window;
	if (packet->flags & SYN) {
		peer->scaling = packet->has & HAS_SHIFT;
		peer->timestamps = packet->has & HAS_TIMESTAMPS;
		peer->shift = packet->shift;
	}
	if ((packet->flags & (SYN | ACK)) == (SYN | ACK)) {
		/* The answer to our own SYN, which offered both. */
		peer->scaling_on = peer->scaling;
		peer->timestamps_on = peer->timestamps;
	}
	if (!(packet->flags & SYN) && peer->scaling_on)
		packet->window >>= peer->shift < 14 ? peer->shift : 14;
	if (packet->window > UINT16_MAX)
		packet->window = UINT16_MAX;
	if (!(packet->flags & SYN) && peer->timestamps_on && !(packet->has & HAS_NO_TIMESTAMPS))
		packet->has |= HAS_TIMESTAMPS;
	if (!(packet->has & HAS_VALUE))
		packet->value = ms;
	packet->value += peer->timestamp;
	if (packet->has & HAS_ECHO)
		packet->echo += peer->our_timestamp;
	else
		packet->echo = packet->flags & ACK ? peer->heard : 0;
}

static void packet_absolute(const struct peer *peer, struct packet *packet)
{
	packet->seq += peer->isn;
	if (packet->flags & ACK)
		packet->ack += peer->our_isn;
	for (unsigned i = 0; i < packet->blocks_n; i++) {
		packet->blocks[i][0] += peer->our_isn;
		packet->blocks[i][1] += peer->our_isn;
	}
}

void host_packet(struct host *host, unsigned number, const struct packet *said)
{
	struct peer *peer = &host->peers[number];
	struct packet packet = *said;
	struct rte_mbuf *m = rte_pktmbuf_alloc(host->pool);
	struct rte_ipv4_hdr *ip;
	uint8_t *bytes;
	size_t n;

	if (m == NULL || host->burst_n == HOST_BURST_MAX) {
		host_fault(host, "more packets in one turn than %u", HOST_BURST_MAX);
		rte_pktmbuf_free(m);
		return;
	}
	packet_complete(host, peer, &packet);
	host->trace(host->trace_to, host, false, number, said);
	packet_absolute(peer, &packet);
	ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .type_of_service = packet.ecn,
				    .next_proto_id = IPPROTO_TCP};
	memcpy(&ip->src_addr, peer->addr + 12, 4);
	memcpy(&ip->dst_addr, host_addr + 12, 4);
	bytes = (uint8_t *)(ip + 1);
	n = packet_write(&packet, bytes);
	bytes[0] = (uint8_t)(peer->port >> 8);
	bytes[1] = (uint8_t)peer->port;
	bytes[2] = (uint8_t)(HOST_PORT >> 8);
	bytes[3] = (uint8_t)HOST_PORT;
	for (uint32_t i = 0; i < said->len; i++)
		bytes[n + i] =
			(uint8_t)(host_byte(false, said->seq + !!(said->flags & SYN) + i - 1) ^
				  (said->has & HAS_FORGED ? 0xff : 0));
	m->data_len = (uint16_t)(IP_BYTES + n + said->len);
	m->pkt_len = m->data_len;
	m->l3_len = IP_BYTES;
	host->burst[host->burst_n++] = m;
}

bool host_icmp(struct host *host, unsigned number, const char *kind, uint32_t seq, uint32_t mtu)
{
	static const struct {
		const char *name;
		uint8_t type, code;
	} kinds[] = {{"net", 3, 0},  {"host", 3, 1},   {"protocol", 3, 2}, {"port", 3, 3},
		     {"frag", 3, 4}, {"quench", 4, 0}, {"ttl", 11, 0},	   {"parameter", 12, 0}};
	const struct peer *peer = &host->peers[number];
	struct packet packet = {.seq = peer->our_isn + seq};
	uint8_t quoted[IP_BYTES + 2 * PACKET_OPTIONS_MAX];
	/* As long as a full one: the routers that look at it drop none but these. */
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16((uint16_t)host->mtu),
				  .next_proto_id = IPPROTO_TCP};

	memcpy(&ip.src_addr, host_addr + 12, 4);
	memcpy(&ip.dst_addr, peer->addr + 12, 4);
	memcpy(quoted, &ip, IP_BYTES);
	packet_write(&packet, quoted + IP_BYTES);
	quoted[IP_BYTES] = (uint8_t)(HOST_PORT >> 8);
	quoted[IP_BYTES + 1] = (uint8_t)HOST_PORT;
	quoted[IP_BYTES + 2] = (uint8_t)(peer->port >> 8);
	quoted[IP_BYTES + 3] = (uint8_t)peer->port;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		/* A router quotes the IP header and eight bytes (RFC 792). */
		tcp_icmp(host->tcp, kinds[i].type, kinds[i].code, mtu,
			 (struct span){quoted, IP_BYTES + 8});
		return true;
	}
	return false;
}

/* --- Time --- */

void host_deliver(struct host *host)
{
	unsigned n = host->burst_n;

	host->burst_n = 0;
	if (n > 0)
		tcp_input(host->tcp, host->burst, n);
}

void host_turn(struct host *host)
{
	host_deliver(host);
	tcp_advance(host->tcp);
	tcp_produce(host->tcp, UINT64_MAX);
}

void host_pass(struct host *host, uint64_t until_ns, bool (*stop)(const struct host *host))
{
	unsigned turns = 0;

	host_turn(host);
	while (tcp_next_ns(host->tcp) <= until_ns && host->clock.mono_ns < until_ns) {
		if (stop != NULL && stop(host))
			return;
		if (tcp_next_ns(host->tcp) > host->clock.mono_ns)
			host->clock.mono_ns = tcp_next_ns(host->tcp);
		if (++turns == TURNS_MAX) {
			host_fault(host, "the TCP is never done");
			return;
		}
		host_turn(host);
	}
	if (stop != NULL && stop(host))
		return;
	host->clock.mono_ns = until_ns;
	host_turn(host);
}
