/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "check.h"
#include "commands.h"

enum login_phase {
	LOGIN_SOURCE,	/* who comes from a source that guesses waits first */
	LOGIN_SUBMIT,	/* the question goes to a worker */
	LOGIN_ANSWERED, /* the worker has answered */
	LOGIN_ACCOUNT,	/* the mailboxes are being opened */
	LOGIN_DENIED,	/* the bad news has waited long enough */
};

/* In a block that a worker may hold longer than the session lives. */
struct login {
	struct work work; /* first: what the worker is handed */
	struct session_engine *engine;
	struct stream_transport *transport;
	struct stream_ref ref;
	enum login_phase phase;
	enum auth_status status;
	struct auth_request request;
};
static_assert(sizeof(struct login) <= ENGINE_BLOCK_BYTES, "a login lives in a block");

static const char answer_denied[] = "NO [AUTHENTICATIONFAILED] Wrong name or password";
static const char answer_no_auth[] = "NO [UNAVAILABLE] Logins cannot be checked now, try later";
static const char answer_no_account[] = "NO [UNAVAILABLE] This account has no mailboxes yet";
static const char answer_account[] = "NO [UNAVAILABLE] The account cannot be opened now";

/* On a worker. */
static void login_run(struct work *work)
{
	struct login *login = (struct login *)work;
	const struct session_env *env = &login->engine->env;

	login->status = env->verify(env->auth, &login->request);
	explicit_bzero(login->request.password, sizeof(login->request.password));
}

static void login_done(struct work *work)
{
	struct login *login = (struct login *)work;
	struct session *session =
		(struct session *)login->transport->ops->find(login->transport, login->ref);

	/* The client may be gone, or have been told BYE. */
	if (session == NULL || session->job != login) {
		session_block_put(login->engine, login);
		return;
	}
	session->job_lent = false;
	login->phase = LOGIN_ANSWERED;
	session_wake(session);
}

/* Copies a string that must be a C string. False: it is too long. */
static bool string_take(const struct wire_string *string, char *out, size_t len_max)
{
	size_t len = wire_string_copy(string, (uint8_t *)out, len_max);

	if (len == SIZE_MAX)
		return false;
	out[len] = '\0';
	return memchr(out, '\0', len) == NULL;
}

const char *login_begin(struct session *session, const struct wire_string *name,
			const struct wire_string *password)
{
	struct login *login = session_block_get(session->engine, sizeof(*login));

	if (login == NULL)
		return answer_no_auth;
	memset(login, 0, sizeof(*login));
	login->work.run = login_run;
	login->work.done = login_done;
	login->engine = session->engine;
	login->transport = session->transport;
	login->ref = session->ref;
	memcpy(login->request.peer, session->peer, sizeof(login->request.peer));
	/* What no user can have is denied without a question, as slowly as all others. */
	login->status = AUTH_DENIED;
	login->phase = LOGIN_SOURCE;
	if (!string_take(name, login->request.name, AUTH_NAME_BYTES_MAX) ||
	    !wire_utf8_valid(span_of(login->request.name)) ||
	    !string_take(password, login->request.password, AUTH_PASSWORD_BYTES_MAX)) {
		explicit_bzero(login->request.password, sizeof(login->request.password));
		login->phase = LOGIN_ANSWERED;
	}
	session->job = login;
	return NULL;
}

static enum step submit(struct session *session, struct login *login)
{
	session->job_lent = true;
	if (work_submit(session->engine->env.work, WORK_AUTH, &login->work) == 0)
		return STEP_WAIT;
	session->job_lent = false;
	return STEP_MORE;
}

static enum step answered(struct session *session, struct login *login)
{
	struct session_engine *engine = session->engine;

	switch (login->status) {
	case AUTH_OK:
		login->phase = LOGIN_ACCOUNT;
		return STEP_MORE;
	case AUTH_DENIED:
		engine->stats.logins_failed++;
		throttle_failed(&engine->throttle, session->peer, session_now_ns(session));
		login->phase = LOGIN_DENIED;
		session_delay(session, SESSION_FAILURE_DELAY_MS << session->failures_n);
		return STEP_WAIT;
	case AUTH_UNAVAILABLE:
		break;
	}
	session->answer = answer_no_auth;
	return STEP_END;
}

static enum step account_open(struct session *session, const struct login *login)
{
	struct session_engine *engine = session->engine;
	int status = store_account_get(engine->reader, login->request.account, &session->wait,
				       &session->account);

	if (status == -EAGAIN)
		return STEP_WAIT;
	if (status == -EBUSY)
		return STEP_MORE;
	if (status != 0) {
		session->answer = status == -ENOENT ? answer_no_account : answer_account;
		return STEP_END;
	}
	engine->stats.logins++;
	session->state = SESSION_AUTHENTICATED;
	session->active_ns = session_now_ns(session);
	session_timer(session);
	session->answer = engine->logged_in;
	return STEP_END;
}

enum step login_step(struct session *session, struct stream_out *out,
		     const struct stream_budget *budget)
{
	struct login *login = session->job;
	uint32_t delay_ms;

	(void)out;
	(void)budget;
	ASSERT(login != NULL && !session->job_lent);
	switch (login->phase) {
	case LOGIN_SOURCE:
		login->phase = LOGIN_SUBMIT;
		delay_ms = throttle_delay_ms(&session->engine->throttle, session->peer,
					     session_now_ns(session));
		if (delay_ms == 0)
			return submit(session, login);
		session_delay(session, delay_ms);
		return STEP_WAIT;
	case LOGIN_SUBMIT:
		return submit(session, login);
	case LOGIN_ANSWERED:
		return answered(session, login);
	case LOGIN_ACCOUNT:
		return account_open(session, login);
	case LOGIN_DENIED:
		break;
	}
	session->answer = answer_denied;
	if (++session->failures_n == SESSION_LOGIN_FAILURES_MAX)
		session_bye(session, "Too many failed logins");
	return STEP_END;
}
