/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket: how much of what strangers can make us send, we send. One core. */
#ifndef NET_LIMIT_H
#define NET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
	uint64_t token_ns;  /* time that earns one token */
	uint64_t burst_ns;  /* time that fills the bucket */
	uint64_t earned_ns; /* up to when tokens were spent */
};

static inline struct limit limit_per_second(uint32_t tokens, uint32_t burst)
{
	const uint64_t token_ns = 1000000000u / tokens;

	return (struct limit){token_ns, token_ns * burst, 0};
}

/* Takes a token if there is one. */
static inline bool limit_take(struct limit *limit, uint64_t now_ns)
{
	if (limit->earned_ns + limit->burst_ns < now_ns)
		limit->earned_ns = now_ns - limit->burst_ns;
	if (limit->earned_ns + limit->token_ns > now_ns)
		return false;
	limit->earned_ns += limit->token_ns;
	return true;
}

#endif
