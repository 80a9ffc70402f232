/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of segments as a line of text, the same for every target: numbers are said relative to
 * what the target itself has said.
 *
 *     NAME PORT ISN CLOCK SEQ/ACK/FLAGS/WINDOW/URGENT/PAYLOAD/OPTIONS ...
 *
 * ISN and CLOCK are where our sequence numbers and our timestamps begin. SEQ is i (our ISN), a (the
 * highest acknowledgement heard) or e (the edge of the window) and an offset: a+0, e-1. ACK is s
 * (the target's ISN), u (the end of what it has sent) and an offset. FLAGS are letters of FSRPAUEC,
 * or -. PAYLOAD is a number of bytes of the stream at SEQ; with ! behind it, of another one.
 *
 * OPTIONS are - or, in any order and number: m1460 (MSS), w7 (scale), k (SACK permitted), t-1+0
 * (timestamps: our clock and what was heard last, with offsets), bu-10:u-5 (a SACK block), x0103
 * (bytes as they are), h6 (a header length that is not true; As fill what it takes), z (a checksum
 * that is wrong).
 */
#ifndef PLAYER_SEQUENCE_H
#define PLAYER_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STEPS_MAX = 16,
	NAME_BYTES = 48,
	OPTIONS_MAX = 12,
	RAW_BYTES_MAX = 40,
	PAYLOAD_BYTES_MAX = 1460,
};

/* An offset from something the run knows. */
struct relative {
	char base;
	int32_t offset;
};

struct option_item {
	char kind;
	uint32_t number;	  /* of m, w, h */
	struct relative from, to; /* of b; of t the offsets alone */
	uint8_t raw[RAW_BYTES_MAX], raw_n;
};

struct step {
	struct relative seq, ack;
	uint8_t flags;
	uint16_t window, urgent, payload;
	bool lies;
	unsigned options_n;
	struct option_item options[OPTIONS_MAX];
};

struct sequence {
	char name[NAME_BYTES];
	uint16_t port;
	uint32_t isn, clock;
	unsigned steps_n;
	struct step steps[STEPS_MAX];
};

/* Changes `line`. False: it is not a sequence. */
bool sequence_read(char *line, struct sequence *sequence_r);

/* "SA" of flags; returns `text`, of at least 9 bytes. */
char *sequence_flags_text(uint8_t flags, char *text);

#endif
