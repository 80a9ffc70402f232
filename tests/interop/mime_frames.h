/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages come in and answers go out as frames: a length in decimal, a line feed, that many
 * bytes. For the programs that mime_mail.py runs.
 */
#ifndef WIREMAP_TESTS_MIME_FRAMES_H
#define WIREMAP_TESTS_MIME_FRAMES_H

#include <stdio.h>
#include <stdlib.h>

#include "span.h"

/* The next message, the caller's to free; ptr NULL at the end. Ends the program on a bad frame. */
static inline struct span frame_read(void)
{
	size_t len;
	uint8_t *bytes;

	if (scanf("%zu", &len) != 1)
		return (struct span){NULL, 0};
	bytes = malloc(len + 1);
	if (getchar() != '\n' || bytes == NULL || fread(bytes, 1, len, stdin) != len) {
		fprintf(stderr, "a broken frame\n");
		exit(1);
	}
	return (struct span){bytes, len};
}

static inline void frame_write(const void *bytes, size_t len)
{
	printf("%zu\n", len);
	fwrite(bytes, 1, len, stdout);
}

#endif
