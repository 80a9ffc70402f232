/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>
#include <rte_icmp.h>
#include <rte_mbuf.h>
#include <stdlib.h>

#include "check.h"
#include "hog.h"

enum {
	BURST = 32,
	MBUF_ROOM = RTE_MBUF_DEFAULT_BUF_SIZE,
	ICMP_BYTES = sizeof(struct rte_icmp_hdr),
};

/* Received packets of all runs: a receive queue outlives a TCP. */
static struct rte_mempool *received_pool(void)
{
	static struct rte_mempool *pool;

	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("received", HOST_MBUFS, 0, 0, MBUF_ROOM, -1);
	ASSERT(pool != NULL);
	return pool;
}

static uint64_t host_random(struct tcp_env *env)
{
	struct host *host = (struct host *)((uint8_t *)env - offsetof(struct host, env));

	return random_next(&host->random);
}

/* What was sent comes back to its pools when the port has done with it. */
static void held_release(struct host *host, uint64_t now_ns)
{
	while (host->held_n > 0 && host->held[host->held_at].until_ns <= now_ns) {
		rte_pktmbuf_free(host->held[host->held_at].segment);
		host->held_at = (host->held_at + 1) % HOST_HELD_MAX;
		host->held_n--;
	}
	host->wire.full = host->config.hold_full > 0 && host->held_n >= host->config.hold_full;
}

static void held_add(struct host *host, struct rte_mbuf *segment)
{
	unsigned at = (host->held_at + host->held_n) % HOST_HELD_MAX;

	if (host->config.hold_ns == 0 || host->held_n == HOST_HELD_MAX) {
		rte_pktmbuf_free(segment);
		return;
	}
	host->held[at].segment = segment;
	host->held[at].until_ns = host->link->clock->mono_ns + host->config.hold_ns;
	host->held_n++;
	host->wire.full = host->config.hold_full > 0 && host->held_n >= host->config.hold_full;
}

static bool host_is_full(struct tcp_wire *wire, const uint8_t src[16])
{
	(void)src;
	return wire->full > 0;
}

static uint32_t host_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	(void)dst;
	return ((struct host *)wire)->config.mtu;
}

/* Cuts a segment of several MSS as a port's TSO would. */
static void segment_cut(struct host *host, const uint8_t *segment, uint32_t header,
			uint32_t payload, uint32_t mss, const uint8_t dst[16], uint8_t tos)
{
	static uint8_t packet[PACKET_BYTES_MAX + PACKET_SLACK];
	uint32_t done = 0;

	do {
		uint32_t n = payload - done < mss ? payload - done : mss;
		uint16_t len = (uint16_t)(PACKET_IP_BYTES + header + n);
		struct rte_tcp_hdr *tcp = packet_tcp(packet);

		memcpy(packet + PACKET_IP_BYTES, segment, header);
		memcpy(packet + PACKET_IP_BYTES + header, segment + header + done, n);
		tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + done);
		/* RFC 3168 6.1.2: the first of them says CWR. */
		if (done > 0)
			tcp->tcp_flags &= (uint8_t)~SEGMENT_CWR;
		done += n;
		if (done < payload)
			tcp->tcp_flags &= (uint8_t) ~(SEGMENT_FIN | SEGMENT_PSH);
		packet_finish(packet, len, IPPROTO_TCP, host->addr, dst, tos);
		if (len > host->config.mtu)
			journal_fail(host->link->journal, "%c: a packet of %u bytes, MTU %u",
				     'a' + (int)host->which, len, host->config.mtu);
		/* What goes to nobody is on no wire. */
		if (memcmp(dst, host->peer, 16) == 0)
			link_send(host->link, host->which, packet, len);
	} while (done < payload);
}

static void host_send(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	static uint8_t bytes[PACKET_BYTES_MAX];
	struct host *host = (struct host *)wire;
	uint32_t len = segment->pkt_len, header = segment->l4_len, mss = len - header;
	const void *read;

	ASSERT(len <= sizeof(bytes) && header >= sizeof(struct rte_tcp_hdr));
	ASSERT(segment->nb_segs <= wire->segments_max || wire->segments_max == 1);
	ASSERT(memcmp(src, host->addr, 16) == 0);
	rte_mbuf_sanity_check(segment, 1);
	read = rte_pktmbuf_read(segment, 0, len, bytes);
	ASSERT(read != NULL);
	if (read != bytes)
		memcpy(bytes, read, len);
	ASSERT(((struct rte_tcp_hdr *)bytes)->cksum == 0);
	if (segment->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		ASSERT(len - header <= wire->tso_bytes_max);
		mss = segment->tso_segsz;
	}
	invariant_sent(&host->invariant, src, dst, (const struct rte_tcp_hdr *)bytes, len - header);
	segment_cut(host, bytes, header, len - header, mss, dst, tos);
	held_add(host, segment);
}

