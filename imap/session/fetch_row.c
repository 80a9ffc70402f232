/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <errno.h>

#include "check.h"

/* --- What the values are --- */

struct span fetch_prepared(enum fetch_kind kind, const struct mime_prep *prep)
{
	if (kind == FETCH_ENVELOPE)
		return mime_prep_envelope(prep);
	return kind == FETCH_BODY ? mime_prep_body(prep) : mime_prep_bodystructure(prep);
}

/* How a part is encoded. The message as a whole (BINARY[]) is not: its parts are. */
static enum mime_encoding encoding_of(const struct fetch_op *op, const struct mime_prep *prep,
				      uint32_t part)
{
	return op->depth == 0 ? MIME_BINARY : mime_part_encoding(prep, part);
}

static void partial_apply(const struct fetch_op *op, uint64_t size, struct fetch_value *value)
{
	value->pos = 0;
	value->end = size;
	if (!op->partial)
		return;
	value->pos = op->partial_off < size ? op->partial_off : size;
	if (op->partial_len < size - value->pos)
		value->end = value->pos + op->partial_len;
}

static bool identity(enum mime_encoding encoding)
{
	return encoding == MIME_7BIT || encoding == MIME_8BIT || encoding == MIME_BINARY;
}

int fetch_value_find(const struct session *session, const struct fetch_op *op,
		     const struct mime_prep *prep, uint32_t index, struct fetch_value *value)
{
	enum mime_encoding encoding;
	uint64_t size;

	value->at = value->pos = value->end = 0;
	value->cursor = value->in_off = 0;
	if (op->kind < FETCH_SECTION) {
		value->end = fetch_prepared((enum fetch_kind)op->kind, prep).len;
		return 0;
	}
	if (op->kind == FETCH_WHOLE) {
		value->extent = (struct mime_extent){0, store_view_size(session->view, index)};
		partial_apply(op, value->extent.len, value);
		return 0;
	}
	value->part = mime_part_find(prep, op->path, op->depth);
	if (value->part == MIME_PART_NONE ||
	    mime_section_extent(prep, value->part, op->section, &value->extent) != 0)
		return -ENOENT;
	size = value->extent.len;
	if (op->kind == FETCH_FIELDS) {
		size = mime_fields_size(prep, value->part, op->fields) +
		       (mime_fields_empty_line(prep, value->part) ? 2 : 0);
	} else if (op->kind >= FETCH_BINARY) {
		encoding = encoding_of(op, prep, value->part);
		if (encoding == MIME_ENCODING_UNKNOWN)
			return -ENOTSUP;
		if (!identity(encoding))
			size = mime_part_decoded_size(prep, value->part);
		value->decoder = (struct mime_decoder){.encoding = encoding};
	}
	partial_apply(op, size, value);
	return 0;
}

/* --- Gathering --- */

static void piece_add(struct fetch_row *row, struct span piece)
{
	row->bytes += piece.len;
	if (row->pieces_n < FETCH_ROW_PIECES_MAX)
		row->pieces[row->pieces_n++] = piece;
	else
		row->is_short = false;
}

/* A run of the message, `len` > 0. What lies behind its first bytes is only asked for once those
 * are on their way: then the row is not short. */
static int message_gather(struct session *session, struct fetch_row *row, uint32_t off,
			  uint32_t len)
{
	struct span bytes;
	int status = store_mail(session->engine->reader, session->view, row->index, off, len,
				&session->wait, &bytes);

	if (status != 0)
		return status == -EINVAL ? -EIO : status;
	row->is_short &= bytes.len == len;
	piece_add(row, bytes);
	return 0;
}

