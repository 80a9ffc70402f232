/* SPDX-License-Identifier: Apache-2.0 */
#include "adversary.h"

#include <stdlib.h>
#include <string.h>

#include "talker.h"

enum { OURS = 0, FOES = 1, PORT = 143, FOE_BYTES_MAX = 1 << 20 };

static const uint64_t ms = 1000000, second = 1000000000;

static void put32(uint8_t *bytes, uint32_t value)
{
	rte_be32_t swapped = rte_cpu_to_be_32(value);

	memcpy(bytes, &swapped, sizeof(swapped));
}

static uint32_t get32(const uint8_t *bytes)
{
	rte_be32_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_32(value);
}

void adversary_send(struct adversary *adversary, uint8_t *packet, uint16_t len)
{
	if (adversary->segments == ADVERSARY_SEGMENTS_MAX)
		return;
	adversary->segments++;
	link_send(adversary->link, FOES, packet, len);
}

/* What an honest segment carries. */
static uint8_t options_usual(const struct adversary *adversary, const struct foe *foe, bool syn,
			     uint8_t *options)
{
	uint8_t n = 0;

	if (syn) {
		memcpy(options,
		       (uint8_t[4]){PACKET_MSS, 4, (uint8_t)(foe->mss >> 8), (uint8_t)foe->mss}, 4);
		n = 4;
	}
	if (syn && foe->scaling) {
		memcpy(options + n, (uint8_t[4]){PACKET_NOP, PACKET_SCALE, 3, foe->shift}, 4);
		n += 4;
	}
	if (syn && foe->sack) {
		memcpy(options + n, (uint8_t[4]){PACKET_NOP, PACKET_NOP, PACKET_SACK_PERMITTED, 2},
		       4);
		n += 4;
	}
	if (foe->timestamps) {
		uint32_t now = (uint32_t)(adversary->link->clock->mono_ns / ms);

		memcpy(options + n, (uint8_t[4]){PACKET_NOP, PACKET_NOP, PACKET_TIMESTAMPS, 10}, 4);
		put32(options + n + 4, now);
		put32(options + n + 8, foe->ts_recent);
		n += 12;
	}
	return n;
}

void foe_send(struct adversary *adversary, struct foe *foe, struct foe_segment segment)
{
	static uint8_t packet[PACKET_BYTES_MAX + PACKET_SLACK];
	bool syn = segment.flags & SEGMENT_SYN;
	struct rte_tcp_hdr *tcp = packet_tcp(packet);
	uint8_t *payload = packet_options(packet);
	uint32_t window = syn ? foe->window : foe->window >> foe->shift;
	/* The bytes of a SYN stand behind it. */
	uint32_t at = segment.seq + syn - (foe->isn + 1);
	uint16_t len;

	if (segment.options != NULL)
		memcpy(payload, segment.options, segment.options_bytes);
	else
		segment.options_bytes = options_usual(adversary, foe, syn, payload);
	payload += segment.options_bytes;
	for (uint32_t i = 0; i < segment.len; i++)
		payload[i] = talker_byte(foe->send_key, at + i) ^ (segment.fork ? 0xff : 0);
	*tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(foe->port),
		.dst_port = rte_cpu_to_be_16(foe->peer_port),
		.sent_seq = rte_cpu_to_be_32(segment.seq),
		.recv_ack = rte_cpu_to_be_32(segment.ack),
		.data_off = (uint8_t)((PACKET_TCP_BYTES + segment.options_bytes) / 4 << 4),
		.tcp_flags = segment.flags,
		.rx_win = rte_cpu_to_be_16((uint16_t)(window < UINT16_MAX ? window : UINT16_MAX)),
	};
	len = (uint16_t)(PACKET_IP_BYTES + PACKET_TCP_BYTES + segment.options_bytes + segment.len);
	packet_finish(packet, len, IPPROTO_TCP, adversary->link->addrs[FOES],
		      adversary->link->addrs[OURS], 0);
	/* What is far from the stream is never taken. */
	if (at + segment.len < FOE_BYTES_MAX * 2 &&
	    seq_gt(segment.seq + syn + segment.len, foe->snd_end))
		foe->snd_end = segment.seq + syn + segment.len;
	adversary_send(adversary, packet, len);
}

void foe_ack(struct adversary *adversary, struct foe *foe, uint32_t ack)
{
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK, .seq = foe->snd_nxt, .ack = ack});
}

static struct foe *foe_of(struct adversary *adversary, uint16_t port)
{
	for (unsigned i = 0; i < adversary->foes_n; i++)
		if (adversary->foes[i].port == port)
			return &adversary->foes[i];
	return NULL;
}

/* Whether a segment's bytes are what the talker says from `at` on. */
static bool bytes_right(const struct foe *foe, const uint8_t *bytes, uint32_t n, uint32_t at)
{
	for (uint32_t i = 0; i < n; i++)
		if (bytes[i] != talker_byte(foe->receive_key, at + i))
			return false;
	return true;
}

