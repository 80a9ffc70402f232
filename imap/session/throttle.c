/* SPDX-License-Identifier: Apache-2.0 */
#include "throttle.h"

#include <string.h>

enum { NS_PER_S = 1000000000 };

/* Whoever holds an IPv6 network holds 2^64 addresses: the /64 is the source. IPv4 is whole. */
static void source_name(const uint8_t address[16], uint8_t name[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(name, address, 16);
	if (memcmp(address, mapped, sizeof(mapped)) != 0)
		memset(name + 8, 0, 8);
}

/* FNV-1a. A crafted collision only makes two sources forget each other. */
static struct throttle_source *slot_of(struct throttle *throttle, const uint8_t name[16])
{
	uint32_t hash = 2166136261u;

	for (unsigned k = 0; k < 16; k++)
		hash = (hash ^ name[k]) * 16777619u;
	return &throttle->sources[(hash ^ hash >> 16) % THROTTLE_SOURCES];
}

static void forgive(struct throttle_source *source, uint64_t now_ns)
{
	const uint64_t each_ns = (uint64_t)THROTTLE_FORGIVE_S * NS_PER_S;
	uint64_t n = (now_ns - source->counted_ns) / each_ns;

	if (n >= source->failures) {
		source->failures = 0;
		source->counted_ns = now_ns;
	} else {
		source->failures -= (uint32_t)n;
		source->counted_ns += n * each_ns;
	}
}

uint32_t throttle_delay_ms(struct throttle *throttle, const uint8_t address[16], uint64_t now_ns)
{
	struct throttle_source *source;
	uint32_t excess;
	uint8_t name[16];

	source_name(address, name);
	source = slot_of(throttle, name);
	if (memcmp(source->address, name, sizeof(name)) != 0)
		return 0;
	forgive(source, now_ns);
	if (source->failures <= THROTTLE_FREE)
		return 0;
	excess = source->failures - THROTTLE_FREE - 1;
	return excess >= 4 ? THROTTLE_MS_MAX : 1000u << excess;
}

void throttle_failed(struct throttle *throttle, const uint8_t address[16], uint64_t now_ns)
{
	struct throttle_source *source;
	uint8_t name[16];

	source_name(address, name);
	source = slot_of(throttle, name);
	if (memcmp(source->address, name, sizeof(name)) != 0) {
		memcpy(source->address, name, sizeof(name));
		source->failures = 0;
		source->counted_ns = now_ns;
	}
	forgive(source, now_ns);
	/* Saturates: what lies beyond would only be waited off for longer. */
	if (source->failures < 32)
		source->failures++;
}
