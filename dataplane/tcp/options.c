/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <string.h>

static uint16_t get16(const uint8_t *p)
{
	uint16_t value;

	memcpy(&value, p, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return be32toh(value);
}

static void take_blocks(const uint8_t *option, size_t len, struct options *options)
{
	size_t n = (len - 2) / OPTIONS_BLOCK_BYTES;

	if (n == 0 || n > OPTIONS_BLOCKS_MAX || len != 2 + n * OPTIONS_BLOCK_BYTES)
		return;
	options->blocks_n = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		options->blocks[i].start = get32(option + 2 + i * OPTIONS_BLOCK_BYTES);
		options->blocks[i].end = get32(option + 6 + i * OPTIONS_BLOCK_BYTES);
	}
}

/* An option of a known kind with a wrong length is as good as unknown. */
static void take(const uint8_t *option, bool syn, struct options *options)
{
	switch (get16(option)) {
	case OPTION_HEAD(OPTION_MSS, 4):
		if (syn)
			options->mss = get16(option + 2);
		break;
	case OPTION_HEAD(OPTION_SHIFT, 3):
		if (syn) {
			options->scaling = true;
			options->shift =
				option[2] < OPTIONS_SHIFT_MAX ? option[2] : OPTIONS_SHIFT_MAX;
		}
		break;
	case OPTION_HEAD(OPTION_SACK_PERMITTED, 2):
		if (syn)
			options->sack_permitted = true;
		break;
	case OPTION_HEAD(OPTION_TIMESTAMPS, 10):
		options->timestamps = true;
		options->value = get32(option + 2);
		options->echo = get32(option + 6);
		break;
	default:
		if (option[0] == OPTION_SACK && !syn)
			take_blocks(option, option[1], options);
	}
}

bool tcp_options_parse(const uint8_t *bytes, size_t len, bool syn, struct options *options_r)
{
	static const uint8_t usual[4] = {OPTION_NOP, OPTION_NOP, OPTION_TIMESTAMPS, 10};

	*options_r = (struct options){0};
	/* What nearly every segment carries (RFC 7323 appendix A). */
	if (len == OPTIONS_TIMESTAMP_BYTES && memcmp(bytes, usual, sizeof(usual)) == 0) {
		take(bytes + 2, syn, options_r);
		return true;
	}
	while (len > 0 && *bytes != OPTION_END) {
		size_t option = 1;

		if (*bytes != OPTION_NOP) {
			/* The length counts itself and the kind: what is less is as good as huge.
			 */
			if (len < 2 || bytes[1] - 2U > len - 2)
				return false;
			option = bytes[1];
			take(bytes, syn, options_r);
		}
		bytes += option;
		len -= option;
	}
	return true;
}
