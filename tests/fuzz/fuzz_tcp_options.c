/* SPDX-License-Identifier: Apache-2.0 */
/* TCP options: whatever is accepted is within bounds, and what we write of it reads the same. */
#include "check.h"
#include "options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t written[OPTIONS_BYTES_MAX];
	struct options options, again;
	bool syn = size > 0 && data[0] & 1;

	if (size == 0)
		return 0;
	if (!tcp_options_parse(data + 1,
			       size - 1 < OPTIONS_BYTES_MAX ? size - 1 : OPTIONS_BYTES_MAX, syn,
			       &options))
		return 0;
	ASSERT(options.shift <= OPTIONS_SHIFT_MAX);
	ASSERT(syn || (options.mss == 0 && !options.scaling));
	ASSERT(tcp_options_parse(written, tcp_options_write(&options, written), true, &again));
	ASSERT(again.mss == options.mss && again.scaling == options.scaling);
	ASSERT(again.shift == options.shift && again.timestamps == options.timestamps);
	ASSERT(!syn || options.blocks_n == 0);
	ASSERT(options.blocks_n <= OPTIONS_BLOCKS_MAX);
	ASSERT(again.sack_permitted == options.sack_permitted);
	ASSERT(again.value == options.value && again.echo == options.echo);
	return 0;
}
