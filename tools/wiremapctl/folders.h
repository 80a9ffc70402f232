/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `wiremap-folders` at the root of an export: which mailbox is in which folder, and what
 * neither a Maildir nor an mbox says of it. A line for each mailbox:
 *
 *	wiremap-folders 1
 *	PLACE <tab> ATTRIBUTES <tab> NAME
 *
 * PLACE is the folder's or file's path below the root, "." for the root itself, "-" where there is
 * none; ATTRIBUTES are words with commas, or "-"; NAME is UTF-8. An import asks it by the place, so
 * that names no directory can have come back; what is not in it has the name its place says.
 */
#ifndef WIREMAPCTL_FOLDERS_H
#define WIREMAPCTL_FOLDERS_H

#include "buffer.h"
#include "source.h"

#define FOLDERS_FILE "wiremap-folders"
/* No mailbox of another name has a folder that begins so; the mailbox's number follows. */
#define FOLDERS_PLACEHOLDER "wiremap-"

struct folders_line {
	struct span place, name;
	uint32_t attributes; /* enum store_mailbox_attribute */
};

/* Writing adds to `text`, reading finds the lines in it. */
struct folders {
	struct buffer text;
	struct folders_line *lines; /* by place */
	size_t n, room;
};

bool folders_begin(struct folders *folders);
bool folders_append(struct folders *folders, const struct folders_line *line);
/* What was added, in that order: the line at `*at`, which becomes that of the next; 0 is the first.
 * False: there are no more. */
bool folders_written(const struct folders *folders, size_t *at, struct folders_line *line_r);

/* Reads ROOT/wiremap-folders; lines that are wrong are passed over. 0, also when there is none;
 * -EBADMSG: it is of another kind; -errno. Then it is empty. */
int folders_load(struct folders *folders_r, const char *root);
/* NULL: there is none. */
const struct folders_line *folders_find(const struct folders *folders, struct span place);
/* Tells the sink of the names that no folder or file stands for. 0, or what the sink says. */
int folders_rest(const struct folders *folders, struct source_sink *sink);
void folders_free(struct folders *folders);

#endif
