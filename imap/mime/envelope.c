/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include "quote.h"

enum form { FORM_NONE, FORM_UNFOLDED, FORM_WORDS, FORM_ADDRESSES };

static const struct {
	uint8_t field; /* enum envelope_field */
	uint8_t form;
} plan[NAME_IDS] = {
	[NAME_DATE] = {ENVELOPE_DATE, FORM_UNFOLDED},
	[NAME_SUBJECT] = {ENVELOPE_SUBJECT, FORM_WORDS},
	[NAME_FROM] = {ENVELOPE_FROM, FORM_ADDRESSES},
	[NAME_SENDER] = {ENVELOPE_SENDER, FORM_ADDRESSES},
	[NAME_REPLY_TO] = {ENVELOPE_REPLY_TO, FORM_ADDRESSES},
	[NAME_TO] = {ENVELOPE_TO, FORM_ADDRESSES},
	[NAME_CC] = {ENVELOPE_CC, FORM_ADDRESSES},
	[NAME_BCC] = {ENVELOPE_BCC, FORM_ADDRESSES},
	[NAME_IN_REPLY_TO] = {ENVELOPE_IN_REPLY_TO, FORM_UNFOLDED},
	[NAME_MESSAGE_ID] = {ENVELOPE_MESSAGE_ID, FORM_UNFOLDED},
};

bool envelope_wants(enum name_id name)
{
	return plan[name].form != FORM_NONE;
}

/* What stands before the bytes of a chunk. */
struct chunk {
	uint32_t next; /* offset; 0: none (no chunk but a first one is there) */
	uint32_t len;
};

static struct chunk chunk_get(const struct bytes *text, uint32_t off)
{
	struct chunk chunk;

	memcpy(&chunk, text->ptr + off, sizeof(chunk));
	return chunk;
}

static void chunk_put(struct bytes *text, uint32_t off, struct chunk chunk)
{
	memcpy(text->ptr + off, &chunk, sizeof(chunk));
}

static void addresses_take(struct envelope *envelope, unsigned field, struct span value,
			   struct address_scratch *scratch, struct bytes *text)
{
	uint32_t off = (uint32_t)text->len;
	struct chunk chunk = {0};

	bytes_add(text, &chunk, sizeof(chunk));
	if (!address_list_write(scratch, value, text)) {
		text->len = off;
		return;
	}
	if (text->failed)
		return;
	chunk.len = (uint32_t)(text->len - off - sizeof(chunk));
	chunk_put(text, off, chunk);
	if (envelope->fields[field].set) {
		chunk = chunk_get(text, envelope->last[field]);
		chunk.next = off;
		chunk_put(text, envelope->last[field], chunk);
	} else {
		envelope->fields[field] = (struct piece){.off = off, .set = 1};
	}
	envelope->last[field] = off;
}

void envelope_take(struct envelope *envelope, enum name_id name, struct span value,
		   struct address_scratch *scratch, struct bytes *text)
{
	unsigned field = plan[name].field;
	size_t start = text->len;

	if (plan[name].form == FORM_ADDRESSES) {
		addresses_take(envelope, field, value, scratch, text);
		return;
	}
	if (plan[name].form == FORM_WORDS)
		quote_words(text, value);
	else
		quote_unfolded(text, value);
	envelope->fields[field] = bytes_piece_from(text, start);
}

static void addresses_write(const struct bytes *text, uint32_t off, struct bytes *out)
{
	struct chunk chunk;

	bytes_add_byte(out, '(');
	do {
		chunk = chunk_get(text, off);
		bytes_add(out, text->ptr + off + sizeof(chunk), chunk.len);
		off = chunk.next;
	} while (off != 0);
	bytes_add_byte(out, ')');
}

static void field_write(const struct envelope *envelope, unsigned field, const struct bytes *text,
			struct bytes *out)
{
	struct piece piece = envelope->fields[field];
	bool is_address = field >= ENVELOPE_FROM && field <= ENVELOPE_BCC;
	struct span string = bytes_piece_span(text, piece);

	/* RFC 3501: no Sender or Reply-To means the From. */
	if (!piece.set && (field == ENVELOPE_SENDER || field == ENVELOPE_REPLY_TO))
		piece = envelope->fields[ENVELOPE_FROM];
	if (!piece.set)
		bytes_add(out, "NIL", 3);
	else if (is_address)
		addresses_write(text, piece.off, out);
	else
		bytes_add(out, string.ptr, string.len);
}

void envelope_write(const struct envelope *envelope, const struct bytes *text, struct bytes *out)
{
	for (unsigned field = 0; field < ENVELOPE_FIELDS; field++) {
		bytes_add_byte(out, field == 0 ? '(' : ' ');
		field_write(envelope, field, text, out);
	}
	bytes_add_byte(out, ')');
}
