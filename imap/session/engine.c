/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "commands.h"

enum {
	NS_PER_MS = 1000000,
	MS_PER_S = 1000,
	/* Pages and messages that workers fetch for this core at one time. */
	STORE_JOBS_MAX = 256,
	COMMAND_BYTES_MIN = 8192, /* RFC 7162 section 4: lines clients may rightly send */
	COMMAND_BYTES_MAX = 1 << 24,
	GREETING_BYTES_MAX = 200,
};

static const char answer_too_much[] = "NO [LIMIT] The command asks for too much at once";
static const char bye_login[] = "[UNAVAILABLE] Login took too long";
static const char bye_idle[] = "Nothing was heard for too long";
static const char bye_drain[] = "[UNAVAILABLE] The server is going down, please come back";

/* --- Blocks --- */

void *session_block_get(struct session_engine *engine, size_t bytes)
{
	if (bytes <= ENGINE_BLOCK_BYTES)
		return pool_get(&engine->blocks);
	return bytes <= engine->larges.block_bytes ? pool_get(&engine->larges) : NULL;
}

void session_block_put(struct session_engine *engine, void *block)
{
	pool_put(pool_owns(&engine->blocks, block) ? &engine->blocks : &engine->larges, block);
}

const char *session_job_read(struct session *session, struct wire_cursor *cursor, job_read *read)
{
	struct session_engine *engine = session->engine;
	const size_t sizes[] = {engine->blocks.block_bytes, engine->larges.block_bytes};

	for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct arena arena = {.capacity = sizes[k]};
		struct wire_cursor from_start = *cursor;
		const char *answer;

		arena.ptr = session_block_get(engine, arena.capacity);
		if (arena.ptr == NULL)
			return answer_busy;
		answer = read(session, &from_start, &arena);
		if (answer == NULL) {
			session->job = arena.ptr;
			return NULL;
		}
		session_block_put(engine, arena.ptr);
		if (answer != answer_block_full)
			return answer;
	}
	return answer_too_much;
}

/* --- Timers --- */

void session_timer(struct session *session)
{
	const struct session_config *config = &session->engine->config;
	uint64_t now = session_now_ns(session), due, ms;
	uint64_t patience_s = session->state == SESSION_BEFORE_LOGIN ? config->login_timeout_s
								     : config->idle_timeout_s;

	due = session->active_ns + patience_s * MS_PER_S * NS_PER_MS;
	if (session->bye != NULL)
		due = now + (uint64_t)SESSION_BYE_MS * NS_PER_MS;
	if (session->resume_ns != 0 && session->resume_ns < due)
		due = session->resume_ns;
	ms = due <= now ? 1 : (due - now + NS_PER_MS - 1) / NS_PER_MS;
	session->transport->ops->timer(session->transport, session->ref,
				       ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX);
}

void session_delay(struct session *session, uint32_t ms)
{
	session->resume_ns = session_now_ns(session) + (uint64_t)ms * NS_PER_MS;
	session_timer(session);
}

void session_wake(struct session *session)
{
	session->transport->ops->wake(session->transport, session->ref);
}

void session_bye(struct session *session, const char *text)
{
	if (session->bye != NULL)
		return;
	session->bye = text;
	session_timer(session);
}

void session_unselect(struct session *session)
{
	if (session->view == NULL)
		return;
	store_view_put(&session->view);
	session->state = SESSION_AUTHENTICATED;
}

static void store_woken(struct store_wait *wait)
{
	session_wake((struct session *)((char *)wait - offsetof(struct session, wait)));
}

/* --- The transport's calls (stream.h) --- */

static int session_open(struct stream_app *app, struct stream_transport *transport,
			struct stream_ref ref, const struct stream_info *info,
			struct stream_session **session_r)
{
	struct session_engine *engine = (struct session_engine *)app;
	struct session *session = pool_get(&engine->sessions);

	if (session == NULL) {
		engine->stats.sessions_refused++;
		return -ENOMEM;
	}
	memset(session, 0, sizeof(*session));
	session->stream.ops = app->ops;
	session->engine = engine;
	session->transport = transport;
	session->ref = ref;
	session->state = SESSION_BEFORE_LOGIN;
	session->may_login = info->tls || engine->config.plaintext_login;
	session->wait.woken = store_woken;
	memcpy(session->peer, info->peer_addr, sizeof(session->peer));
	session->active_ns = session_now_ns(session);
	session_timer(session);
	engine->stats.connections++;
	engine->stats.sessions++;
	*session_r = &session->stream;
	return 0;
}

static void session_expire(struct stream_session *stream)
{
	struct session *session = (struct session *)stream;
	uint64_t now = session_now_ns(session);
	bool login = session->state == SESSION_BEFORE_LOGIN;
	uint64_t patience_s = login ? session->engine->config.login_timeout_s
				    : session->engine->config.idle_timeout_s;

	if (session->resume_ns != 0 && now >= session->resume_ns)
		session->resume_ns = 0;
	if (session->bye != NULL) {
		session->transport->ops->abort(session->transport, session->ref);
		return;
	}
	if (now - session->active_ns >= patience_s * MS_PER_S * NS_PER_MS)
		session_bye(session, login ? bye_login : bye_idle);
	else
		session_timer(session);
}

