/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a directory, sorted; what begins with a dot only where it is asked for. */
#ifndef WIREMAPCTL_LISTING_H
#define WIREMAPCTL_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

struct listing {
	char **names;
	size_t n, room;
};

/* 0, or -errno. `dotted`: hidden names, too, but for . and .. */
int listing_read(const char *path, bool dotted, struct listing *listing_r);
/* Adds the names of another directory. */
int listing_add(struct listing *listing, const char *path, const char *prefix, bool dotted);
void listing_sort(struct listing *listing);
void listing_free(struct listing *listing);

/* `follow`: also through a symbolic link. Whoever descends does not follow: links make loops. */
bool path_is_directory(const char *path, bool follow);
/* "a/b" from "a" and "b". Caller frees; NULL: no memory. */
char *path_join(const char *directory, const char *name);

/* A file's or a folder's name as a level of a mailbox's name: modified UTF-7 is decoded where it
 * is that, bytes that are not UTF-8 and control characters become %XX. False: no memory. */
bool level_append(struct buffer *name, struct span level);

#endif
