/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are too long for one run. Everything that is not kept in struct fetch is found
 * again in each call: nothing of a message is pinned while the peer does not read.
 */
#include "fetch.h"

#include <errno.h>

enum {
	/* Looks at the clock while it sends one header field after the other. */
	RUNS_PER_LOOK = 64,
};

/* What data_write() and its leaves return besides -errno. */
enum progress { PROGRESS_STOPPED, PROGRESS_FINISHED };

/* One call of fetch_part_write(). */
struct writer {
	struct session *session;
	struct fetch *fetch;
	const struct fetch_op *op;
	struct mime_prep prep;
	struct stream_out *out;
	uint64_t until_ns;
};

static int message_bytes(const struct writer *writer, uint32_t off, uint64_t len,
			 struct span *bytes_r)
{
	struct session *session = writer->session;
	int status = store_mail(session->engine->reader, session->view, writer->fetch->index, off,
				(uint32_t)len, &session->wait, bytes_r);

	return status == -EINVAL ? -EIO : status;
}

/* Sends a piece of the data. False: not all of it went. */
static bool piece_put(const struct writer *writer, struct span piece)
{
	size_t taken = stream_put(writer->out, piece);

	writer->fetch->value.pos += taken;
	return taken == piece.len;
}

static int section_write(const struct writer *writer)
{
	struct fetch_value *value = &writer->fetch->value;

	while (value->pos < value->end) {
		struct span bytes;
		int status = message_bytes(writer, value->extent.off + (uint32_t)value->pos,
					   value->end - value->pos, &bytes);

		if (status != 0)
			return status;
		if (!piece_put(writer, bytes))
			return PROGRESS_STOPPED;
	}
	return PROGRESS_FINISHED;
}

static bool time_is_up(const struct writer *writer)
{
	return clock_now_ns(writer->session->engine->env.clock) > writer->until_ns;
}

static int fields_write(const struct writer *writer)
{
	struct fetch_value *value = &writer->fetch->value;

	for (unsigned runs = 1; value->pos < value->end; runs++) {
		struct mime_field_run run;
		uint32_t cursor = value->cursor, len, skip;
		bool more = mime_fields_next(&writer->prep, value->part, writer->op->fields,
					     &cursor, &run);
		struct span piece;

		if (runs % RUNS_PER_LOOK == 0 && time_is_up(writer))
			return PROGRESS_STOPPED;
		/* Behind the last field stands the empty line. */
		if (!more)
			run.copy = span_of("\r\n");
		len = run.copy.ptr != NULL ? (uint32_t)run.copy.len : run.extent.len;
		if (value->at + len <= value->pos) {
			if (!more)
				return -EIO;
			value->at += len;
			value->cursor = cursor;
			continue;
		}
		skip = (uint32_t)(value->pos - value->at);
		if (run.copy.ptr != NULL) {
			piece = span_cut(run.copy, skip, len);
		} else {
			int status =
				message_bytes(writer, run.extent.off + skip, len - skip, &piece);

			if (status != 0)
				return status;
		}
		piece = span_cut(piece, 0, (size_t)(value->end - value->pos));
		if (!piece_put(writer, piece))
			return PROGRESS_STOPPED;
	}
	return PROGRESS_FINISHED;
}

/*
 * Decodes the next bytes of the part into `out`, which are byte value->at of the data on.
 * Returns how many, or -errno.
 */
static int decode(const struct writer *writer, uint8_t *out, size_t out_len)
{
	struct fetch_value *value = &writer->fetch->value;
	uint32_t left = value->extent.len - value->in_off;
	struct span in = {NULL, 0};
	size_t taken, n;

	if (left > 0) {
		int status = message_bytes(writer, value->extent.off + value->in_off, left, &in);

		if (status != 0)
			return status;
	}
	n = mime_decode(&value->decoder, in, in.len == left, out, out_len, &taken);
	if (n == 0 && taken == 0)
		return -EIO;
	value->in_off += (uint32_t)taken;
	value->at += n;
	return (int)n;
}

/* A partial fetch decodes from the part's beginning: the state at its offset is not known. */
static int binary_skip(const struct writer *writer)
{
	struct session_engine *engine = writer->session->engine;
	const struct fetch_value *value = &writer->fetch->value;

	while (value->at < value->pos) {
		uint64_t left = value->pos - value->at;
		int n = decode(writer, engine->temp,
			       left < sizeof(engine->temp) ? (size_t)left : sizeof(engine->temp));

		if (n < 0)
			return n;
		if (time_is_up(writer))
			return PROGRESS_STOPPED;
	}
	return PROGRESS_FINISHED;
}

static int binary_write(const struct writer *writer)
{
	struct fetch_value *value = &writer->fetch->value;
	int status = binary_skip(writer);

	if (status != PROGRESS_FINISHED)
		return status;
	while (value->pos < value->end) {
		uint64_t left = value->end - value->pos;
		uint8_t *p = stream_reserve(writer->out, 1);
		size_t room;
		int n;

		if (p == NULL)
			return PROGRESS_STOPPED;
		room = (size_t)(writer->out->end - p);
		n = decode(writer, p, left < room ? (size_t)left : room);
		if (n < 0)
			return n;
		stream_commit(writer->out, (size_t)n);
		value->pos += (unsigned)n;
	}
	return PROGRESS_FINISHED;
}

static bool is_decoded(const struct mime_decoder *decoder)
{
	return decoder->encoding == MIME_BASE64 || decoder->encoding == MIME_QUOTED_PRINTABLE;
}

