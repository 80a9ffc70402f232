/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile peer at end 1 of the link, that speaks raw segments to our TCP at end 0. It opens
 * connections, or answers ours, and then mixes honest segments with the tricks of its style:
 * forged acknowledgements, SACK, windows, overlaps, floods, wrong flags and options (tricks.c).
 * What it receives must be the talker's stream byte for byte, in every segment.
 */
#ifndef WIREMAP_TESTS_SIM_ADVERSARY_H
#define WIREMAP_TESTS_SIM_ADVERSARY_H

#include "link.h"

enum {
	FOES_MAX = 8,
	FOE_PORT_FIRST = 20000,
	FOE_CALLED_FIRST = 8000, /* of those that ours calls */
	/* Segments of one run: what it does in a storm is bounded, what ours answers with it. */
	ADVERSARY_SEGMENTS_MAX = 4000,
	TRICKS_MAX = 32,
	FOE_ISNS = 16,
};

enum foe_state { FOE_IDLE, FOE_CALLING, FOE_OPEN };

/* One connection, as the adversary sees it. Sequences are those on the wire. */
struct foe {
	enum foe_state state;
	bool called; /* ours opens it */
	uint16_t port, peer_port;
	uint64_t send_key, receive_key;
	uint64_t open_ns;
	uint32_t isn, peer_isn;
	uint32_t peer_isns[FOE_ISNS]; /* of our last answers: any whose cookie came back counts */
	unsigned peer_isns_n;
	uint32_t snd_nxt, snd_end; /* next in order, and beyond all that was ever sent */
	uint32_t snd_una;	   /* what ours has acknowledged */
	uint32_t rcv_nxt, rcv_max; /* in order, and beyond all that was ever received */
	uint32_t acked;		   /* by the last honest acknowledgement */
	uint32_t window;	   /* to be offered, bytes */
	uint32_t peer_window;
	uint16_t mss; /* it sends at most so much */
	uint8_t shift, peer_shift;
	bool scaling, timestamps, sack;
	uint32_t ts_recent;
	uint8_t quote[28]; /* head of the last packet with data from ours */
};

enum adversary_end {
	ADVERSARY_SILENT, /* says nothing more */
	ADVERSARY_RESETS,
	ADVERSARY_REFORMS, /* acknowledges everything and closes */
	ADVERSARY_ENDS,
};

struct adversary {
	struct link *link;
	struct random random;
	struct foe foes[FOES_MAX];
	unsigned foes_n;
	bool forks;		     /* overlapping segments have other bytes */
	unsigned tricks[TRICKS_MAX]; /* of the style, numbers into tricks.c's table */
	unsigned tricks_n;
	uint64_t tick_ns, every_ns;
	uint64_t until_ns; /* no tricks from here on */
	enum adversary_end end;
	unsigned segments; /* sent */
};

/* What a segment of a foe is made of. */
struct foe_segment {
	uint8_t flags;
	uint32_t seq, ack, len;
	bool fork;		/* the bytes are the complement */
	const uint8_t *options; /* instead of the usual ones */
	uint8_t options_bytes;	/* a multiple of 4 */
};

void adversary_create(struct adversary *adversary, struct link *link, struct random random,
		      uint64_t now_ns);
uint64_t adversary_next_ns(const struct adversary *adversary);
void adversary_happen(struct adversary *adversary);

/* For tricks.c. */
void foe_send(struct adversary *adversary, struct foe *foe, struct foe_segment segment);
/* An acknowledgement of `ack`, without data. */
void foe_ack(struct adversary *adversary, struct foe *foe, uint32_t ack);
/* `packet` is whole. */
void adversary_send(struct adversary *adversary, uint8_t *packet, uint16_t len);

unsigned tricks_count(void);
void trick_play(struct adversary *adversary, struct foe *foe, unsigned number);

#endif
