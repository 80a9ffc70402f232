/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>

/* The rows of the answer. Between opening and telling, the first unseen message is looked for
 * in runs, so that a large mailbox takes no turn for itself. */
enum select_row { SELECT_CLOSED, SELECT_OPEN, SELECT_SCAN, SELECT_TELL = 1 << 30, SELECT_DONE };

enum {
	SCAN_MESSAGES = 4096, /* a few microseconds each */
	/* session->args */
	ARG_MAILBOX = 0,
	ARG_UNSEEN = 1, /* sequence number of the first unseen message; 0: none */
};

const char *cmd_select_begin(struct session *session, struct wire_cursor *cursor)
{
	struct store_mailbox_info info;
	int status;

	if (wire_space(cursor) < 0)
		return answer_arguments;
	status = mailbox_take(session, cursor, &session->args[ARG_MAILBOX]);
	if (status == -EINVAL || wire_end(cursor) < 0)
		return answer_arguments;
	/* Whatever becomes of it, the old mailbox is left (RFC 3501 section 6.3.1). */
	session->row = session->view != NULL ? SELECT_CLOSED : SELECT_OPEN;
	session_unselect(session);
	if (status != 0)
		return answer_no_mailbox;
	store_mailbox_info(session->account, session->args[ARG_MAILBOX], &info);
	if ((info.attributes & STORE_NONEXISTENT) != 0)
		return answer_no_mailbox;
	return (info.attributes & STORE_NOSELECT) != 0 ? answer_not_selectable : NULL;
}

static enum row view_open(struct session *session)
{
	struct store_mailbox_info info;
	int status = store_view_get(session->engine->reader, session->account,
				    session->args[ARG_MAILBOX], &session->wait, &session->view);

	if (status == -EAGAIN)
		return ROW_WAIT;
	if (status == -EBUSY)
		return ROW_AGAIN;
	if (status != 0) {
		session->answer = status == -ENOENT ? answer_no_mailbox : answer_unavailable;
		return ROW_END;
	}
	session->state = SESSION_SELECTED;
	session->args[ARG_UNSEEN] = 0;
	store_view_info(session->view, &info);
	session->row_next = info.unseen > 0 ? SELECT_SCAN : SELECT_TELL;
	return ROW_TEXT;
}

static enum row unseen_scan(struct session *session)
{
	uint32_t first = (session->row - SELECT_SCAN) * SCAN_MESSAGES;
	uint32_t count = store_view_count(session->view);

	for (uint32_t k = first; k < count && k - first < SCAN_MESSAGES; k++) {
		struct store_flags flags;

		store_view_flags(session->view, k, &flags);
		if ((flags.system & STORE_SEEN) == 0) {
			session->args[ARG_UNSEEN] = k + 1;
			session->row_next = SELECT_TELL;
			return ROW_TEXT;
		}
	}
	if (count - first <= SCAN_MESSAGES || count <= first)
		session->row_next = SELECT_TELL;
	return ROW_TEXT;
}

static void number_put(struct wire_text *text, const char *before, uint64_t number,
		       const char *after)
{
	wire_text_str(text, before);
	wire_text_number(text, number);
	wire_text_str(text, after);
}

static void tell(struct session *session, struct wire_text *text)
{
	const struct store_view *view = session->view;
	struct store_mailbox_info info;

	store_view_info(view, &info);
	wire_text_str(text, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft");
	for (unsigned k = 0; k < store_view_keyword_count(view); k++) {
		struct span keyword = store_view_keyword(view, k);

		if (keyword.len > 0) {
			wire_text_str(text, " ");
			wire_text_add(text, keyword);
		}
	}
	wire_text_str(text, ")\r\n* OK [PERMANENTFLAGS ()] Flags cannot be changed\r\n");
	number_put(text, "* ", store_view_count(view), " EXISTS\r\n");
	/* \Recent belongs to whoever could clear it: a read-only session is never the one. */
	wire_text_str(text, "* 0 RECENT\r\n");
	if (session->args[ARG_UNSEEN] != 0)
		number_put(text, "* OK [UNSEEN ", session->args[ARG_UNSEEN],
			   "] First unseen message\r\n");
	number_put(text, "* OK [UIDVALIDITY ", info.uidvalidity, "] UIDs are valid\r\n");
	number_put(text, "* OK [UIDNEXT ", info.uidnext, "] Predicted next UID\r\n");
	number_put(text, "* OK [HIGHESTMODSEQ ", info.highestmodseq, "] Highest\r\n");
}

static enum row select_row(struct session *session, struct wire_text *text, const char *answer)
{
	switch (session->row) {
	case SELECT_CLOSED:
		wire_text_str(text, "* OK [CLOSED] The mailbox selected before is closed\r\n");
		return ROW_TEXT;
	case SELECT_OPEN:
		return view_open(session);
	case SELECT_TELL:
		tell(session, text);
		return ROW_TEXT;
	case SELECT_DONE:
		session->answer = answer;
		return ROW_END;
	default:
		return unseen_scan(session);
	}
}

/*
 * No flag can be changed yet, which PERMANENTFLAGS () says. SELECT is READ-WRITE all the same: to
 * clients READ-ONLY means that somebody took the right away, and some give up (imaplib raises).
 */
enum row cmd_select_row(struct session *session, struct wire_text *text)
{
	return select_row(session, text, "OK [READ-WRITE] Mailbox selected");
}

enum row cmd_examine_row(struct session *session, struct wire_text *text)
{
	return select_row(session, text, "OK [READ-ONLY] Mailbox selected");
}
