/* SPDX-License-Identifier: Apache-2.0 */
#include "cookie.h"

#include "siphash.h"

/* Of the cookie, from below: three bits of MSS, one of the step, the rest is the hash. */
enum cookie_bits { MSS_BITS = 3, STEP_BIT = 1 << MSS_BITS, PLAIN_BITS = 2 * STEP_BIT - 1 };

/* Of the timestamp, from below: the shift (none: all ones), then a bit each. */
enum stamp_bits {
	STAMP_NO_SHIFT = 0xf,
	STAMP_SACK = 0x10,
	STAMP_ECN = 0x20,
	STAMP_BITS = 0x3f,
	STAMP_NONE = 0x40, /* the peer has no timestamps; goes into the hash only */
};

/*
 * The largest that is not larger than what the peer said. Ends with the one that nearly
 * everyone announces and the one of jumbo frames; before them 1440 (IPv6's habit, PPPoE), 1400
 * and 1360 (tunnels, mobile networks), 1220 (a path of 1280), 536 (RFC 9293 3.7.1, also when
 * nothing is said) and the least that we use.
 */
static const uint16_t sizes[1 << MSS_BITS] = {
	TCP_MSS_MIN, TCP_MSS_DEFAULT, 1220, 1360, 1400, 1440, 1460, 8960};

struct hashed {
	uint64_t secret; /* of the tuple */
	uint32_t isn;	 /* of the peer */
	uint16_t step;	 /* comes round in 48 days */
	uint8_t mss;	 /* place in `sizes` */
	uint8_t stamp;	 /* the bits that the timestamp carries, or STAMP_NONE */
};

/* The words are put together here: one that is read just after its parts were written waits until
 * they have left for the cache, which was a tenth of what a cookie took. */
static uint32_t cookie_of(const uint8_t key[16], const struct hashed *hashed)
{
	const uint64_t words[] = {hashed->secret, hashed->isn | (uint64_t)hashed->step << 32 |
							  (uint64_t)hashed->mss << 48 |
							  (uint64_t)hashed->stamp << 56};
	uint32_t mac = (uint32_t)tcp_siphash24(key, words, sizeof(words));
	uint32_t step = hashed->step % COOKIE_STEPS * STEP_BIT;

	return (mac & ~(uint32_t)PLAIN_BITS) | step | hashed->mss;
}

static uint16_t step_of(uint64_t now_ns)
{
	return (uint16_t)(now_ns / (COOKIE_STEP_S * 1000 * tcp_ms));
}

static uint8_t mss_kept(uint16_t said)
{
	uint8_t at = (1 << MSS_BITS) - 1;
	uint16_t mss = said != 0 ? said : TCP_MSS_DEFAULT;

	while (at > 0 && sizes[at] > mss)
		at--;
	return at;
}

static uint8_t stamp_kept(const struct segment *syn)
{
	const struct options *options = &syn->options;

	if (!options->timestamps)
		return STAMP_NONE;
	return (uint8_t)((options->scaling ? options->shift : STAMP_NO_SHIFT) |
			 (options->sack_permitted ? STAMP_SACK : 0) |
			 ((syn->flags & ECN_SETUP) == ECN_SETUP ? STAMP_ECN : 0));
}

uint32_t tcp_cookie_make(const uint8_t key[16], uint64_t secret, const struct segment *syn,
			 uint64_t now_ns, uint32_t *timestamp_r)
{
	const struct hashed hashed = {.secret = secret,
				      .isn = syn->seq,
				      .step = step_of(now_ns),
				      .mss = mss_kept(syn->options.mss),
				      .stamp = stamp_kept(syn)};

	if (hashed.stamp != STAMP_NONE) {
		uint32_t ahead = (hashed.stamp - *timestamp_r) & STAMP_BITS;

		/* The last time at which the clock's low bits were these. */
		*timestamp_r -= (STAMP_BITS + 1 - ahead) & STAMP_BITS;
	}
	return cookie_of(key, &hashed);
}

bool tcp_cookie_open(const uint8_t key[16], uint64_t secret, const struct segment *ack,
		     uint64_t now_ns, struct segment *syn_r)
{
	const struct options *options = &ack->options;
	uint32_t cookie = ack->ack - 1;
	uint16_t step = step_of(now_ns);
	uint8_t stamp = options->timestamps ? options->echo & STAMP_BITS : STAMP_NONE;
	const struct hashed hashed = {
		.secret = secret,
		.isn = ack->seq - 1,
		.step = (uint16_t)(step - ((step ^ !!(cookie & STEP_BIT)) & 1)),
		.mss = cookie & (STEP_BIT - 1),
		.stamp = stamp,
	};
	uint32_t shift = stamp & STAMP_NO_SHIFT;

	if (cookie_of(key, &hashed) != cookie)
		return false;
	*syn_r = (struct segment){.mbuf = ack->mbuf, .seq = hashed.isn, .flags = SEGMENT_SYN};
	syn_r->options.mss = sizes[hashed.mss];
	if (stamp == STAMP_NONE)
		return true;
	syn_r->flags |= stamp & STAMP_ECN ? ECN_SETUP : 0;
	syn_r->options.timestamps = true;
	syn_r->options.value = options->value;
	syn_r->options.sack_permitted = stamp & STAMP_SACK;
	syn_r->options.scaling = shift != STAMP_NO_SHIFT;
	syn_r->options.shift = (uint8_t)(syn_r->options.scaling ? shift : 0);
	return true;
}
