/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the adversary does: one function for each attack that is known from the field. None of
 * them may break an invariant, make ours keep memory, or stop it from coming to an end.
 */
#include <string.h>

#include "adversary.h"

enum { ICMP_BYTES = 8, UNREACHABLE = 3, FRAGMENTATION_NEEDED = 4, REDIRECT = 5 };

static void put32(uint8_t *bytes, uint32_t value)
{
	rte_be32_t swapped = rte_cpu_to_be_32(value);

	memcpy(bytes, &swapped, sizeof(swapped));
}

static uint32_t below(struct adversary *adversary, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)random_below(&adversary->random, n);
}

static uint32_t any(struct adversary *adversary)
{
	return (uint32_t)random_next(&adversary->random);
}

/* A place in or near the window that ours offers. */
static uint32_t place(struct adversary *adversary, const struct foe *foe)
{
	uint32_t window = foe->peer_window + 2;

	switch (below(adversary, 8)) {
	case 0:
		return foe->snd_una - below(adversary, 3000);
	case 1:
		return foe->snd_una + foe->peer_window - 1 + below(adversary, 3);
	case 2:
		return any(adversary);
	default:
		return foe->snd_una + below(adversary, window);
	}
}

/* Acknowledges what it has not received, or what was never sent (Savage 1999). */
static void ack_optimistic(struct adversary *adversary, struct foe *foe)
{
	uint32_t ack =
		foe->rcv_max + below(adversary, random_once(&adversary->random, 2) ? 1 : 3000);

	foe_ack(adversary, foe, ack);
}

/* One segment's worth in many small steps. */
static void ack_division(struct adversary *adversary, struct foe *foe)
{
	uint32_t step = 1 + below(adversary, 200);

	for (unsigned i = 0; i < 30 && seq_lt(foe->acked, foe->rcv_nxt); i++) {
		uint32_t left = foe->rcv_nxt - foe->acked;

		foe->acked += step < left ? step : left;
		foe_ack(adversary, foe, foe->acked);
	}
}

static void ack_duplicates(struct adversary *adversary, struct foe *foe)
{
	unsigned n = 1 + below(adversary, 40);

	while (n-- > 0)
		foe_ack(adversary, foe, foe->acked);
}

static void ack_old(struct adversary *adversary, struct foe *foe)
{
	foe_ack(adversary, foe, foe->acked - below(adversary, 1U << 20));
}

static void ack_any(struct adversary *adversary, struct foe *foe)
{
	foe_ack(adversary, foe, any(adversary));
}

/* SACK: honest shapes in the wrong place, and the wrong shapes. What was said is not said again
 * (reneging). */
static void sack(struct adversary *adversary, struct foe *foe)
{
	uint8_t options[40] = {PACKET_NOP, PACKET_NOP, PACKET_SACK};
	unsigned blocks = 1 + below(adversary, 4);
	uint32_t flight = foe->rcv_max - foe->acked;

	options[3] = (uint8_t)(2 + 8 * blocks);
	for (unsigned i = 0; i < blocks; i++) {
		uint32_t start = foe->acked + below(adversary, flight), end;

		if (random_once(&adversary->random, 8))
			start = any(adversary);
		if (random_once(&adversary->random, 8))
			start = foe->acked - below(adversary, 3000);
		end = start + 1 + below(adversary, 4000);
		if (random_once(&adversary->random, 8))
			end = start - below(adversary, 2000);
		if (random_once(&adversary->random, 4))
			end = foe->rcv_max;
		put32(options + 4 + 8 * i, start);
		put32(options + 8 + 8 * i, end);
	}
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK,
				      .seq = foe->snd_nxt,
				      .ack = foe->acked,
				      .options = options,
				      .options_bytes = (uint8_t)(4 + 8 * blocks)});
}

/* Closed, silly, shrunk, huge. */
static void window(struct adversary *adversary, struct foe *foe)
{
	static const uint32_t windows[] = {0, 0, 1, 7, 100, 1460, 65535, 1 << 20, 1 << 29};

	foe->window = windows[below(adversary, sizeof(windows) / sizeof(windows[0]))];
	foe_ack(adversary, foe, foe->acked);
}

/* Opens by a byte for each acknowledgement. */
static void window_silly(struct adversary *adversary, struct foe *foe)
{
	for (unsigned i = 0; i < 10; i++) {
		foe->window = 1 + below(adversary, 3);
		foe_ack(adversary, foe, foe->acked);
	}
}

static void data_anywhere(struct adversary *adversary, struct foe *foe)
{
	uint32_t seq = place(adversary, foe);

	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK,
				      .seq = seq,
				      .ack = foe->acked,
				      .len = 1 + below(adversary, 1460)});
}

