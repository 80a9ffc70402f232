/* SPDX-License-Identifier: Apache-2.0 */
#include "forger.h"

#include <string.h>

#include "segment.h"
#include "world.h"

enum { ICMP_BYTES = 8, QUOTED_BYTES = 28, UNREACHABLE = 3 };

static const uint64_t ms = 1000000;

/* The connection to be attacked, or NULL. */
static const struct connection *target(struct forger *forger, const struct tcp *tcp)
{
	const struct connection *c;

	if (tcp->connections_fresh == 0)
		return NULL;
	c = &tcp->connections[random_below(&forger->random, tcp->connections_fresh)];
	/* A SYN_SENT believes every SYN. */
	return c->state == CLOSED || c->state == SYN_SENT ? NULL : c;
}

/* Near `seq`, by half of the guesses within `window`, and never exactly there. */
static uint32_t guess(struct forger *forger, uint32_t seq, uint32_t window)
{
	uint32_t off = (uint32_t)random_next(&forger->random);

	if (random_once(&forger->random, 2) && window > 1)
		off %= window;
	return seq + (off == 0 ? 1 : off);
}

static void segment_forge(struct forger *forger, unsigned to, const struct connection *c)
{
	static const uint8_t kinds[] = {SEGMENT_RST,
					SEGMENT_RST | SEGMENT_ACK,
					SEGMENT_SYN,
					SEGMENT_SYN | SEGMENT_ACK,
					SEGMENT_ACK,
					SEGMENT_FIN | SEGMENT_ACK,
					0};
	uint8_t packet[PACKET_IP_BYTES + PACKET_TCP_BYTES + PACKET_SLACK] = {0};
	struct host *host = &forger->world->hosts[to];
	uint8_t flags = kinds[random_below(&forger->random, sizeof(kinds))];
	/* What is not a reset or SYN must be acknowledged to be believed, and is not. */
	uint32_t ack = c->snd_nxt + 1 + (uint32_t)random_below(&forger->random, 1U << 30);
	struct rte_tcp_hdr *tcp = packet_tcp(packet);

	*tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(c->tuple.peer_port),
		.dst_port = rte_cpu_to_be_16(c->tuple.local_port),
		.sent_seq = rte_cpu_to_be_32(guess(forger, c->rcv_nxt, c->rcv_adv - c->rcv_nxt)),
		.recv_ack = rte_cpu_to_be_32(ack),
		.data_off = PACKET_TCP_BYTES / 4 << 4,
		.tcp_flags = flags,
		.rx_win = rte_cpu_to_be_16((uint16_t)random_next(&forger->random)),
	};
	packet_finish(packet, PACKET_IP_BYTES + PACKET_TCP_BYTES, IPPROTO_TCP, host->peer,
		      host->addr, 0);
	link_forge(host->link, to, packet, PACKET_IP_BYTES + PACKET_TCP_BYTES, 0);
}

/* RFC 5927: quotes a segment that is not on its way. */
static void icmp_forge(struct forger *forger, unsigned to, const struct connection *c)
{
	uint8_t packet[PACKET_IP_BYTES + ICMP_BYTES + QUOTED_BYTES + PACKET_SLACK] = {0};
	uint16_t len = PACKET_IP_BYTES + ICMP_BYTES + QUOTED_BYTES;
	struct host *host = &forger->world->hosts[to];
	uint8_t *icmp = packet + PACKET_IP_BYTES, *quoted = icmp + ICMP_BYTES;
	uint32_t beyond = c->snd_nxt + (uint32_t)random_below(&forger->random, 1U << 30);

	*packet_tcp(quoted) = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(c->tuple.local_port),
		.dst_port = rte_cpu_to_be_16(c->tuple.peer_port),
		.sent_seq = rte_cpu_to_be_32(beyond),
	};
	packet_finish(quoted, QUOTED_BYTES, IPPROTO_TCP, host->addr, host->peer, 0);
	memset(icmp + ICMP_BYTES + QUOTED_BYTES, 0, PACKET_SLACK);
	icmp[0] = UNREACHABLE;
	icmp[1] = (uint8_t)random_below(&forger->random, 16);
	icmp[6] = (uint8_t)random_below(&forger->random, 6);
	icmp[7] = (uint8_t)random_next(&forger->random);
	packet_finish(packet, len, IPPROTO_ICMP, host->peer, host->addr, 0);
	link_forge(host->link, to, packet, len, 0);
}

/* A SYN of somebody else, for whose answer nobody waits. */
static void stranger_forge(struct forger *forger, unsigned to)
{
	uint8_t packet[PACKET_IP_BYTES + PACKET_TCP_BYTES + PACKET_SLACK] = {0};
	uint8_t stranger[16] = {[10] = 0xff, 0xff, 127, 1};
	struct host *host = &forger->world->hosts[to];

	stranger[14] = (uint8_t)random_next(&forger->random);
	stranger[15] = (uint8_t)random_next(&forger->random);
	*packet_tcp(packet) = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16((uint16_t)random_next(&forger->random)),
		.dst_port = rte_cpu_to_be_16(143),
		.sent_seq = (uint32_t)random_next(&forger->random),
		.data_off = PACKET_TCP_BYTES / 4 << 4,
		.tcp_flags = SEGMENT_SYN,
		.rx_win = UINT16_MAX,
	};
	packet_finish(packet, PACKET_IP_BYTES + PACKET_TCP_BYTES, IPPROTO_TCP, stranger, host->addr,
		      0);
	link_forge(host->link, to, packet, PACKET_IP_BYTES + PACKET_TCP_BYTES, 0);
}

void forger_create(struct forger *forger, struct world *world, struct random random)
{
	*forger = (struct forger){.world = world, .random = random, .next_ns = UINT64_MAX};
	if (!random_once(&forger->random, 5))
		return;
	forger->left = (unsigned)random_between(&forger->random, 1, 200);
	forger->every_ns = random_between(&forger->random, 1, 500) * ms;
	forger->next_ns = world->clock.mono_ns + forger->every_ns;
}

uint64_t forger_next_ns(const struct forger *forger)
{
	return forger->next_ns;
}

void forger_happen(struct forger *forger)
{
	unsigned to = (unsigned)random_below(&forger->random, forger->world->hosts_n);
	const struct connection *c = target(forger, forger->world->hosts[to].tcp);

	if (forger->next_ns > forger->world->clock.mono_ns)
		return;
	forger->next_ns = --forger->left == 0 ? UINT64_MAX : forger->next_ns + forger->every_ns;
	if (random_once(&forger->random, 16))
		stranger_forge(forger, to);
	else if (c != NULL && random_once(&forger->random, 4))
		icmp_forge(forger, to, c);
	else if (c != NULL)
		segment_forge(forger, to, c);
}
