/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of commands, framed whole and in pieces: both ways must see the same commands. Then
 * every parser of the grammar over each command and over a cut of it.
 * The first byte chooses the pieces, the second the longest command.
 */
#include <stdlib.h>

#include "check.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t hash;
	unsigned commands, dropped;
};

/* Lends exactly what is asked for, so that a byte written too far is seen. */
static void lend(struct wire_collector *collector)
{
	uint8_t *old = collector->buffer;
	uint8_t *buffer = malloc(collector->need);

	ASSERT(collector->need > collector->capacity);
	wire_collector_buffer(collector, buffer, collector->need);
	free(old);
}

static void command_seen(struct seen *seen, struct span command, size_t limit)
{
	if (command.len > limit) {
		seen->dropped++;
		return;
	}
	seen->commands++;
	for (size_t i = 0; i < command.len; i++)
		seen->hash = (seen->hash ^ command.ptr[i]) * 1099511628211u;
}

/* One call. Returns the bytes taken. */
static size_t collect_once(struct wire_collector *collector, struct span in, size_t limit,
			   struct seen *seen, enum wire_event *event_r)
{
	struct span command;
	size_t taken;
	bool ended;

	*event_r = wire_collect(collector, in, &taken, &command);
	switch (*event_r) {
	case WIRE_EVENT_MORE:
		ASSERT(taken == in.len);
		break;
	case WIRE_EVENT_COMMAND:
		command_seen(seen, command, limit);
		wire_collector_done(collector);
		break;
	case WIRE_EVENT_LITERAL:
		if (collector->literal < limit && command.len + collector->literal < limit) {
			wire_collector_accept(collector);
			break;
		}
		taken += wire_collector_refuse(collector, &ended);
		seen->dropped += ended;
		break;
	case WIRE_EVENT_FULL:
		if (collector->need <= limit)
			lend(collector);
		else
			taken += wire_collector_skip(collector);
		break;
	case WIRE_EVENT_SKIPPED:
		seen->dropped++;
		wire_collector_done(collector);
		break;
	}
	ASSERT(taken <= in.len);
	return taken;
}

/* Every piece lies in memory of its own. */
static struct seen stream_collect(struct span stream, size_t piece, size_t limit)
{
	struct wire_collector collector = {0};
	struct seen seen = {0};
	size_t at = 0, end = 0;

	while (end < stream.len) {
		enum wire_event event = WIRE_EVENT_COMMAND;

		end = piece < stream.len - end ? end + piece : stream.len;
		while (event != WIRE_EVENT_MORE) {
			uint8_t *copy = malloc(end - at);

			memcpy(copy, stream.ptr + at, end - at);
			at += collect_once(&collector, (struct span){copy, end - at}, limit, &seen,
					   &event);
			free(copy);
		}
		ASSERT(at == end);
	}
	free(collector.buffer);
	return seen;
}

static void moved_check(struct span in, const struct wire_cursor *cursor, int rc)
{
	ASSERT(cursor->end == in.ptr + in.len);
	if (rc > 0)
		ASSERT(cursor->ptr == in.ptr + rc && cursor->ptr <= cursor->end);
	else
		ASSERT(cursor->ptr == in.ptr && (rc == WIRE_BAD || rc == WIRE_NEED_MORE));
}

static int string_parse(struct span in, int (*parse)(struct wire_cursor *, struct wire_string *))
{
	struct wire_cursor cursor = wire_cursor_of(in);
	struct wire_string string;
	int rc = parse(&cursor, &string);

	moved_check(in, &cursor, rc);
	if (rc > 0) {
		uint8_t *out = malloc(string.raw.len + 1);
		size_t n = wire_string_copy(&string, out, string.raw.len);

		ASSERT(n <= string.raw.len && (string.escaped || n == string.raw.len));
		ASSERT(memchr(out, '\0', n) == NULL);
		free(out);
	}
	return rc;
}

static int word_parse(struct span in, int (*parse)(struct wire_cursor *, struct span *))
{
	struct wire_cursor cursor = wire_cursor_of(in);
	struct span word;
	int rc = parse(&cursor, &word);

	moved_check(in, &cursor, rc);
	ASSERT(rc < 0 || (word.ptr == in.ptr && word.len == (size_t)rc));
	return rc;
}

static int fetch_parse(struct span in)
{
	struct wire_cursor cursor = wire_cursor_of(in);
	struct wire_fetch fetch;
	int rc = wire_fetch_att(&cursor, &fetch);

	moved_check(in, &cursor, rc);
	if (rc > 0) {
		bool fields = fetch.section == WIRE_SECTION_FIELDS ||
			      fetch.section == WIRE_SECTION_FIELDS_NOT;

		ASSERT(fetch.depth <= WIRE_PATH_DEPTH_MAX);
		for (uint32_t i = 0; i < fetch.depth; i++)
			ASSERT(fetch.path[i] > 0);
		ASSERT(fields == (fetch.names_n > 0) && fields == (fetch.names.len > 0));
		ASSERT(!fetch.partial || fetch.partial_len > 0);
	}
	return rc;
}

static int rest_parse(struct span in, unsigned which)
{
	struct wire_cursor cursor = wire_cursor_of(in);
	struct wire_string string;
	struct span bytes;
	uint64_t number;
	bool flag;
	int rc;

	if (which == 0)
		rc = wire_nstring(&cursor, &string, &flag);
	else if (which == 1)
		rc = wire_literal(&cursor, &bytes, &flag);
	else if (which == 2)
		rc = wire_number(&cursor, UINT32_MAX, &number);
	else
		rc = wire_space(&cursor);
	moved_check(in, &cursor, rc);
	return rc;
}

enum { PARSERS = 11 };

static int any_parse(struct span in, unsigned which)
{
	switch (which) {
	case 0:
		return word_parse(in, wire_tag);
	case 1:
		return word_parse(in, wire_atom);
	case 2:
		return string_parse(in, wire_astring);
	case 3:
		return string_parse(in, wire_string);
	case 4:
		return string_parse(in, wire_list_mailbox);
	case 5:
	case 6:
		return fetch_parse(in);
	default:
		return rest_parse(in, which - 7);
	}
}

/* At every place of the stream, as a command might have led there; and cut. */
static void stream_parse(struct span stream, size_t cut)
{
	for (size_t at = 0; at < stream.len; at++) {
		struct span rest = span_cut(stream, at, stream.len);
		size_t n = cut < rest.len ? cut : rest.len;
		uint8_t *copy = malloc(n);

		memcpy(copy, rest.ptr, n);
		for (unsigned which = 0; which < PARSERS; which++) {
			int whole = any_parse(rest, which);
			int part = any_parse((struct span){copy, n}, which);

			ASSERT(part == WIRE_NEED_MORE || part == whole);
		}
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span stream;
	struct seen whole, pieces;
	size_t limit;

	if (size < 3 || size > 4096)
		return 0;
	stream = (struct span){data + 2, size - 2};
	limit = 16 + data[1] * 8;
	whole = stream_collect(stream, stream.len, limit);
	pieces = stream_collect(stream, 1 + data[0] % 32, limit);
	ASSERT(whole.hash == pieces.hash && whole.commands == pieces.commands);
	ASSERT(whole.dropped == pieces.dropped);
	if (stream.len <= 128)
		stream_parse(stream, 1 + data[0] % 64);
	return 0;
}