/* What was sent, once more and with other bytes: the first copy counts. */
static void data_overlap(struct adversary *adversary, struct foe *foe)
{
	uint32_t seq = foe->snd_una - 500 + below(adversary, 1000);

	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK,
				      .seq = seq,
				      .ack = foe->acked,
				      .len = 1 + below(adversary, 1460),
				      .fork = adversary->forks});
}

/* A byte here and a byte there: each gap is a run. */
static void data_holes(struct adversary *adversary, struct foe *foe)
{
	uint32_t step = 2 + below(adversary, 50), seq = foe->snd_una + 1;

	for (unsigned i = 0; i < 60; i++, seq += step)
		foe_send(adversary, foe,
			 (struct foe_segment){.flags = SEGMENT_ACK,
					      .seq = seq,
					      .ack = foe->acked,
					      .len = 1,
					      .fork = adversary->forks &&
						      random_once(&adversary->random, 2)});
}

static void fin_anywhere(struct adversary *adversary, struct foe *foe)
{
	bool early = random_once(&adversary->random, 2);

	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_FIN | SEGMENT_ACK,
				      .seq = early ? place(adversary, foe) : foe->snd_nxt,
				      .ack = foe->acked,
				      .len = below(adversary, 3) * 100});
}

static void reset_anywhere(struct adversary *adversary, struct foe *foe)
{
	uint8_t flags =
		random_once(&adversary->random, 2) ? SEGMENT_RST : SEGMENT_RST | SEGMENT_ACK;

	foe_send(adversary, foe,
		 (struct foe_segment){.flags = flags,
				      .seq = place(adversary, foe),
				      .ack = random_once(&adversary->random, 2) ? any(adversary)
										: foe->acked});
}

static void syn_again(struct adversary *adversary, struct foe *foe)
{
	uint8_t flags =
		random_once(&adversary->random, 2) ? SEGMENT_SYN : SEGMENT_SYN | SEGMENT_ACK;

	foe_send(adversary, foe,
		 (struct foe_segment){.flags = flags,
				      .seq = random_once(&adversary->random, 2)
						     ? foe->isn
						     : place(adversary, foe),
				      .ack = foe->acked,
				      .len = below(adversary, 2) * 20});
}

/* From ports where nobody waits for the answer. */
static void syn_flood(struct adversary *adversary, struct foe *foe)
{
	struct foe stranger = *foe;

	for (unsigned i = 0; i < 60; i++) {
		stranger.port = (uint16_t)any(adversary);
		stranger.peer_port = 143;
		stranger.isn = any(adversary);
		foe_send(adversary, &stranger,
			 (struct foe_segment){.flags = SEGMENT_SYN, .seq = stranger.isn});
	}
}

/* Acknowledgements for handshakes that never were: cookies are not guessed. */
static void cookie_guess(struct adversary *adversary, struct foe *foe)
{
	struct foe stranger = *foe;

	for (unsigned i = 0; i < 20; i++) {
		stranger.port = (uint16_t)any(adversary);
		stranger.peer_port = 143;
		foe_ack(adversary, &stranger, any(adversary));
	}
}

static void flags_any(struct adversary *adversary, struct foe *foe)
{
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = (uint8_t)(any(adversary) & ~SEGMENT_RST),
				      .seq = place(adversary, foe),
				      .ack = foe->acked,
				      .len = below(adversary, 2) * below(adversary, 1000)});
}

/* Lengths of 0 and 1, lengths beyond the end, and noise. */
static void options_any(struct adversary *adversary, struct foe *foe)
{
	uint8_t options[40];
	uint8_t bytes = (uint8_t)(4 + 4 * below(adversary, 10));

	for (unsigned i = 0; i < bytes; i++)
		options[i] = (uint8_t)(random_once(&adversary->random, 2) ? below(adversary, 12)
									  : any(adversary));
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK,
				      .seq = foe->snd_nxt,
				      .ack = foe->acked,
				      .options = options,
				      .options_bytes = bytes});
}

/* Clocks that run backwards or far ahead, echoes of what was never said. */
static void timestamps_any(struct adversary *adversary, struct foe *foe)
{
	uint8_t options[12] = {PACKET_NOP, PACKET_NOP, PACKET_TIMESTAMPS, 10};

	put32(options + 4, any(adversary));
	put32(options + 8, random_once(&adversary->random, 2) ? foe->ts_recent : any(adversary));
	foe_send(adversary, foe,
		 (struct foe_segment){.flags = SEGMENT_ACK,
				      .seq = random_once(&adversary->random, 2)
						     ? foe->snd_nxt
						     : place(adversary, foe),
				      .ack = foe->acked,
				      .len = below(adversary, 2) * 30,
				      .options = options,
				      .options_bytes = sizeof(options)});
}

