/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash (Aumasson and Bernstein, 2012), the keyed hash of short inputs. 2-4 where a
 * peer sees the output (initial sequence numbers, timestamps), 1-3 for hash tables, whose
 * output stays here. Pure functions, any thread. Inline: every packet is hashed, and where the
 * length is a constant no loop and no branch is left.
 */
#ifndef WIREMAP_TCP_SIPHASH_H
#define WIREMAP_TCP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t sip_rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sip_rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
	s->v3 ^= word;
#pragma GCC unroll 2
	while (rounds-- > 0)
		sip_round(s);
	s->v0 ^= word;
}

/* The bytes that fill no word, under the length. */
static inline uint64_t sip_last(const uint8_t *p, size_t len)
{
	uint64_t last = (uint64_t)len << 56;
	uint32_t half;

	if (len & 4) {
		memcpy(&half, p, sizeof(half));
		last |= half;
	}
	for (size_t i = len & 4; i < (len & 7); i++)
		last |= (uint64_t)p[i] << (8 * i);
	return last;
}

static inline uint64_t sip_hash(const uint8_t key[16], const uint8_t *p, size_t len,
				unsigned word_rounds, unsigned end_rounds)
{
	uint64_t k0, k1, word;
	struct sip s;

	memcpy(&k0, key, 8);
	memcpy(&k1, key + 8, 8);
	s = (struct sip){k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	for (size_t at = 0; at + 8 <= len; at += 8) {
		memcpy(&word, p + at, 8);
		sip_word(&s, word, word_rounds);
	}
	sip_word(&s, sip_last(p + (len & ~(size_t)7), len), word_rounds);
	s.v2 ^= 0xff;
#pragma GCC unroll 4
	while (end_rounds-- > 0)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* `len` bytes under the 128-bit key. */
static inline uint64_t tcp_siphash24(const uint8_t key[16], const void *bytes, size_t len)
{
	return sip_hash(key, bytes, len, 2, 4);
}

static inline uint64_t tcp_siphash13(const uint8_t key[16], const void *bytes, size_t len)
{
	return sip_hash(key, bytes, len, 1, 3);
}

#endif