/* Stops where the row is seen to be long: a header may have a hundred thousand fields. */
static int fields_gather(struct session *session, struct fetch_row *row, const struct fetch_op *op,
			 uint32_t part, uint64_t *size_r)
{
	uint64_t before = row->bytes;
	struct mime_field_run run;
	uint32_t cursor = 0;
	int status = 0;

	while (status == 0 && mime_fields_next(&row->prep, part, op->fields, &cursor, &run)) {
		if (row->pieces_n == FETCH_ROW_PIECES_MAX ||
		    row->bytes > STREAM_RESERVE_BYTES_MAX) {
			row->is_short = false;
			return 0;
		}
		if (run.copy.ptr != NULL)
			piece_add(row, run.copy);
		else
			status = message_gather(session, row, run.extent.off, run.extent.len);
	}
	if (mime_fields_empty_line(&row->prep, part))
		piece_add(row, span_of("\r\n"));
	*size_r = row->bytes - before;
	return status;
}

/* The keywords of a message, with a space before each, at `p` if it is not NULL. Their length. */
static size_t keywords_write(const struct store_view *view, const struct store_flags *flags,
			     bool first, uint8_t *p)
{
	size_t len = 0;

	for (unsigned word = 0; word < 2; word++) {
		for (uint64_t left = flags->keywords[word]; left != 0; left &= left - 1) {
			unsigned k = word * 64 + (unsigned)__builtin_ctzll(left);
			struct span keyword = store_view_keyword(view, k);

			if (keyword.len == 0)
				continue;
			if (p != NULL) {
				p[len] = ' ';
				memcpy(p + len + !first, keyword.ptr, keyword.len);
			}
			len += keyword.len + !first;
			first = false;
		}
	}
	return len;
}

static int value_gather(struct session *session, const struct fetch *fetch,
			const struct fetch_op *op, struct fetch_row *row,
			struct fetch_row_value *of_row)
{
	struct fetch_value value;
	struct store_flags flags;
	int status;

	of_row->missing = false;
	switch ((enum fetch_kind)op->kind) {
	case FETCH_UID:
	case FETCH_DATE:
	case FETCH_SIZE:
		return 0;
	case FETCH_FLAGS:
		if (fetch->keywords) {
			store_view_flags(session->view, row->index, &flags);
			row->bytes += keywords_write(session->view, &flags, false, NULL);
		}
		return 0;
	case FETCH_ENVELOPE:
	case FETCH_BODY:
	case FETCH_BODYSTRUCTURE:
		piece_add(row, fetch_prepared((enum fetch_kind)op->kind, &row->prep));
		return 0;
	case FETCH_FIELDS:
		if (op->partial)
			break;
		value.part = mime_part_find(&row->prep, op->path, op->depth);
		/* A message always has a header, whatever is in it. */
		of_row->missing = value.part == MIME_PART_NONE ||
				  (value.part != MIME_PART_ROOT &&
				   mime_section_extent(&row->prep, value.part, MIME_SECTION_HEADER,
						       &value.extent) != 0);
		return of_row->missing ? 0
				       : fields_gather(session, row, op, value.part, &of_row->size);
	case FETCH_SECTION:
	case FETCH_WHOLE:
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		break;
	}
	status = fetch_value_find(session, op, &row->prep, row->index, &value);
	of_row->missing = status == -ENOENT;
	of_row->size = value.end - value.pos;
	if (status != 0 || op->kind == FETCH_BINARY_SIZE)
		return status == -ENOENT ? 0 : status;
	if ((op->kind == FETCH_SECTION || op->kind == FETCH_WHOLE) && of_row->size > 0)
		return message_gather(session, row, value.extent.off + (uint32_t)value.pos,
				      (uint32_t)of_row->size);
	/* The others do not make short rows; whether their message can be read is seen here. */
	row->is_short = false;
	return op->kind == FETCH_BINARY && value.extent.len > 0
		       ? message_gather(session, row, value.extent.off, value.extent.len)
		       : 0;
}

int fetch_gather(struct session *session, struct fetch *fetch, uint32_t index,
		 struct fetch_row *row)
{
	row->index = index;
	row->pieces_n = 0;
	row->bytes = 0;
	row->is_short = fetch->is_short;
	if (fetch->needs_prep) {
		struct span blob;
		int status = store_meta(session->engine->reader, session->view, index,
					&session->wait, &blob);

		if (status != 0)
			return status;
		row->prep = mime_prep_trust(blob);
	}
	for (uint32_t k = 0; k < fetch->ops_n; k++) {
		struct fetch_row_value *value = &row->values[k % FETCH_ROW_OPS_MAX];
		int status = value_gather(session, fetch, &fetch->ops[k], row, value);

		if (status != 0)
			return status;
		value->pieces_end = row->pieces_n;
	}
	row->is_short &=
		row->bytes + fetch->fixed_bytes + FETCH_ROW_FRAME_BYTES <= STREAM_RESERVE_BYTES_MAX;
	return 0;
}

