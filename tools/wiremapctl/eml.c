/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "date.h"
#include "listing.h"

struct walk {
	struct source_sink *sink;
	struct buffer bytes;
	bool flat;
	bool count_only;
};

/* The date is the message's own: a file's time is that of an export or a copy. */
static int file_walk(struct walk *walk, const char *path)
{
	struct source_message message = {.place = path};
	int status;

	if (walk->count_only) {
		walk->sink->total++;
		return 0;
	}
	walk->sink->done++;
	status = buffer_read(&walk->bytes, path, STORE_MESSAGE_BYTES_MAX, &message.date.utc_s);
	if (status == -ENOMEM)
		return status;
	if (status != 0) {
		walk->sink->skipped(walk->sink, path, strerror(-status));
		return 0;
	}
	message.bytes = buffer_span(&walk->bytes);
	return walk->sink->message(walk->sink, &message);
}

static int directory_walk(struct walk *walk, const char *path, struct span name, unsigned depth);

static int child_walk(struct walk *walk, const char *path, struct span parent, const char *entry,
		      unsigned depth)
{
	char *child = path_join(path, entry);
	struct buffer name = {0};
	int status = 0;

	if (child == NULL || !buffer_append(&name, parent.ptr, parent.len) ||
	    (parent.len > 0 && !buffer_append(&name, "/", 1)) ||
	    !level_append(&name, span_of(entry)))
		status = -ENOMEM;
	else
		status = directory_walk(walk, child, buffer_span(&name), depth + 1);
	buffer_free(&name);
	free(child);
	return status;
}

/* Files first, so that a mailbox is finished before the next begins. */
static int directory_walk(struct walk *walk, const char *path, struct span name, unsigned depth)
{
	struct listing listing;
	int status = listing_read(path, false, &listing);

	if (status != 0 && depth > 0 && status != -ENOMEM) {
		if (!walk->count_only)
			walk->sink->skipped(walk->sink, path, strerror(-status));
		return 0;
	}
	if (status == 0 && !walk->count_only && (!walk->flat || depth == 0))
		status = walk->sink->mailbox(walk->sink, name, STORE_SUBSCRIBED);
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < listing.n && status == 0; k++) {
			char *child = path_join(path, listing.names[k]);

			if (child == NULL)
				status = -ENOMEM;
			else if (path_is_directory(child, false) != (pass == 1))
				status = 0;
			else if (pass == 0)
				status = file_walk(walk, child);
			else if (depth + 1 < STORE_DEPTH_MAX)
				status = child_walk(walk, path, name, listing.names[k], depth);
			free(child);
		}
	listing_free(&listing);
	return status;
}

int source_eml(const char *path, const struct source_options *options, struct source_sink *sink)
{
	struct walk walk = {.sink = sink, .flat = options->flat, .count_only = true};
	struct span root = {NULL, 0};
	struct stat stat_r;
	int status = 0;

	sink->unit = "messages";
	if (stat(path, &stat_r) != 0)
		return -errno;
	if (S_ISDIR(stat_r.st_mode)) {
		status = directory_walk(&walk, path, root, 0);
		walk.count_only = false;
		if (status == 0)
			status = directory_walk(&walk, path, root, 0);
	} else {
		sink->total = 1;
		walk.count_only = false;
		status = sink->mailbox(sink, root, STORE_SUBSCRIBED);
		if (status == 0)
			status = file_walk(&walk, path);
	}
	buffer_free(&walk.bytes);
	return status;
}
