/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an export says of a message beyond what a Maildir or an mbox can say, so that an import of
 * it makes the same again. Words set apart by spaces, each left out where it says nothing:
 *
 *	utc=SECONDS	the date, where a file's time or a From_ line cannot say it
 *	zone=+HHMM	of the INTERNALDATE as it was given
 *	verbatim	line ends stay as they are; else each LF stands for CRLF
 *	keyword=NAME	one that has no letter
 *
 * They come back as foreign bytes; words that are not understood are passed over. Pure functions.
 */
#ifndef WIREMAPCTL_EXTRAS_H
#define WIREMAPCTL_EXTRAS_H

#include "buffer.h"
#include "store.h"

#define EXTRAS_FILE "wiremap-messages" /* in a folder of a Maildir */
#define EXTRAS_FIELD "X-Wiremap:"      /* before a message of an mbox */

struct extras {
	struct store_date date;
	bool dated; /* date.utc_s is given */
	bool zoned; /* date.zone_min is */
	bool verbatim;
	struct span keywords[STORE_KEYWORDS_MAX];
	unsigned keywords_n;
};

/* Adds the words, each with a space before it. False: no memory. */
bool extras_append(struct buffer *text, const struct extras *extras);
void extras_read(struct span text, struct extras *extras_r);

/* The words of each file of a folder: the lines of wiremap-messages, by name. */
struct extras_list {
	struct extras_line {
		struct span file, words;
	} * lines;
	size_t n, room;
};

/* 0 or -ENOMEM. Lines that are wrong are passed over. Borrows from the text. */
int extras_list_read(struct span text, struct extras_list *list_r);
/* The words of the file, whose flags may follow its name; none when it has no line. */
struct span extras_list_find(const struct extras_list *list, struct span file);
void extras_list_free(struct extras_list *list);

/*
 * A message as a file of lines that end in LF, when an import makes the same of it again; else
 * its own bytes, and `verbatim_r` is true. `bytes_r` is borrowed from the message or from `room`.
 * False: no memory.
 */
bool extras_lines(struct span message, struct buffer *room, struct span *bytes_r, bool *verbatim_r);

/* Whether the line is one an mbox may not hold as it is: From after any number of >. */
bool extras_from_line(struct span line);

#endif