/* --- Writing --- */

uint8_t *fetch_row_begin(uint8_t *p, uint32_t index)
{
	p = wire_put_bytes(p, "* ", 2);
	p = wire_put_u32(p, index + 1);
	return wire_put_bytes(p, " FETCH (", 8);
}

uint8_t *fetch_literal_begin(uint8_t *p, bool literal8, uint64_t size)
{
	if (literal8)
		*p++ = '~';
	*p++ = '{';
	p = wire_put_u64(p, size);
	return wire_put_bytes(p, "}\r\n", 3);
}

static uint8_t *flags_write(const struct session *session, uint32_t index, uint8_t *p)
{
	const struct session_text *text;
	struct store_flags flags;

	store_view_flags(session->view, index, &flags);
	text = &session->engine->flags[flags.system % 32];
	/* The whole array is copied: a length known to the compiler is one or two moves. */
	memcpy(p, text->bytes, sizeof(text->bytes));
	p += text->len;
	if ((flags.keywords[0] | flags.keywords[1]) != 0)
		p += keywords_write(session->view, &flags, text->len == 1, p);
	*p++ = ')';
	return p;
}

/* BINARY.SIZE of a part that is not there is 0: its grammar has no NIL. */
static uint64_t binary_size(const struct session *session, const struct fetch_op *op,
			    const struct mime_prep *prep, uint32_t index)
{
	struct fetch_value value;

	return fetch_value_find(session, op, prep, index, &value) == 0 ? value.end : 0;
}

uint8_t *fetch_plain_write(struct session *session, const struct fetch_op *op,
			   const struct mime_prep *prep, uint32_t index, uint8_t *p)
{
	struct store_date date;

	switch ((enum fetch_kind)op->kind) {
	case FETCH_UID:
		return wire_put_u64(p, store_view_uid(session->view, index));
	case FETCH_SIZE:
		return wire_put_u64(p, store_view_size(session->view, index));
	case FETCH_FLAGS:
		return flags_write(session, index, p);
	case FETCH_DATE:
		date = store_view_date(session->view, index);
		return wire_put_date(p, &session->engine->day, date.utc_s, date.zone_min);
	default:
		return wire_put_u64(p, binary_size(session, op, prep, index));
	}
}

bool fetch_row_write(struct session *session, const struct fetch *fetch,
		     const struct fetch_row *row, struct stream_out *out)
{
	const struct fetch_row_value *value = row->values;
	const struct span *piece = row->pieces;
	uint8_t *start, *p;

	ASSERT(row->is_short && fetch->ops_n <= FETCH_ROW_OPS_MAX);
	start = stream_reserve(out, row->bytes + fetch->fixed_bytes + FETCH_ROW_FRAME_BYTES);
	if (start == NULL)
		return false;
	p = fetch_row_begin(start, row->index);
	for (const struct fetch_op *op = fetch->ops; op < fetch->ops + fetch->ops_n;
	     op++, value++) {
		const struct span *pieces_end = row->pieces + value->pieces_end;

		p = wire_put_bytes(p, op->text, op->text_len);
		if (op->kind < FETCH_ENVELOPE || op->kind == FETCH_BINARY_SIZE)
			p = fetch_plain_write(session, op, &row->prep, row->index, p);
		else if (value->missing)
			p = wire_put_bytes(p, "NIL", 3);
		else if (op->kind >= FETCH_SECTION)
			p = fetch_literal_begin(p, false, value->size);
		for (; piece < pieces_end; piece++)
			p = wire_put_bytes(p, piece->ptr, piece->len);
	}
	p = wire_put_bytes(p, ")\r\n", 3);
	stream_commit(out, (size_t)(p - start));
	return true;
}
