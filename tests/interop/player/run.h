/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sequence played to one target: makes its segments out of what the target has said, and says
 * what the target answers in numbers that do not depend on where its own began.
 */
#ifndef PLAYER_RUN_H
#define PLAYER_RUN_H

#include <netinet/in.h>

#include "sequence.h"

enum { PACKET_BYTES_MAX = 1500, TEXT_BYTES_MAX = 160 };

struct run {
	const struct sequence *sequence;
	struct in_addr from, to;
	uint16_t from_port;
	bool spoken;	    /* the target's ISN is known */
	uint32_t isn;	    /* the target's */
	uint32_t sent_end;  /* of the target: the highest sequence it has used */
	uint32_t acked;	    /* the highest acknowledgement it has sent */
	uint32_t edge;	    /* of its window */
	uint8_t shift;	    /* of its window */
	uint32_t timestamp; /* its last */
	uint32_t digest;    /* of its stream, FNV-1a */
	bool gap;	    /* data came that does not follow */
};

/* What the target is to find in front of it. */
void run_begin(struct run *run_r, const struct sequence *sequence, struct in_addr from,
	       uint16_t from_port, struct in_addr to);

/* The IPv4 packet of `step`, its payload cut to what a packet holds; returns its length. */
size_t run_packet(const struct run *run, const struct step *step, unsigned number,
		  uint8_t packet_r[PACKET_BYTES_MAX]);

/* A reset at the sequence the target expects, so that it forgets the connection. */
size_t run_reset(const struct run *run, uint8_t packet_r[PACKET_BYTES_MAX]);

/*
 * A TCP segment of the target's; false: it does not hold together. `text_r`:
 * "FLAGS:SEQ:ACK:LEN:WINDOW:OPTIONS", SEQ from its ISN, ACK from ours, WINDOW 0 or +, OPTIONS as
 * letters, of SACK blocks with their numbers.
 */
bool run_answer(struct run *run, const uint8_t *segment, size_t len, char text_r[TEXT_BYTES_MAX]);

#endif