/* Into a packet as tcp_input() wants it, at times in two parts. */
static struct rte_mbuf *mbuf_of(struct host *host, const struct link_packet *packet)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(received_pool()), *last = head;
	uint32_t done = 0;

	ASSERT(head != NULL);
	while (done < packet->len) {
		uint32_t n = packet->len - done;

		if (done == 0 && random_once(&host->random, 8) && n > PACKET_IP_BYTES)
			n = PACKET_IP_BYTES +
			    (uint32_t)random_below(&host->random, n - PACKET_IP_BYTES);
		if (n > rte_pktmbuf_tailroom(last))
			n = rte_pktmbuf_tailroom(last);
		memcpy(rte_pktmbuf_mtod(last, uint8_t *), packet->bytes + done, n);
		last->data_len = (uint16_t)n;
		done += n;
		if (done == packet->len)
			break;
		last->next = rte_pktmbuf_alloc(received_pool());
		last = last->next;
		ASSERT(last != NULL);
		head->nb_segs++;
	}
	head->pkt_len = packet->len;
	head->l3_len = PACKET_IP_BYTES;
	return head;
}

static void icmp_take(struct host *host, const struct link_packet *packet)
{
	const uint8_t *icmp = packet->bytes + PACKET_IP_BYTES;
	uint32_t mtu = (uint32_t)icmp[6] << 8 | icmp[7];

	tcp_icmp(host->tcp, icmp[0], icmp[1], mtu,
		 (struct span){icmp + ICMP_BYTES, packet->len - PACKET_IP_BYTES - ICMP_BYTES});
	invariant_check(&host->invariant, host->tcp);
}

/* Hands in what is due: segments as bursts, ICMP between them. */
static void receive(struct host *host)
{
	struct rte_mbuf *burst[BURST];
	struct link_packet packet;
	unsigned n = 0;

	while (n < BURST && link_take(host->link, host->which, &packet)) {
		if (packet_is_tcp(packet.bytes))
			burst[n++] = mbuf_of(host, &packet);
		else
			icmp_take(host, &packet);
		free(packet.bytes);
	}
	if (n == 0)
		return;
	invariant_receives(&host->invariant, n);
	tcp_input(host->tcp, burst, n);
	invariant_check(&host->invariant, host->tcp);
}

bool host_turn(struct host *host)
{
	bool more;

	held_release(host, host->link->clock->mono_ns);
	if (host->hog != NULL && host->link->clock->mono_ns >= host->link->config.quiet_ns) {
		journal_say(host->link->journal, "%c has all its memory", 'a' + (int)host->which);
		hog_destroy(&host->hog);
		host->invariant.hog = NULL;
	}
	receive(host);
	tcp_advance(host->tcp);
	invariant_check(&host->invariant, host->tcp);
	more = tcp_produce(host->tcp, UINT64_MAX);
	invariant_check(&host->invariant, host->tcp);
	if (!more)
		invariant_turn(&host->invariant, host->tcp);
	return more;
}

uint64_t host_next_ns(const struct host *host)
{
	uint64_t next_ns = tcp_next_ns(host->tcp);

	if (host->held_n > 0 && host->held[host->held_at].until_ns < next_ns)
		next_ns = host->held[host->held_at].until_ns;
	if (host->hog != NULL && host->link->config.quiet_ns < next_ns)
		next_ns = host->link->config.quiet_ns;
	return next_ns;
}

void host_create(struct host *host, struct link *link, struct clock *clock, struct random random,
		 unsigned which, const struct host_config *config)
{
	static const char *const names[] = {"a", "b"};
	int status;

	*host = (struct host){.wire = {.send = host_send,
				       .mtu = host_mtu,
				       .is_full = host_is_full,
				       .tso_bytes_max = config->tso_bytes_max,
				       .segments_max = config->segments_max},
			      .env = {.clock = clock, .random = host_random},
			      .link = link,
			      .config = *config,
			      .random = random,
			      .which = which,
			      .addr = link->addrs[which],
			      .peer = link->addrs[!which]};
	host->env.wire = &host->wire;
	host->config.tcp.name = names[which];
	status = tcp_create(&host->config.tcp, &host->env, &host->tcp);
	if (status == -ENOTSUP) {
		host->config.tcp.congestion = TCP_NEWRENO;
		status = tcp_create(&host->config.tcp, &host->env, &host->tcp);
	}
	ASSERT(status == 0);
	invariant_create(&host->invariant, host->tcp, link->journal, names[which]);
	if (config->hog_left > 0)
		host->hog = hog_create(names[which], config->hog_left);
	host->invariant.hog = host->hog;
}

void host_destroy(struct host *host)
{
	bool full;

	held_release(host, UINT64_MAX);
	hog_destroy(&host->hog);
	tcp_destroy(&host->tcp);
	full = rte_mempool_full(received_pool());
	if (!full)
		journal_fail(host->link->journal, "%c: a received packet was not given back",
			     'a' + (int)host->which);
	invariant_destroy(&host->invariant);
}