/* A peer that sees the path may quote what is on its way. */
static void icmp(struct adversary *adversary, struct foe *foe)
{
	static const uint16_t mtus[] = {0, 1, 68, 296, 552, 576, 1000, 1499, 1500, UINT16_MAX};
	uint8_t packet[PACKET_IP_BYTES + ICMP_BYTES + sizeof(foe->quote) + PACKET_SLACK] = {0};
	uint16_t len = PACKET_IP_BYTES + ICMP_BYTES + sizeof(foe->quote);
	uint16_t mtu = mtus[below(adversary, sizeof(mtus) / sizeof(mtus[0]))];
	uint8_t *head = packet + PACKET_IP_BYTES;

	head[0] = random_once(&adversary->random, 8) ? REDIRECT : UNREACHABLE;
	head[1] = (uint8_t)(random_once(&adversary->random, 4) ? below(adversary, 16)
							       : FRAGMENTATION_NEEDED);
	head[6] = (uint8_t)(mtu >> 8);
	head[7] = (uint8_t)mtu;
	memcpy(head + ICMP_BYTES, foe->quote, sizeof(foe->quote));
	packet_finish(packet, len, IPPROTO_ICMP, adversary->link->addrs[1],
		      adversary->link->addrs[0], 0);
	adversary_send(adversary, packet, len);
}

/* Shorter than a header, or a data offset that lies. */
static void truncated(struct adversary *adversary, struct foe *foe)
{
	uint8_t packet[PACKET_IP_BYTES + PACKET_TCP_BYTES + PACKET_SLACK] = {0};
	uint16_t tcp = (uint16_t)below(adversary, PACKET_TCP_BYTES + 1);

	*packet_tcp(packet) = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(foe->port),
		.dst_port = rte_cpu_to_be_16(foe->peer_port),
		.sent_seq = rte_cpu_to_be_32(foe->snd_nxt),
		.data_off = (uint8_t)any(adversary),
		.tcp_flags = SEGMENT_ACK,
	};
	packet_finish(packet, PACKET_IP_BYTES + tcp, IPPROTO_TCP, adversary->link->addrs[1],
		      adversary->link->addrs[0], 0);
	adversary_send(adversary, packet, PACKET_IP_BYTES + tcp);
}

/* Ours to ours, as it seems (LAND). */
static void land(struct adversary *adversary, struct foe *foe)
{
	uint8_t packet[PACKET_IP_BYTES + PACKET_TCP_BYTES + PACKET_SLACK] = {0};
	const uint8_t *ours = adversary->link->addrs[0];

	(void)foe;
	*packet_tcp(packet) = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(143),
		.dst_port = rte_cpu_to_be_16(143),
		.sent_seq = any(adversary),
		.data_off = PACKET_TCP_BYTES / 4 << 4,
		.tcp_flags = SEGMENT_SYN,
		.rx_win = UINT16_MAX,
	};
	packet_finish(packet, PACKET_IP_BYTES + PACKET_TCP_BYTES, IPPROTO_TCP, ours, ours, 0);
	adversary_send(adversary, packet, PACKET_IP_BYTES + PACKET_TCP_BYTES);
}

static const struct {
	const char *name;
	void (*play)(struct adversary *adversary, struct foe *foe);
} tricks[] = {
	{"acknowledges too much", ack_optimistic},
	{"divides acknowledgements", ack_division},
	{"repeats acknowledgements", ack_duplicates},
	{"acknowledges the past", ack_old},
	{"acknowledges anything", ack_any},
	{"sacks", sack},
	{"sacks", sack},
	{"changes its window", window},
	{"opens its window by a byte", window_silly},
	{"sends data anywhere", data_anywhere},
	{"overlaps data", data_overlap},
	{"sends data with holes", data_holes},
	{"sends FIN", fin_anywhere},
	{"resets", reset_anywhere},
	{"sends SYN again", syn_again},
	{"floods with SYN", syn_flood},
	{"guesses cookies", cookie_guess},
	{"sets any flags", flags_any},
	{"sends any options", options_any},
	{"sends any timestamps", timestamps_any},
	{"sends ICMP", icmp},
	{"sends a truncated header", truncated},
	{"sends as us", land},
};

unsigned tricks_count(void)
{
	return sizeof(tricks) / sizeof(tricks[0]);
}

void trick_play(struct adversary *adversary, struct foe *foe, unsigned number)
{
	journal_say(adversary->link->journal, "the adversary %s", tricks[number].name);
	tricks[number].play(adversary, foe);
}
