/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only source of chance of the simulator: splitmix64, so that every seed is a good one. Each
 * part has a generator of its own, split off the seed's: what one part draws changes no other.
 */
#ifndef WIREMAP_TESTS_SIM_RANDOM_H
#define WIREMAP_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint64_t random_next(struct random *random)
{
	return random_mix(random->state += 0x9e3779b97f4a7c15);
}

/* 0 to n - 1; n > 0. */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
	return random_next(random) % n;
}

/* `first` to `last`, both included. */
static inline uint64_t random_between(struct random *random, uint64_t first, uint64_t last)
{
	return first + random_below(random, last - first + 1);
}

/* True once in `n` times. */
static inline bool random_once(struct random *random, uint64_t n)
{
	return random_below(random, n) == 0;
}

/* True `per` times in 10,000. */
static inline bool random_chance(struct random *random, unsigned per)
{
	return random_below(random, 10000) < per;
}

static inline struct random random_split(struct random *random)
{
	return (struct random){random_next(random)};
}

#endif
