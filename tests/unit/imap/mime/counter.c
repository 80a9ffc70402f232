/* SPDX-License-Identifier: Apache-2.0 */
#include "counter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

uint64_t counter_operations;
uint64_t counter_memory_left = UINT64_MAX;

void __sanitizer_cov_trace_pc(void);
void *counted_memchr(const void *s, int c, size_t n);
int counted_memcmp(const void *a, const void *b, size_t n);
void *counted_memcpy(void *to, const void *from, size_t n);
void *counted_memmove(void *to, const void *from, size_t n);
void *counted_realloc(void *old, size_t n);
void *counted_malloc(size_t n);
void *counted_calloc(size_t count, size_t n);

/* The compiler calls this in every basic block of imap/mime. */
void __sanitizer_cov_trace_pc(void)
{
	counter_operations++;
}

void *counted_memchr(const void *s, int c, size_t n)
{
	void *found = memchr(s, c, n);

	counter_operations += found == NULL ? n : (size_t)((char *)found - (const char *)s);
	return found;
}

int counted_memcmp(const void *a, const void *b, size_t n)
{
	counter_operations += n;
	return memcmp(a, b, n);
}

void *counted_memcpy(void *to, const void *from, size_t n)
{
	counter_operations += n;
	return memcpy(to, from, n);
}

void *counted_memmove(void *to, const void *from, size_t n)
{
	counter_operations += n;
	return memmove(to, from, n);
}

static bool is_refused(size_t n)
{
	counter_operations += n;
	return counter_memory_left-- == 0;
}

void *counted_realloc(void *old, size_t n)
{
	return is_refused(n) ? NULL : realloc(old, n);
}

void *counted_malloc(size_t n)
{
	return is_refused(n) ? NULL : malloc(n);
}

void *counted_calloc(size_t count, size_t n)
{
	return is_refused(count * n) ? NULL : calloc(count, n);
}
