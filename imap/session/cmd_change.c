/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that change mail or mailboxes. They are read in full, so that bad syntax
 * is told from what cannot be done, and then refused (docs/decisions.md). A literal of
 * such a command is refused where it is announced (command_literal).
 */
#include "commands.h"

/* A sequence set, whatever its numbers; only the syntax counts. */
static bool set_take(struct session *session, struct wire_cursor *cursor)
{
	struct wire_run *runs = (struct wire_run *)(void *)session->engine->temp;
	size_t runs_n;
	bool full = false;

	if (wire_seqset(cursor, UINT32_MAX, runs, sizeof(session->engine->temp) / sizeof(*runs),
			&runs_n, &full) > 0)
		return true;
	if (!full)
		return false;
	/* A set too long to be kept need not be: its bytes are passed over. */
	command_word_take(cursor);
	return true;
}

static bool mailbox_name_take(struct wire_cursor *cursor)
{
	struct wire_string name;

	return wire_space(cursor) > 0 && wire_astring(cursor, &name) > 0;
}

/* flag: an atom, or one behind a backslash. */
static bool flag_take(struct wire_cursor *cursor)
{
	struct span name;

	if (wire_at(cursor, '\\'))
		wire_char(cursor, '\\');
	return wire_atom(cursor, &name) > 0;
}

static bool flag_list_take(struct wire_cursor *cursor)
{
	if (wire_char(cursor, '(') < 0)
		return false;
	if (wire_char(cursor, ')') > 0)
		return true;
	do {
		if (!flag_take(cursor))
			return false;
	} while (wire_space(cursor) > 0);
	return wire_char(cursor, ')') > 0;
}

static const char *verdict(struct wire_cursor *cursor, bool good)
{
	return good && wire_end(cursor) > 0 ? answer_cannot : answer_arguments;
}

/* Complete without a literal, it cannot be right: the message is one. */
const char *cmd_append_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	(void)cursor;
	return answer_arguments;
}

const char *cmd_store_begin(struct session *session, struct wire_cursor *cursor)
{
	struct span item;
	bool good = wire_space(cursor) > 0 && set_take(session, cursor) && wire_space(cursor) > 0;

	if (good && (wire_at(cursor, '+') || wire_at(cursor, '-')))
		cursor->ptr++;
	good = good && wire_atom(cursor, &item) > 0 &&
	       (span_eq_fold(item, span_of("FLAGS")) ||
		span_eq_fold(item, span_of("FLAGS.SILENT"))) &&
	       wire_space(cursor) > 0;
	if (good && wire_at(cursor, '('))
		return verdict(cursor, flag_list_take(cursor));
	do {
		good = good && flag_take(cursor);
	} while (good && wire_space(cursor) > 0);
	return verdict(cursor, good);
}

const char *cmd_copy_begin(struct session *session, struct wire_cursor *cursor)
{
	return verdict(cursor, wire_space(cursor) > 0 && set_take(session, cursor) &&
				       mailbox_name_take(cursor));
}

const char *cmd_expunge_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return verdict(cursor, true);
}

const char *cmd_uid_expunge_begin(struct session *session, struct wire_cursor *cursor)
{
	return verdict(cursor, wire_space(cursor) > 0 && set_take(session, cursor));
}

/* CREATE name [SP "(USE (\Drafts))"] (RFC 6154 section 3). */
const char *cmd_create_begin(struct session *session, struct wire_cursor *cursor)
{
	struct span use;
	bool good = mailbox_name_take(cursor);

	(void)session;
	if (good && wire_space(cursor) > 0)
		good = wire_char(cursor, '(') > 0 && wire_atom(cursor, &use) > 0 &&
		       span_eq_fold(use, span_of("USE")) && wire_space(cursor) > 0 &&
		       flag_list_take(cursor) && wire_char(cursor, ')') > 0;
	return verdict(cursor, good);
}

const char *cmd_mailbox_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return verdict(cursor, mailbox_name_take(cursor));
}

const char *cmd_rename_begin(struct session *session, struct wire_cursor *cursor)
{
	(void)session;
	return verdict(cursor, mailbox_name_take(cursor) && mailbox_name_take(cursor));
}
