/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <string.h>

#define LOGIN_ONLY SESSION_BEFORE_LOGIN
#define LOGGED_IN (SESSION_AUTHENTICATED | SESSION_SELECTED)
#define ANY (SESSION_BEFORE_LOGIN | LOGGED_IN)
#define SELECTED SESSION_SELECTED
#define SEQUENCE COMMAND_SEQUENCE
#define CHANGES COMMAND_CHANGES
#define UID COMMAND_UID

/* The protocol, read off in one place: name, states, flags, then who does it. */
const struct command command_table[] = {
	{"CAPABILITY", ANY, 0, cmd_capability_begin, cmd_capability_row, NULL, NULL},
	{"NOOP", ANY, 0, cmd_noop_begin, NULL, NULL, NULL},
	{"LOGOUT", ANY, 0, cmd_logout_begin, cmd_logout_row, NULL, NULL},
	{"ID", ANY, 0, cmd_id_begin, cmd_id_row, NULL, NULL},
	{"LOGIN", LOGIN_ONLY, 0, cmd_login_begin, NULL, login_step, NULL},
	{"AUTHENTICATE", LOGIN_ONLY, 0, cmd_authenticate_begin, NULL, login_step,
	 cmd_authenticate_line},
	{"ENABLE", LOGGED_IN, 0, cmd_enable_begin, cmd_enable_row, NULL, NULL},
	{"NAMESPACE", LOGGED_IN, 0, cmd_namespace_begin, cmd_namespace_row, NULL, NULL},
	{"SELECT", LOGGED_IN, 0, cmd_select_begin, cmd_select_row, NULL, NULL},
	{"EXAMINE", LOGGED_IN, 0, cmd_select_begin, cmd_examine_row, NULL, NULL},
	{"LIST", LOGGED_IN, 0, cmd_list_begin, cmd_list_row, NULL, NULL},
	{"LSUB", LOGGED_IN, 0, cmd_list_begin, cmd_list_row, NULL, NULL},
	{"STATUS", LOGGED_IN, 0, cmd_status_begin, cmd_status_row, NULL, NULL},
	{"IDLE", LOGGED_IN, 0, cmd_idle_begin, NULL, NULL, cmd_idle_line},
	{"CREATE", LOGGED_IN, CHANGES, cmd_create_begin, NULL, NULL, NULL},
	{"DELETE", LOGGED_IN, CHANGES, cmd_mailbox_begin, NULL, NULL, NULL},
	{"RENAME", LOGGED_IN, CHANGES, cmd_rename_begin, NULL, NULL, NULL},
	{"SUBSCRIBE", LOGGED_IN, CHANGES, cmd_mailbox_begin, NULL, NULL, NULL},
	{"UNSUBSCRIBE", LOGGED_IN, CHANGES, cmd_mailbox_begin, NULL, NULL, NULL},
	{"APPEND", LOGGED_IN, CHANGES, cmd_append_begin, NULL, NULL, NULL},
	{"CHECK", SELECTED, 0, cmd_check_begin, NULL, NULL, NULL},
	{"CLOSE", SELECTED, 0, cmd_close_begin, NULL, NULL, NULL},
	{"UNSELECT", SELECTED, 0, cmd_unselect_begin, NULL, NULL, NULL},
	{"FETCH", SELECTED, SEQUENCE, cmd_fetch_begin, NULL, cmd_fetch_step, NULL},
	{"FETCH", SELECTED, UID, cmd_fetch_begin, NULL, cmd_fetch_step, NULL},
	{"SEARCH", SELECTED, SEQUENCE, cmd_search_begin, cmd_search_row, NULL, NULL},
	{"SEARCH", SELECTED, UID, cmd_search_begin, cmd_search_row, NULL, NULL},
	{"STORE", SELECTED, SEQUENCE | CHANGES, cmd_store_begin, NULL, NULL, NULL},
	{"STORE", SELECTED, UID | CHANGES, cmd_store_begin, NULL, NULL, NULL},
	{"COPY", SELECTED, SEQUENCE | CHANGES, cmd_copy_begin, NULL, NULL, NULL},
	{"COPY", SELECTED, UID | CHANGES, cmd_copy_begin, NULL, NULL, NULL},
	{"MOVE", SELECTED, SEQUENCE | CHANGES, cmd_copy_begin, NULL, NULL, NULL},
	{"MOVE", SELECTED, UID | CHANGES, cmd_copy_begin, NULL, NULL, NULL},
	{"EXPUNGE", SELECTED, CHANGES, cmd_expunge_begin, NULL, NULL, NULL},
	{"EXPUNGE", SELECTED, UID | CHANGES, cmd_uid_expunge_begin, NULL, NULL, NULL},
	{NULL, 0, 0, NULL, NULL, NULL, NULL},
};

