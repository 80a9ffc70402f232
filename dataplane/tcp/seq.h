/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence numbers: comparison modulo 2^32 (RFC 9293 3.4). Valid while the two numbers are less
 * than 2^31 apart, which windows of at most 2^30 ensure (RFC 7323 2.3). Any thread.
 */
#ifndef WIREMAP_TCP_SEQ_H
#define WIREMAP_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_lt(b, a);
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return seq_le(b, a);
}

/* What is kept of a sequence long past, moved up behind `seq` so that it goes on to lie before it:
 * 2^31 bytes later it would seem to lie ahead. */
static inline uint32_t seq_behind(uint32_t past, uint32_t seq)
{
	const uint32_t most = 1U << 30;

	return (int32_t)(seq - past) > (int32_t)most ? seq - most : past;
}

#endif
