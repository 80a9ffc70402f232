/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail that comes from elsewhere. A source walks what it is given in a fixed order and hands every
 * message to a sink; what it cannot read it reports there and goes on.
 */
#ifndef WIREMAPCTL_SOURCE_H
#define WIREMAPCTL_SOURCE_H

#include "store.h"

enum { SOURCE_KEYWORDS_MAX = STORE_KEYWORDS_MAX };

struct source_message {
	struct span bytes; /* line ends as they are in the source; borrowed for the call */
	uint32_t uid;	   /* 0: none is known, or the sink did not take the identity */
	struct store_date date;
	bool verbatim; /* the sink leaves line ends as they are */
	bool dated;    /* else the sink looks into the message, then takes the date all the same */
	uint32_t system; /* enum store_flag */
	struct span keywords[SOURCE_KEYWORDS_MAX];
	unsigned keywords_n;
	const char *place; /* file, or file:line */
};

struct source_sink {
	/*
	 * Messages from now on lie in that mailbox; `name` is UTF-8 with STORE_SEPARATOR, empty
	 * for what lies in the path itself. These two return 0 to go on.
	 */
	int (*mailbox)(struct source_sink *sink, struct span name, uint32_t attributes);
	int (*message)(struct source_sink *sink, const struct source_message *message);
	/*
	 * What the mailbox's UIDs are worth, told between it and its messages; these come by
	 * rising UID, and then those without one.
	 */
	int (*identity)(struct source_sink *sink, const struct store_identity *identity,
			const char *place);
	/* Between those with UIDs and those without. */
	int (*uidnext)(struct source_sink *sink, uint32_t uidnext);
	/* Something could not be read; the walk goes on. */
	void (*skipped)(struct source_sink *sink, const char *place, const char *why);
	/* Something about mail, though not mail itself, could not be taken over. */
	void (*noted)(struct source_sink *sink, const char *place, const char *why);
	/* For the progress: `total` is set by the source before it walks, `done` as it goes. */
	uint64_t done, total;
	const char *unit; /* "messages" or "bytes" */
};

struct source_options {
	char separator; /* of a Maildir++ folder's name */
	bool mboxrd;
	bool flat; /* one mailbox for all */
};

/* Each returns 0 at the end, what the sink returned, or -errno: `path` itself cannot be read. */
int source_maildir(const char *path, const struct source_options *options,
		   struct source_sink *sink);
int source_mbox(const char *path, const struct source_options *options, struct source_sink *sink);
int source_eml(const char *path, const struct source_options *options, struct source_sink *sink);

#endif