const char answer_arguments[] = "BAD Arguments are not as the command wants them";
const char answer_no_mailbox[] = "NO [NONEXISTENT] There is no mailbox of that name";
const char answer_not_selectable[] = "NO [CANNOT] That name holds no messages";
const char answer_busy[] = "NO [LIMIT] Too many large commands are running, try again later";

const char answer_block_full[] = "NO [LIMIT] The command is too long";
const char answer_unavailable[] = "NO [UNAVAILABLE] The mailbox cannot be read now";

static const char answer_syntax[] = "BAD A command is a tag, a name and its arguments";
static const char answer_unknown[] = "BAD There is no command of that name here";
static const char answer_log_in[] = "BAD Log in first";
static const char answer_logged_in[] = "BAD Already logged in";
static const char answer_select[] = "BAD Select a mailbox first";
const char answer_cannot[] =
	"NO [CANNOT] This server does not change mail yet: mailboxes are read-only";
const char answer_too_big[] = "BAD [TOOBIG] The command is longer than this server reads";

static const struct command *command_find(struct span name, bool uid)
{
	for (const struct command *command = command_table; command->name != NULL; command++)
		if (((command->flags & COMMAND_UID) != 0) == uid &&
		    span_eq_fold(name, span_of(command->name)))
			return command;
	return NULL;
}

struct span command_word_take(struct wire_cursor *cursor)
{
	struct span word = {cursor->ptr, 0};

	for (; cursor->ptr < cursor->end; cursor->ptr++, word.len++)
		if (*cursor->ptr == ' ' || *cursor->ptr == '\r' || *cursor->ptr == '\n')
			break;
	return word;
}

void command_tag_keep(struct session *session, struct wire_cursor *cursor)
{
	struct span tag;

	session->tag_len = 0;
	if (wire_tag(cursor, &tag) < 0 || tag.len > sizeof(session->tag))
		return;
	session->tag_len = (uint8_t)tag.len;
	memcpy(session->tag, tag.ptr, tag.len);
}

/* Reads the name. NULL and *answer_r, where there is no such command or not here. */
static const struct command *command_name(const struct session *session, struct wire_cursor *cursor,
					  const char **answer_r)
{
	const struct command *command;
	struct span name;
	bool uid;

	*answer_r = answer_syntax;
	if (session->tag_len == 0 || wire_space(cursor) < 0 || wire_atom(cursor, &name) < 0)
		return NULL;
	uid = span_eq_fold(name, span_of("UID"));
	if (uid && (wire_space(cursor) < 0 || wire_atom(cursor, &name) < 0))
		return NULL;
	command = command_find(name, uid);
	if (command == NULL)
		*answer_r = answer_unknown;
	else if ((command->states & session->state) != 0)
		return command;
	else if (session->state == SESSION_BEFORE_LOGIN)
		*answer_r = answer_log_in;
	else
		*answer_r = command->states == LOGIN_ONLY ? answer_logged_in : answer_select;
	return NULL;
}

void command_take(struct session *session, struct span line)
{
	struct wire_cursor cursor = wire_cursor_of(line);
	const struct command *command;

	session->engine->stats.commands++;
	session->row = session->row_next = session->row_off = 0;
	command_tag_keep(session, &cursor);
	command = command_name(session, &cursor, &session->answer);
	if (command == NULL)
		return;
	session->command = command;
	session->answer = command->begin(session, &cursor);
	if (session->answer != NULL)
		command_drop(session);
}

void command_drop(struct session *session)
{
	store_wait_cancel(&session->wait);
	/* A lent block comes back when the worker is done with it; until login it has a password.
	 */
	if (session->job != NULL && !session->job_lent) {
		if (session->state == SESSION_BEFORE_LOGIN)
			explicit_bzero(session->job, ENGINE_BLOCK_BYTES);
		session_block_put(session->engine, session->job);
	}
	session->job = NULL;
	session->job_lent = false;
	session->resume_ns = 0;
	session->command = NULL;
	session->expect = SESSION_EXPECT_COMMAND;
}

const char *command_literal(struct session *session, struct span so_far)
{
	struct wire_cursor cursor = wire_cursor_of(so_far);
	const struct command *command;
	uint64_t room = session->state == SESSION_BEFORE_LOGIN
				? ENGINE_BLOCK_BYTES
				: session->engine->config.command_bytes_max;
	const char *answer;

	command_tag_keep(session, &cursor);
	command = command_name(session, &cursor, &answer);
	if (command == NULL)
		return answer;
	if ((command->flags & COMMAND_CHANGES) != 0)
		return answer_cannot;
	if (so_far.len > room || session->input.literal > room - so_far.len)
		return answer_too_big;
	return NULL;
}
