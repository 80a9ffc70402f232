/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENVELOPE (RFC 3501 section 7.4.2), gathered field by field while a header is read. One thread
 * at a time per scratch.
 */
#ifndef WIREMAP_MIME_ENVELOPE_H
#define WIREMAP_MIME_ENVELOPE_H

#include "address.h"
#include "name.h"

enum envelope_field {
	ENVELOPE_DATE,
	ENVELOPE_SUBJECT,
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_IN_REPLY_TO,
	ENVELOPE_MESSAGE_ID,
	ENVELOPE_FIELDS
};

/* A field that is not set is NIL. One of strings is as it will be sent; one of addresses begins a
 * chain of chunks, as repeated fields add up: copying them together each time would cost the
 * square of their number. */
struct envelope {
	struct piece fields[ENVELOPE_FIELDS];
	uint32_t last[ENVELOPE_FIELDS]; /* offset of the last chunk */
};

/* Takes a field; repeated addresses add up, of other fields the last counts. `text` is where the
 * pieces go. `value` is unfolded except for its LFs and has no NUL. */
void envelope_take(struct envelope *envelope, enum name_id name, struct span value,
		   struct address_scratch *scratch, struct bytes *text);

/* Whether a field of this name is part of an envelope. */
bool envelope_wants(enum name_id name);

/* Appends the parenthesised answer. */
void envelope_write(const struct envelope *envelope, const struct bytes *text, struct bytes *out);

#endif
