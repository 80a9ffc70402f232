/* SPDX-License-Identifier: Apache-2.0 */
/* dovecot-keywords: names are lines' ends of the file and in bounds; a fault names a line of it. */
#include "check.h"
#include "dovecot.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dovecot_keywords keywords;
	struct dovecot_fault fault;
	unsigned long lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	dovecot_keywords_read((struct span){data, size}, &keywords, &fault);
	ASSERT((fault.why == NULL) == (fault.line == 0) && fault.line <= lines);
	for (unsigned k = 0; k < DOVECOT_LETTERS; k++) {
		struct span name = keywords.names[k];

		if (name.len == 0)
			continue;
		ASSERT(name.len <= STORE_KEYWORD_BYTES_MAX);
		ASSERT(name.ptr >= data && name.ptr + name.len <= data + size);
		ASSERT(memchr(name.ptr, '\n', name.len) == NULL);
	}
	return 0;
}