/* Our segments, first and again, say what the talker said, on one of the connections that we have
 * answered to. */
static void bytes_check(struct adversary *adversary, const struct foe *foe, uint8_t *packet,
			uint16_t len)
{
	uint32_t header = packet_header_bytes(packet), seq = get32(packet + PACKET_IP_BYTES + 4);
	uint32_t n = len - header;

	for (unsigned i = 0; i < foe->peer_isns_n && i < FOE_ISNS; i++)
		if (bytes_right(foe, packet + header, n, seq - (foe->peer_isns[i] + 1)))
			return;
	journal_fail(adversary->link->journal, "port %u: a wrong byte was sent behind %u",
		     foe->port, seq - (foe->peer_isn + 1));
}

/* A handshake by ours, or its answer to the foe's. */
static void syn_take(struct adversary *adversary, struct foe *foe, uint8_t *packet)
{
	const struct rte_tcp_hdr *tcp = packet_tcp(packet);
	uint8_t *scale = packet_option(packet, PACKET_SCALE);
	uint8_t flags = SEGMENT_SYN | SEGMENT_ACK;

	foe->peer_isn = rte_be_to_cpu_32(tcp->sent_seq);
	foe->rcv_nxt = foe->rcv_max = foe->acked = foe->peer_isn + 1;
	foe->scaling &= scale != NULL;
	foe->shift = foe->scaling ? foe->shift : 0;
	foe->peer_shift = foe->scaling ? scale[2] : 0;
	foe->timestamps &= packet_option(packet, PACKET_TIMESTAMPS) != NULL;
	foe->sack &= packet_option(packet, PACKET_SACK_PERMITTED) != NULL;
	foe->state = FOE_OPEN;
	if (!foe->called) {
		foe_ack(adversary, foe, foe->rcv_nxt);
		return;
	}
	foe->peer_port = rte_be_to_cpu_16(tcp->src_port);
	if (random_once(&adversary->random, 8))
		flags = SEGMENT_SYN; /* both at once */
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = flags,
				      .seq = foe->isn,
				      .ack = foe->rcv_nxt + random_once(&adversary->random, 8)});
	foe->snd_nxt = foe->isn + 1;
}

static void packet_take(struct adversary *adversary, uint8_t *packet, uint16_t len)
{
	const struct rte_tcp_hdr *tcp = packet_tcp(packet);
	struct foe *foe = foe_of(adversary, rte_be_to_cpu_16(tcp->dst_port));
	uint8_t *stamp = packet_option(packet, PACKET_TIMESTAMPS);
	uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq);
	uint32_t end = seq + len - packet_header_bytes(packet);

	if (foe == NULL || (tcp->tcp_flags & SEGMENT_RST))
		return;
	if (stamp != NULL)
		foe->ts_recent = get32(stamp + 2);
	if (tcp->tcp_flags & SEGMENT_SYN) {
		foe->peer_isns[foe->peer_isns_n++ % FOE_ISNS] = seq;
		if (foe->state != FOE_OPEN)
			syn_take(adversary, foe, packet);
		return;
	}
	if (foe->state != FOE_OPEN)
		return;
	foe->snd_una = rte_be_to_cpu_32(tcp->recv_ack);
	foe->peer_window = (uint32_t)rte_be_to_cpu_16(tcp->rx_win) << foe->peer_shift;
	if (end != seq) {
		bytes_check(adversary, foe, packet, len);
		memcpy(foe->quote, packet, sizeof(foe->quote));
	}
	end += tcp->tcp_flags & SEGMENT_FIN;
	if (seq_le(seq, foe->rcv_nxt) && seq_gt(end, foe->rcv_nxt))
		foe->rcv_nxt = end;
	if (seq_gt(end, foe->rcv_max))
		foe->rcv_max = end;
}

/* An honest step, so that there is something to spoil. */
static void foe_honest(struct adversary *adversary, struct foe *foe)
{
	uint32_t room = foe->snd_una + foe->peer_window - foe->snd_nxt;
	uint32_t len = (uint32_t)random_between(&adversary->random, 1, foe->mss);

	if (random_once(&adversary->random, 2) ||
	    seq_le(foe->snd_una + foe->peer_window, foe->snd_nxt) ||
	    foe->snd_nxt - foe->isn > FOE_BYTES_MAX) {
		foe->acked = foe->rcv_nxt;
		foe_ack(adversary, foe, foe->rcv_nxt);
		return;
	}
	len = len < room ? len : room;
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK | SEGMENT_PSH,
				      .seq = foe->snd_nxt,
				      .ack = foe->rcv_nxt,
				      .len = len});
	foe->snd_nxt += len;
}

static void foe_open(struct adversary *adversary, struct foe *foe)
{
	foe->state = FOE_CALLING;
	foe->snd_nxt = foe->snd_end = foe->isn + 1;
	if (!foe->called)
		foe_send(adversary, foe,
			 (struct foe_segment){.flags = SEGMENT_SYN, .seq = foe->isn});
}

