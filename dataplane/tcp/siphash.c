/* SPDX-License-Identifier: Apache-2.0 */
#include "siphash.h"

#include <string.h>

/* What every packet and every cookie is hashed by: known to the compiler they have no loops. */
enum { IPV4_TUPLE_BYTES = 12, COOKIE_BYTES = 16 };

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_rounds(struct sip *s, unsigned n)
{
#pragma GCC unroll 4
	while (n-- > 0)
		sip_round(s);
}

static inline uint64_t sip_hash(const uint8_t key[16], const uint8_t *p, size_t len,
				unsigned word_rounds, unsigned end_rounds)
{
	uint64_t k0, k1, word;
	uint64_t last = (uint64_t)len << 56;
	struct sip s;

	memcpy(&k0, key, 8);
	memcpy(&k1, key + 8, 8);
	s = (struct sip){k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		s.v3 ^= word;
		sip_rounds(&s, word_rounds);
		s.v0 ^= word;
	}
	if (len >= 4) {
		uint32_t half;

		memcpy(&half, p, 4);
		last |= half;
	}
	for (size_t i = len & 4; i < len; i++)
		last |= (uint64_t)p[i] << (8 * i);
	s.v3 ^= last;
	sip_rounds(&s, word_rounds);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	sip_rounds(&s, end_rounds);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t tcp_siphash24(const uint8_t key[16], const void *bytes, size_t len)
{
	if (len == IPV4_TUPLE_BYTES)
		return sip_hash(key, bytes, IPV4_TUPLE_BYTES, 2, 4);
	if (len == COOKIE_BYTES)
		return sip_hash(key, bytes, COOKIE_BYTES, 2, 4);
	return sip_hash(key, bytes, len, 2, 4);
}

uint64_t tcp_siphash13(const uint8_t key[16], const void *bytes, size_t len)
{
	if (len == IPV4_TUPLE_BYTES)
		return sip_hash(key, bytes, IPV4_TUPLE_BYTES, 1, 3);
	return sip_hash(key, bytes, len, 1, 3);
}
