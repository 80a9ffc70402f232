/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store.h"
#include "wire.h"

static int name_add(struct listing *listing, const char *prefix, const char *name)
{
	size_t bytes = strlen(prefix) + strlen(name) + 1;

	if (listing->n == listing->room) {
		size_t room = listing->room == 0 ? 64 : listing->room * 2;
		char **larger = realloc(listing->names, room * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		listing->names = larger;
		listing->room = room;
	}
	listing->names[listing->n] = malloc(bytes);
	if (listing->names[listing->n] == NULL)
		return -ENOMEM;
	snprintf(listing->names[listing->n++], bytes, "%s%s", prefix, name);
	return 0;
}

int listing_add(struct listing *listing, const char *path, const char *prefix, bool dotted)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int status = 0;

	if (directory == NULL)
		return -errno;
	errno = 0;
	while (status == 0 && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.' ||
		    (dotted && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
			status = name_add(listing, prefix, entry->d_name);
		errno = 0;
	}
	if (status == 0 && errno != 0)
		status = -errno;
	closedir(directory);
	return status;
}

/* By the number a name begins with, which is a time in a Maildir, then byte for byte. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	const char *x_name = strrchr(x, '/'), *y_name = strrchr(y, '/');
	unsigned long long x_number, y_number;
	int order;

	x_name = x_name != NULL ? x_name + 1 : x;
	y_name = y_name != NULL ? y_name + 1 : y;
	x_number = strtoull(x_name, NULL, 10);
	y_number = strtoull(y_name, NULL, 10);
	if (x_number != y_number)
		return x_number < y_number ? -1 : 1;
	order = strcmp(x_name, y_name);
	return order != 0 ? order : strcmp(x, y);
}

void listing_sort(struct listing *listing)
{
	if (listing->n > 0)
		qsort(listing->names, listing->n, sizeof(*listing->names), by_name);
}

int listing_read(const char *path, bool dotted, struct listing *listing_r)
{
	int status;

	*listing_r = (struct listing){0};
	status = listing_add(listing_r, path, "", dotted);
	if (status != 0)
		listing_free(listing_r);
	listing_sort(listing_r);
	return status;
}

void listing_free(struct listing *listing)
{
	for (size_t k = 0; k < listing->n; k++)
		free(listing->names[k]);
	free(listing->names);
	*listing = (struct listing){0};
}

bool path_is_directory(const char *path, bool follow)
{
	struct stat status;

	return (follow ? stat(path, &status) : lstat(path, &status)) == 0 &&
	       S_ISDIR(status.st_mode);
}

char *path_join(const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + strlen(name) + 2;
	char *path = malloc(bytes);

	if (path != NULL)
		snprintf(path, bytes, "%s/%s", directory, name);
	return path;
}

bool level_append(struct buffer *name, struct span level)
{
	size_t room = level.len * 9 / 8 + 4;
	int n;

	if (!buffer_reserve(name, room))
		return false;
	n = wire_utf7_decode(level, name->bytes + name->len, room);
	if (n >= 0 && memchr(name->bytes + name->len, STORE_SEPARATOR, (size_t)n) == NULL) {
		name->len += (size_t)n;
		return true;
	}
	for (size_t i = 0; i < level.len;) {
		size_t bytes = 1;
		char escaped[4];

		while (bytes < 4 && i + bytes < level.len && (level.ptr[i + bytes] & 0xc0) == 0x80)
			bytes++;
		if (wire_utf8_valid(span_cut(level, i, bytes)) && level.ptr[i] >= 0x20 &&
		    level.ptr[i] != 0x7f && level.ptr[i] != STORE_SEPARATOR) {
			if (!buffer_append(name, level.ptr + i, bytes))
				return false;
			i += bytes;
			continue;
		}
		snprintf(escaped, sizeof(escaped), "%%%02X", level.ptr[i++]);
		if (!buffer_append(name, escaped, 3))
			return false;
	}
	return true;
}