static void foe_act(struct adversary *adversary, struct foe *foe)
{
	uint64_t now_ns = adversary->link->clock->mono_ns;

	if (foe->state == FOE_IDLE && foe->open_ns <= now_ns)
		foe_open(adversary, foe);
	if (foe->state != FOE_OPEN)
		return;
	if (random_once(&adversary->random, 2))
		foe_honest(adversary, foe);
	else
		trick_play(
			adversary, foe,
			adversary->tricks[random_below(&adversary->random, adversary->tricks_n)]);
}

static void foe_end(struct adversary *adversary, struct foe *foe)
{
	uint8_t flags =
		adversary->end == ADVERSARY_RESETS ? SEGMENT_RST : SEGMENT_FIN | SEGMENT_ACK;

	if (foe->state != FOE_OPEN || adversary->end == ADVERSARY_SILENT)
		return;
	foe->window = UINT16_MAX;
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = flags, .seq = foe->snd_una, .ack = foe->rcv_nxt});
}

uint64_t adversary_next_ns(const struct adversary *adversary)
{
	const struct link *link = adversary->link;
	uint64_t next_ns = adversary->tick_ns;

	if (link->heap_n > 0 && link->heap[0].to == FOES && link->heap[0].due_ns < next_ns)
		next_ns = link->heap[0].due_ns;
	return next_ns;
}

static void tick(struct adversary *adversary)
{
	uint64_t now_ns = adversary->link->clock->mono_ns;

	if (adversary->tick_ns > now_ns)
		return;
	if (now_ns >= adversary->until_ns ||
	    adversary->segments >= ADVERSARY_SEGMENTS_MAX - FOES_MAX) {
		journal_say(adversary->link->journal, "the adversary ends");
		adversary->tick_ns = UINT64_MAX;
		for (unsigned i = 0; i < adversary->foes_n; i++)
			foe_end(adversary, &adversary->foes[i]);
		return;
	}
	foe_act(adversary, &adversary->foes[random_below(&adversary->random, adversary->foes_n)]);
	adversary->tick_ns = now_ns + random_below(&adversary->random, adversary->every_ns);
}

void adversary_happen(struct adversary *adversary)
{
	struct link_packet packet;

	while (link_take(adversary->link, FOES, &packet)) {
		struct foe *foe =
			foe_of(adversary, rte_be_to_cpu_16(packet_tcp(packet.bytes)->dst_port));

		if (packet_is_tcp(packet.bytes))
			packet_take(adversary, packet.bytes, packet.len);
		free(packet.bytes);
		if (adversary->tick_ns == UINT64_MAX && adversary->end == ADVERSARY_REFORMS &&
		    foe != NULL)
			foe_end(adversary, foe);
	}
	tick(adversary);
}

static void foe_create(struct adversary *adversary, struct foe *foe, unsigned number)
{
	struct random *random = &adversary->random;

	foe->called = random_once(random, 4);
	foe->port = (uint16_t)((foe->called ? FOE_CALLED_FIRST : FOE_PORT_FIRST) + number);
	foe->peer_port = PORT;
	foe->isn = (uint32_t)random_next(random);
	if (random_once(random, 2))
		foe->isn = (random_once(random, 2) ? 0 : 1U << 31) -
			   (uint32_t)random_below(random, 10000);
	foe->mss = (uint16_t)(random_once(random, 3) ? random_between(random, 1, 1460) : 1460);
	foe->scaling = !random_once(random, 4);
	foe->shift = (uint8_t)random_below(random, 15);
	foe->timestamps = random_once(random, 2);
	foe->sack = !random_once(random, 4);
	foe->window = (uint32_t)(random_once(random, 3) ? random_below(random, 3000)
							: random_below(random, 1 << 17));
	foe->open_ns = adversary->link->clock->mono_ns + random_below(random, second);
}

void adversary_create(struct adversary *adversary, struct link *link, struct random random,
		      uint64_t now_ns)
{
	*adversary = (struct adversary){.link = link, .random = random};
	adversary->foes_n = (unsigned)random_between(&adversary->random, 1, FOES_MAX);
	for (unsigned i = 0; i < adversary->foes_n; i++)
		foe_create(adversary, &adversary->foes[i], i);
	adversary->forks = random_once(&adversary->random, 2);
	adversary->tricks_n = (unsigned)random_between(&adversary->random, 1, 10);
	for (unsigned i = 0; i < adversary->tricks_n; i++)
		adversary->tricks[i] = (unsigned)random_below(&adversary->random, tricks_count());
	adversary->every_ns = random_between(&adversary->random, 1,
					     random_once(&adversary->random, 4) ? 1000 : 20) *
			      ms;
	adversary->tick_ns = now_ns;
	adversary->until_ns = now_ns + random_between(&adversary->random, 1, 60) * second;
	adversary->end = (enum adversary_end)random_below(&adversary->random, ADVERSARY_ENDS);
}
