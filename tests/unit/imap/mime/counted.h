/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forced into every file of imap/mime for test_linear and test_memory: the library calls whose
 * cost depends on their input are counted by the bytes they look at, and memory can run out.
 */
#ifndef WIREMAP_TESTS_COUNTED_H
#define WIREMAP_TESTS_COUNTED_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *counted_memchr(const void *s, int c, size_t n);
int counted_memcmp(const void *a, const void *b, size_t n);
void *counted_memcpy(void *to, const void *from, size_t n);
void *counted_memmove(void *to, const void *from, size_t n);
void *counted_realloc(void *old, size_t n);
void *counted_malloc(size_t n);
void *counted_calloc(size_t count, size_t n);

#define memchr counted_memchr
#define memcmp counted_memcmp
#define memcpy counted_memcpy
#define memmove counted_memmove
#define realloc counted_realloc
#define malloc counted_malloc
#define calloc counted_calloc

#endif
