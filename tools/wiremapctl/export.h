/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms an export can have. Each is told of every mailbox in the order of names, then of its
 * messages by rising UID. Calls return 0 or -errno, which ends the export.
 */
#ifndef WIREMAPCTL_EXPORT_H
#define WIREMAPCTL_EXPORT_H

#include "buffer.h"
#include "folders.h"
#include "store.h"
#include "target.h"

struct export
{
	struct target target;
	struct folders folders;
	/* Of the mailbox at hand. */
	unsigned number;
	struct store_mailbox_info info;
	const struct store_view *view; /* NULL: it holds no messages, and has no place */
	char *place;		       /* below the target */
	/* Of the message at hand. */
	uint32_t index;
	struct span message;
	/* The form's own. */
	struct buffer lines, text, extras, lists;
	int file;
};

struct export_form {
	/* Where the mailbox goes; the directory above must be there then. Caller frees. */
	int (*place)(struct export *export, char **place_r);
	int (*begin)(struct export *export);
	int (*message)(struct export *export);
	int (*end)(struct export *export); /* of the mailbox */
	int (*finish)(struct export *export);
};

extern const struct export_form export_maildir_form, export_mbox_form;

/* Whether a level of a name may be a part of a file's name as it is; its modified UTF-7 is added to
 * `to` in any case. -EINVAL: it may not; 0; -ENOMEM. */
int export_level(struct buffer *to, struct span level, char separator);

#endif
