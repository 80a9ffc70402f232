/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From received bytes to commands. A command that arrived in one piece is read where it lies;
 * only of one that is cut are the bytes so far kept, in a buffer lent for so long.
 */
#include "engine.h"

#include <string.h>

static const char answer_literal[] = "BAD A literal does not belong here";

/* While a command runs or its answer is unsent, what follows it waits with the transport. */
static bool listens(const struct session *session)
{
	return !session->closing && session->bye == NULL && session->answer == NULL &&
	       (session->command == NULL || session->expect != SESSION_EXPECT_COMMAND);
}

/* The buffer goes back. Whatever came before login may hold a password. */
static void buffer_put(struct session *session)
{
	struct session_engine *engine = session->engine;
	uint8_t *buffer = session->input.buffer;

	if (buffer == NULL)
		return;
	if (session->state == SESSION_BEFORE_LOGIN)
		explicit_bzero(buffer, session->input.capacity);
	pool_put(pool_owns(&engine->blocks, buffer) ? &engine->blocks : &engine->buffers, buffer);
}

void session_input_reset(struct session *session)
{
	buffer_put(session);
	memset(&session->input, 0, sizeof(session->input));
}

/* Lends a buffer of at least `need` bytes. NULL, or why not. */
static const char *buffer_lend(struct session *session, uint32_t need)
{
	struct session_engine *engine = session->engine;
	uint8_t *old = session->input.buffer, *buffer;
	bool is_long = need > ENGINE_BLOCK_BYTES;

	if (is_long &&
	    (session->state == SESSION_BEFORE_LOGIN || need > engine->config.command_bytes_max))
		return answer_too_big;
	buffer = pool_get(is_long ? &engine->buffers : &engine->blocks);
	if (buffer == NULL)
		return answer_busy;
	wire_collector_buffer(&session->input, buffer,
			      is_long ? engine->config.command_bytes_max : ENGINE_BLOCK_BYTES);
	if (old != NULL)
		pool_put(&engine->blocks, old);
	return NULL;
}

/* The refused command has passed by. */
static void refused(struct session *session)
{
	session->answer = session->refusal;
	session->refusal = NULL;
	command_drop(session);
}

/* Decides about an announced literal. Returns bytes of the input that this takes. */
static size_t literal_take(struct session *session, struct span so_far)
{
	const char *answer = answer_literal;
	bool ended;
	size_t taken;

	if (session->expect == SESSION_EXPECT_COMMAND)
		answer = command_literal(session, so_far);
	if (answer == NULL) {
		if (session->input.synchronising)
			session->go_on = "OK";
		wire_collector_accept(&session->input);
		return 0;
	}
	session->refusal = answer;
	taken = wire_collector_refuse(&session->input, &ended);
	if (ended) {
		refused(session);
		session_input_reset(session);
	}
	return taken;
}

/* More room is needed for a half command. Returns bytes of the input that this takes. */
static size_t full_take(struct session *session, struct span in)
{
	const char *answer = buffer_lend(session, session->input.need);
	struct wire_cursor cursor;

	if (answer == NULL)
		return 0;
	/* The tag stands at the head of what was kept, else of what came now. */
	if (session->expect == SESSION_EXPECT_COMMAND) {
		cursor =
			wire_cursor_of(session->input.len > 0 ? (struct span){session->input.buffer,
									      session->input.len}
							      : in);
		command_tag_keep(session, &cursor);
	}
	session->refusal = answer;
	return wire_collector_skip(&session->input);
}

static void line_take(struct session *session, struct span line)
{
	if (session->expect == SESSION_EXPECT_COMMAND)
		command_take(session, line);
	else
		session->command->line(session, line);
}

/* One event of the collector. Returns the bytes taken. */
static size_t input_take(struct session *session, struct span in)
{
	struct span line;
	size_t taken;

	switch (wire_collect(&session->input, in, &taken, &line)) {
	case WIRE_EVENT_MORE:
		break;
	case WIRE_EVENT_COMMAND:
		line_take(session, line);
		wire_collector_done(&session->input);
		session_input_reset(session);
		break;
	case WIRE_EVENT_LITERAL:
		taken += literal_take(session, line);
		break;
	case WIRE_EVENT_FULL:
		taken += full_take(session, span_cut(in, taken, in.len));
		break;
	case WIRE_EVENT_SKIPPED:
		refused(session);
		wire_collector_done(&session->input);
		session_input_reset(session);
		break;
	}
	return taken;
}

size_t session_consume(struct stream_session *stream, const struct span *in, unsigned in_n)
{
	struct session *session = (struct session *)stream;
	size_t total = 0;

	if (session->state != SESSION_BEFORE_LOGIN)
		session->active_ns = session_now_ns(session);
	session->unread = false;
	for (unsigned k = 0; k < in_n; k++) {
		struct span rest = in[k];

		while (rest.len > 0 && listens(session)) {
			size_t taken = input_take(session, rest);

			total += taken;
			rest = span_cut(rest, taken, rest.len);
		}
		if (rest.len > 0) {
			session->unread = true;
			break;
		}
	}
	/* Behind the end of a conversation nothing is read: it must not close the window. */
	if (session->closing || session->bye != NULL) {
		for (total = 0; in_n > 0; in_n--)
			total += in[in_n - 1].len;
		session->unread = false;
	}
	return total;
}
