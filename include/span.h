/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A span is a borrowed run of bytes. It owns nothing; the function that hands
 * one out says until when it may be read. Every folder may use it, any thread.
 */
#ifndef WIREMAP_SPAN_H
#define WIREMAP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *ptr;
	size_t len;
};

/* The bytes of a C string without its NUL. Lives as long as `s`. */
static inline struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

/* Equal byte for byte. */
static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII lower case; bytes above 0x7f are left alone, no locale is asked. */
static inline uint8_t span_lower(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

/* Equal when ASCII letters are folded (RFC 3501 section 9: strings of the grammar). */
static inline bool span_eq_fold(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (span_lower(a.ptr[i]) != span_lower(b.ptr[i]))
			return false;
	return true;
}

/* Where `s` ends; NULL for one without bytes that points nowhere, as C has no NULL + 0. */
static inline const uint8_t *span_end(struct span s)
{
	return s.len > 0 ? s.ptr + s.len : s.ptr;
}

/* The part of `s` from byte `off` on, at most `len` bytes; empty when off is past the end. */
static inline struct span span_cut(struct span s, size_t off, size_t len)
{
	if (s.len == 0) /* ptr may be NULL, and C adds nothing to that */
		return s;
	if (off >= s.len)
		return (struct span){span_end(s), 0};
	if (len > s.len - off)
		len = s.len - off;
	return (struct span){s.ptr + off, len};
}

#endif
