/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session says, in its order: greeting, continuation request, the running command's
 * answer, its tagged line, BYE. Each piece stays due until it is written whole.
 */
#include "engine.h"

#include <string.h>

#include "check.h"

/* Writes one line, or nothing when there is no room: then false. */
static bool say(struct stream_out *out, struct span prefix, const char *text)
{
	struct span words = span_of(text);
	size_t len = prefix.len + 1 + words.len + 2;
	uint8_t *p = stream_reserve(out, len);

	if (p == NULL)
		return false;
	p = wire_put_bytes(p, prefix.ptr, prefix.len);
	*p++ = ' ';
	p = wire_put_bytes(p, words.ptr, words.len);
	wire_put_bytes(p, "\r\n", 2);
	stream_commit(out, len);
	return true;
}

static enum step rows_produce(struct session *session, struct stream_out *out,
			      const struct stream_budget *budget)
{
	struct session_engine *engine = session->engine;
	uint64_t until_ns = clock_now_ns(engine->env.clock) + budget->ns;

	for (uint32_t items = 0; items < budget->items; items++) {
		struct wire_text text = {.ptr = engine->row, .capacity = sizeof(engine->row)};
		enum row row;
		struct span rest;

		session->row_next = session->row + 1;
		row = session->command->row(session, &text);
		if (row == ROW_WAIT || row == ROW_END)
			return row == ROW_WAIT ? STEP_WAIT : STEP_END;
		if (row == ROW_AGAIN)
			return STEP_MORE;
		ASSERT(!text.full && session->row_off <= text.len);
		rest = span_cut((struct span){text.ptr, text.len}, session->row_off, text.len);
		session->row_off += (uint32_t)stream_put(out, rest);
		if (session->row_off < text.len)
			return STEP_MORE;
		session->row_off = 0;
		session->row = session->row_next;
		if (clock_now_ns(engine->env.clock) > until_ns)
			return STEP_MORE;
	}
	return STEP_MORE;
}

static enum step command_produce(struct session *session, struct stream_out *out,
				 const struct stream_budget *budget)
{
	if (session->expect != SESSION_EXPECT_COMMAND)
		return STEP_END;
	if (session_waits(session))
		return STEP_WAIT;
	return session->command->step != NULL ? session->command->step(session, out, budget)
					      : rows_produce(session, out, budget);
}

/* Before login many bad commands are no accident: something speaks another protocol. */
static void bad_count(struct session *session)
{
	session->engine->stats.commands_bad++;
	if (session->state != SESSION_BEFORE_LOGIN)
		return;
	if (++session->bad_n == SESSION_BAD_MAX)
		session_bye(session, "Too many commands that are none");
}

static bool answer_say(struct session *session, struct stream_out *out)
{
	struct span tag = {session->tag, session->tag_len};

	if (tag.len == 0)
		tag = span_of("*");
	if (!say(out, tag, session->answer))
		return false;
	if (strncmp(session->answer, "BAD", 3) == 0)
		bad_count(session);
	session->answer = NULL;
	session->closing |= session->leaving;
	return true;
}

static enum step speak(struct session *session, struct stream_out *out,
		       const struct stream_budget *budget)
{
	if (!session->greeted) {
		if (!say(out, span_of("* OK"), session->engine->greeting[session->may_login]))
			return STEP_MORE;
		session->greeted = true;
	}
	if (session->go_on != NULL) {
		if (!say(out, span_of("+"), session->go_on))
			return STEP_MORE;
		session->go_on = NULL;
	}
	if (session->command != NULL && session->answer == NULL) {
		enum step step = command_produce(session, out, budget);

		if (step != STEP_END)
			return step;
		if (session->expect == SESSION_EXPECT_COMMAND) {
			ASSERT(session->answer != NULL);
			command_drop(session);
		}
	}
	if (session->answer != NULL && !answer_say(session, out))
		return STEP_MORE;
	if (session->bye != NULL && !session->closing) {
		if (!say(out, span_of("* BYE"), session->bye))
			return STEP_MORE;
		session->closing = true;
	}
	return STEP_END;
}

struct stream_verdict session_produce(struct stream_session *stream, struct stream_out *out,
				      const struct stream_budget *budget)
{
	struct session *session = (struct session *)stream;
	const uint8_t *cur = out->cur;
	enum step step = STEP_END;

	/* Whoever waits for the client, a worker or the clock is told at once. */
	if (session->bye != NULL && session->command != NULL &&
	    (session->expect != SESSION_EXPECT_COMMAND || session_waits(session)))
		command_drop(session);
	if (!session->closing)
		step = speak(session, out, budget);
	if (store_reader_release(session->engine->reader) != 0) {
		/* A page was lost while it was copied: what was said may hold zeros there. */
		session->engine->stats.data_lost++;
		session->transport->ops->abort(session->transport, session->ref);
		return (struct stream_verdict){.state = STREAM_CLOSE};
	}
	if (out->cur != cur && session->state != SESSION_BEFORE_LOGIN)
		session->active_ns = session_now_ns(session);
	if (session->closing)
		return (struct stream_verdict){.state = STREAM_CLOSE};
	if (step == STEP_MORE)
		return (struct stream_verdict){.state = STREAM_MORE};
	if (step == STEP_WAIT)
		return (struct stream_verdict){.state = STREAM_WAIT};
	if (session->ended && !session->unread)
		return (struct stream_verdict){.state = STREAM_CLOSE};
	return (struct stream_verdict){.state = STREAM_DONE};
}