/* Decoded bytes may hold NUL, which only a literal8 carries (RFC 3516 section 4.3). */
static bool is_literal8(const struct fetch_op *op, const struct fetch_value *value)
{
	return op->kind == FETCH_BINARY && op->depth > 0 &&
	       (is_decoded(&value->decoder) || value->decoder.encoding == MIME_BINARY);
}

static int data_write(const struct writer *writer)
{
	struct session *session = writer->session;
	struct fetch *fetch = writer->fetch;
	struct fetch_value *value = &fetch->value;
	struct span whole;
	uint8_t *end;

	switch ((enum fetch_kind)writer->op->kind) {
	case FETCH_FLAGS:
		end = fetch_plain_write(session, writer->op, NULL, fetch->index,
					session->engine->row);
		whole = (struct span){session->engine->row, (size_t)(end - session->engine->row)};
		break;
	case FETCH_ENVELOPE:
	case FETCH_BODY:
	case FETCH_BODYSTRUCTURE:
		whole = fetch_prepared((enum fetch_kind)writer->op->kind, &writer->prep);
		break;
	case FETCH_FIELDS:
		return fields_write(writer);
	case FETCH_BINARY:
		return is_decoded(&value->decoder) ? binary_write(writer) : section_write(writer);
	default:
		return section_write(writer);
	}
	return piece_put(writer, span_cut(whole, (size_t)value->pos, whole.len)) ? PROGRESS_FINISHED
										 : PROGRESS_STOPPED;
}

/* Begins an op's value, which is all of it where it has no data. */
static int value_write(const struct writer *writer)
{
	struct fetch *fetch = writer->fetch;
	const struct fetch_op *op = writer->op;
	struct fetch_value *value = &fetch->value;
	uint8_t *start = stream_reserve(writer->out, FETCH_VALUE_BYTES_MAX), *p = start;
	int status = 0;

	if (start == NULL)
		return PROGRESS_STOPPED;
	*value = (struct fetch_value){0};
	if (op->kind >= FETCH_ENVELOPE)
		status = fetch_value_find(writer->session, op, &writer->prep, fetch->index, value);
	if (status != 0 && status != -ENOENT)
		return -EIO;
	if (op->kind == FETCH_FLAGS) {
		fetch->place = FETCH_PLACE_DATA;
	} else if (op->kind < FETCH_ENVELOPE || op->kind == FETCH_BINARY_SIZE) {
		p = fetch_plain_write(writer->session, op, &writer->prep, fetch->index, p);
	} else if (status == -ENOENT) {
		p = wire_put_bytes(p, "NIL", 3);
	} else {
		fetch->place = FETCH_PLACE_DATA;
		if (op->kind >= FETCH_SECTION)
			p = fetch_literal_begin(p, is_literal8(op, value), value->end - value->pos);
	}
	stream_commit(writer->out, (size_t)(p - start));
	return PROGRESS_FINISHED;
}

/* Goes on in an op where it was left. */
static int op_write(const struct writer *writer)
{
	struct fetch *fetch = writer->fetch;
	struct span text = {writer->op->text, writer->op->text_len};
	int status = PROGRESS_FINISHED;

	if (fetch->place == FETCH_PLACE_TEXT) {
		fetch->text_off += (uint32_t)stream_put(writer->out,
							span_cut(text, fetch->text_off, text.len));
		if (fetch->text_off < text.len)
			return PROGRESS_STOPPED;
		fetch->place = FETCH_PLACE_VALUE;
	}
	if (fetch->place == FETCH_PLACE_VALUE)
		status = value_write(writer);
	if (status == PROGRESS_FINISHED && fetch->place == FETCH_PLACE_DATA)
		status = data_write(writer);
	return status;
}

static bool row_open(const struct writer *writer)
{
	struct fetch *fetch = writer->fetch;
	uint8_t *start = stream_reserve(writer->out, FETCH_ROW_FRAME_BYTES);

	if (start == NULL)
		return false;
	stream_commit(writer->out, (size_t)(fetch_row_begin(start, fetch->index) - start));
	fetch->op = fetch->text_off = 0;
	fetch->place = FETCH_PLACE_TEXT;
	return true;
}

static bool row_close(const struct writer *writer)
{
	static const char text[] = ")\r\n";
	uint8_t *start = stream_reserve(writer->out, sizeof(text) - 1);

	if (start == NULL)
		return false;
	wire_put_bytes(start, text, sizeof(text) - 1);
	stream_commit(writer->out, sizeof(text) - 1);
	writer->fetch->place = FETCH_PLACE_ROW;
	return true;
}

int fetch_part_write(struct session *session, struct fetch *fetch, struct stream_out *out,
		     uint64_t until_ns)
{
	struct writer writer = {session, fetch, NULL, {{NULL, 0}}, out, until_ns};

	if (fetch->needs_prep) {
		struct span blob;
		int status = store_meta(session->engine->reader, session->view, fetch->index,
					&session->wait, &blob);

		if (status != 0)
			return status;
		writer.prep = mime_prep_trust(blob);
	}
	if (fetch->place == FETCH_PLACE_ROW && !row_open(&writer))
		return PROGRESS_STOPPED;
	for (; fetch->op < fetch->ops_n; fetch->op++) {
		int status;

		writer.op = &fetch->ops[fetch->op];
		status = op_write(&writer);
		if (status != PROGRESS_FINISHED)
			return status;
		fetch->place = FETCH_PLACE_TEXT;
		fetch->text_off = 0;
	}
	return row_close(&writer) ? PROGRESS_FINISHED : PROGRESS_STOPPED;
}
