/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment as a script speaks of it, and the same as bytes. Sequence numbers are relative or
 * absolute as the caller has it. Written apart from dataplane/tcp on purpose: what is to be judged
 * must not read its own hand.
 */
#ifndef WIREMAP_TESTS_PACKET_H
#define WIREMAP_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flags.h"

enum {
	PACKET_OPTIONS_MAX = 40,
	PACKET_HEADER_BYTES = 20,
	PACKET_BLOCKS = 4,
	PACKET_TEXT_MAX = 240,
};

/* What a packet has, or a script says of one. */
enum packet_has {
	HAS_MSS = 1 << 0,
	HAS_SHIFT = 1 << 1,
	HAS_SACK_OK = 1 << 2,
	HAS_SACK = 1 << 3,
	HAS_TIMESTAMPS = 1 << 4,
	HAS_VALUE = 1 << 5, /* scripts only: the timestamp's value is named, and its echo */
	HAS_ECHO = 1 << 6,
	HAS_RAW = 1 << 7, /* scripts only: option bytes as they stand */
	HAS_WINDOW = 1 << 8,
	HAS_ECN = 1 << 9,
	HAS_FORGED = 1 << 10,	     /* scripts only: bytes that the peer never wrote */
	HAS_OFFSET = 1 << 11,	     /* scripts only: a header length that may lie */
	HAS_NO_TIMESTAMPS = 1 << 12, /* scripts only: though they were agreed on */
	HAS_OPTIONS = HAS_MSS | HAS_SHIFT | HAS_SACK_OK | HAS_SACK | HAS_TIMESTAMPS,
};

struct packet {
	uint32_t seq, ack, len;
	uint32_t window; /* the field, or bytes where a script says it */
	uint32_t has;	 /* of enum packet_has */
	uint16_t urgent, mss;
	uint8_t flags, shift;
	uint8_t ecn; /* the two low bits of the IP header's TOS */
	uint8_t offset;
	uint32_t value, echo; /* timestamps */
	unsigned blocks_n;
	uint32_t blocks[PACKET_BLOCKS][2];
	unsigned raw_n;
	uint8_t raw[PACKET_OPTIONS_MAX];
};

/* Writes the header with its options (60 bytes at most), ports left alone; returns its length. */
size_t packet_write(const struct packet *packet, uint8_t *bytes_r);

/* Reads a header of `len` bytes. False: it does not hold together. */
bool packet_read(const uint8_t *bytes, size_t len, struct packet *packet_r);

/* The packet in the words of a script: `A 1:11 ack 1 win 65535`. */
void packet_print(const struct packet *packet, char text_r[PACKET_TEXT_MAX]);

/* The letters of flags, FSRPAUEC, "-" for none. `text_r` holds 9 bytes. */
void packet_flags_print(uint8_t flags, char *text_r);
/* False: not a word of flags. */
bool packet_flags_parse(const char *word, uint8_t *flags_r);

#endif