static void session_drain(struct stream_session *stream)
{
	session_bye((struct session *)stream, bye_drain);
}

static void session_end(struct stream_session *stream)
{
	((struct session *)stream)->ended = true;
}

static void session_closed(struct stream_session **stream, enum stream_reason reason)
{
	struct session *session = (struct session *)*stream;
	struct session_engine *engine = session->engine;

	(void)reason;
	command_drop(session);
	session_input_reset(session);
	session_unselect(session);
	if (session->account != NULL)
		store_account_put(&session->account);
	pool_put(&engine->sessions, session);
	engine->stats.sessions--;
	*stream = NULL;
}

static const struct stream_app_ops engine_ops = {
	.open = session_open,
	.consume = session_consume,
	.produce = session_produce,
	.expire = session_expire,
	.drain = session_drain,
	.end = session_end,
	.closed = session_closed,
};

/* --- The engine --- */

static bool config_good(const struct session_config *config)
{
	size_t greeting;

	if (config->greeting == NULL || config->sessions_max == 0 ||
	    config->sessions_max > INT32_MAX || config->command_bytes_max < COMMAND_BYTES_MIN ||
	    config->command_bytes_max > COMMAND_BYTES_MAX || config->login_timeout_s == 0 ||
	    config->idle_timeout_s == 0)
		return false;
	greeting = strlen(config->greeting);
	for (size_t k = 0; k < greeting; k++)
		if (config->greeting[k] < ' ' || config->greeting[k] > '~')
			return false;
	return greeting > 0 && greeting <= GREETING_BYTES_MAX;
}

static int pools_create(struct session_engine *engine)
{
	const struct session_config *config = &engine->config;
	size_t large = (size_t)config->command_bytes_max * ENGINE_LARGE_PER_COMMAND_BYTE;
	int status;

	/* A session holds one block at a time and one more while a command is read out of the
	 * other; a login whose client left holds its own until the helper has answered. */
	status = pool_create(&engine->sessions, sizeof(struct session), config->sessions_max);
	if (status == 0)
		status = pool_create(&engine->blocks, ENGINE_BLOCK_BYTES,
				     config->sessions_max + config->sessions_max / 4 + 16);
	if (status == 0)
		status = pool_create(&engine->buffers, config->command_bytes_max,
				     config->command_buffers);
	if (status == 0)
		status = pool_create(&engine->larges, large, config->command_buffers);
	return status;
}

static void flags_compose(struct session_engine *engine)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{STORE_ANSWERED, "\\Answered"}, {STORE_FLAGGED, "\\Flagged"},
		{STORE_DELETED, "\\Deleted"},	{STORE_SEEN, "\\Seen"},
		{STORE_DRAFT, "\\Draft"},
	};

	for (uint32_t set = 0; set < 32; set++) {
		struct session_text *flags = &engine->flags[set];
		struct wire_text text = {.ptr = (uint8_t *)flags->bytes,
					 .capacity = sizeof(flags->bytes)};

		wire_text_str(&text, "(");
		for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if ((set & names[k].bit) != 0) {
				wire_text_str(&text, text.len > 1 ? " " : "");
				wire_text_str(&text, names[k].name);
			}
		ASSERT(!text.full);
		flags->len = (uint8_t)text.len;
	}
}

static void texts_compose(struct session_engine *engine)
{
	for (unsigned may = 0; may < 2; may++)
		snprintf(engine->greeting[may], sizeof(engine->greeting[may]), "[%s] %s",
			 capability_text(false, may != 0), engine->config.greeting);
	snprintf(engine->logged_in, sizeof(engine->logged_in), "OK [%s] Logged in",
		 capability_text(true, true));
	flags_compose(engine);
}

int session_engine_create(const struct session_config *config, const struct session_env *env,
			  struct session_engine **engine_r)
{
	struct session_engine *engine;
	int status = -ENOMEM;

	*engine_r = NULL;
	if (!config_good(config))
		return -EINVAL;
	engine = calloc(1, sizeof(*engine));
	if (engine == NULL)
		return -ENOMEM;
	engine->app.ops = &engine_ops;
	engine->config = *config;
	engine->env = *env;
	status = pools_create(engine);
	if (status != 0)
		goto fail;
	engine->reader = store_reader_create(env->store, env->work, STORE_JOBS_MAX);
	if (engine->reader == NULL) {
		status = -ENOMEM;
		goto fail;
	}
	texts_compose(engine);
	*engine_r = engine;
	return 0;
fail:
	session_engine_destroy(&engine);
	return status;
}

void session_engine_destroy(struct session_engine **engine)
{
	struct session_engine *gone = *engine;

	if (gone == NULL)
		return;
	if (gone->reader != NULL)
		store_reader_destroy(&gone->reader);
	pool_destroy(&gone->sessions);
	pool_destroy(&gone->blocks);
	pool_destroy(&gone->buffers);
	pool_destroy(&gone->larges);
	free(gone);
	*engine = NULL;
}

struct stream_app *session_engine_app(struct session_engine *engine)
{
	return &engine->app;
}

void session_engine_stats(const struct session_engine *engine, struct session_stats *stats_r)
{
	*stats_r = engine->stats;
}

const struct store_reader *session_engine_reader(const struct session_engine *engine)
{
	return engine->reader;
}
